"""A certificate as a person sees it: whose it is, and how long it lasts."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from warifu_sign.verdict import Signatory


def signatory(certificate: x509.Certificate) -> Signatory:
    """What a certificate says about its holder; the name in Japanese where it has one."""
    return Signatory(
        name=holder(certificate),
        issuer=_common_name(certificate.issuer),
        serial=serial(certificate),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
    )


def serial(certificate: x509.Certificate) -> str:
    """The serial number in hexadecimal, as the authority spells it."""
    return f"{certificate.serial_number:x}"


def holder(certificate: x509.Certificate) -> str:
    """The holder's name: the directory name among the alternative names, else the subject."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        for name in names.get_values_for_type(x509.DirectoryName):
            found = _common_name(name)
            if found:
                return found
    except (x509.ExtensionNotFound, ValueError):
        pass
    return _common_name(certificate.subject)


def days_left(certificate: x509.Certificate, now: datetime) -> int:
    """Whole days until the certificate ends; negative once it has."""
    return (certificate.not_valid_after_utc - now).days


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    value = found[0].value if found else name.rfc4514_string()
    return value if isinstance(value, str) else value.decode("utf-8", "replace")
