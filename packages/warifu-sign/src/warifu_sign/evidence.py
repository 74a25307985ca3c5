"""Evidence of revocation, fetched from where certificates say it is."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterable

from cryptography import x509

from warifu_sign.errors import Fault

MOST_BYTES = 32 << 20


def crls(certificates: Iterable[x509.Certificate], *, timeout: float = 20.0) -> tuple[bytes, ...]:
    """The lists that the certificates' distribution points name, each fetched once; DER.

    What they prove is for the chain to judge. Raises Fault crl-unreachable.
    """
    addresses = dict.fromkeys(
        address for certificate in certificates for address in named(certificate)
    )
    return tuple(_fetched(address, timeout) for address in addresses)


def named(certificate: x509.Certificate) -> list[str]:
    """The http addresses of a certificate's distribution points."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [
        name.value
        for point in points
        for name in point.full_name or []
        if isinstance(name, x509.UniformResourceIdentifier) and name.value.startswith("http")
    ]


def _fetched(address: str, timeout: float) -> bytes:
    try:
        with urllib.request.urlopen(address, timeout=timeout) as answer:  # noqa: S310 - http only
            data: bytes = answer.read(MOST_BYTES + 1)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise Fault("crl-unreachable", address=address, why=error) from None
    if len(data) > MOST_BYTES:
        raise Fault("crl-unreachable", address=address, why="too large")
    return data
