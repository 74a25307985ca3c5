"""Of all certificates and lists at hand, those that can matter to one path.

Documents bring certificates and lists of their own. The library tries every one of them as the
issuer of every other, which takes minutes for a few hundred, so only what chains by name goes in.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1

from warifu_sign import frozen

MOST_CERTIFICATES = 64
MOST_LISTS = 64

for _name in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_name).addHandler(logging.NullHandler())  # what it finds is in the verdict


@dataclass(frozen=True, slots=True)
class Pool:
    """What goes into a path: certificates and revocation lists."""

    certificates: tuple[asn1.Certificate, ...]
    lists: tuple[asn1_crl.CertificateList, ...]


def relevant(leaf: asn1.Certificate, certificates: Iterable[bytes], lists: Iterable[bytes]) -> Pool:
    """Certificates and lists (DER) that lead from the leaf upwards, by the names in them.

    What is malformed is left out; beyond MOST_CERTIFICATES and MOST_LISTS the rest is, too.
    """
    known = [(der, one) for der in dict.fromkeys(certificates) if (one := loaded(der))]
    issued = [found for der in dict.fromkeys(lists) if (found := _list(der))]
    taken: dict[bytes, asn1.Certificate] = {}
    wanted, seen = _names_above(leaf), set[str]()
    while wanted and len(taken) < MOST_CERTIFICATES:
        seen |= wanted
        fresh = {der: one for der, one in known if one.subject.hashable in wanted}
        taken |= fresh
        above = (name for one in fresh.values() for name in _names_above(one))
        wanted = set(above) - seen
    chosen = [one for one in issued if one.issuer.hashable in seen]
    return Pool(tuple(taken.values())[:MOST_CERTIFICATES], tuple(chosen[:MOST_LISTS]))


def _names_above(certificate: asn1.Certificate) -> set[str]:
    """The issuer, and whoever else signs lists for it (RFC 5280, 4.2.1.13: cRLIssuer)."""
    names = {certificate.issuer.hashable}
    points = certificate.crl_distribution_points_value or ()
    for point in points:
        names |= {
            name.chosen.hashable
            for name in (point["crl_issuer"].native and point["crl_issuer"]) or ()
            if name.name == "directory_name"
        }
    return names


def loaded(der: bytes) -> asn1.Certificate | None:
    """A certificate, or none if it is malformed."""
    try:
        found = frozen.loaded(der)
        _names_above(found)
        hash(found.subject.hashable)
    except Exception:  # asn1crypto raises whatever a malformed structure leads it to
        return None
    return found


@lru_cache(maxsize=512)
def _list(der: bytes) -> asn1_crl.CertificateList | None:
    try:
        found = asn1_crl.CertificateList.load(der, strict=True)
        hash(found.issuer.hashable)
    except Exception:
        return None
    return found
