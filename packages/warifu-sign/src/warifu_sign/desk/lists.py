"""Revocation lists at the desk: fetched, and the newest kept, so that none goes back unnoticed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from warifu_sign import evidence, files
from warifu_sign.desk.home import MOST_LIST, fingerprint
from warifu_sign.errors import Fault


def renew(folder: Path, certificates: Iterable[x509.Certificate]) -> None:
    """Fetch the list of each issuer among the certificates, and keep it where it is newer.

    A list whose signature is not the issuer's is left out; what cannot be fetched stays as kept.
    """
    known = tuple(certificates)
    addresses = {address: one for one in known for address in evidence.named(one)}
    for certificate in addresses.values():
        try:
            fetched = evidence.crls([certificate])
        except Fault:  # what was kept may still be fresh; the chain judges that
            continue
        for data in fetched:
            for issuer in known:
                if _signed(data, issuer):
                    _keep(folder / f"{fingerprint(issuer)[:16]}.crl", data)


def kept(folder: Path) -> tuple[bytes, ...]:
    """The newest list of each issuer, DER."""
    return tuple(files.read(path, most=MOST_LIST) for path in sorted(folder.glob("*.crl")))


def _signed(data: bytes, issuer: x509.Certificate) -> bool:
    try:
        found = x509.load_der_x509_crl(data)
        key = issuer.public_key()
        return (
            found.issuer == issuer.subject
            and isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
            and found.is_signature_valid(key)
        )
    except (ValueError, TypeError):
        return False


def _keep(path: Path, data: bytes) -> None:
    if not path.exists() or _number(data) > _number(files.read(path, most=MOST_LIST)):
        files.write(path, data)


def _number(data: bytes) -> int:
    """The list's own number (RFC 5280, 5.2.3); a list without one never replaces another."""
    try:
        found = x509.load_der_x509_crl(data).extensions.get_extension_for_class(x509.CRLNumber)
    except (x509.ExtensionNotFound, ValueError):
        return -1
    return found.value.crl_number
