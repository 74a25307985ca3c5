"""Certificates that are written exactly as they were read.

asn1crypto writes a certificate anew once somebody has looked into it: slowly, and not always with
the same bytes (a subjectUniqueID loses its unused bits).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding


class Frozen(asn1.Certificate):  # type: ignore[misc] # asn1crypto ships no types
    """A certificate as parsed, with its own bytes."""

    _read: bytes | None = None

    def dump(self, force: bool = False) -> bytes:
        """The bytes it was read from."""
        written: bytes = super().dump(force=force) if self._read is None else self._read
        return written

    def _copy(self, other: Any, copy_func: Any) -> None:
        super()._copy(other, copy_func)
        self._read = other._read


@lru_cache(maxsize=1024)
def loaded(der: bytes) -> Frozen:
    """A certificate from DER, parsed as it is used. Raises ValueError for what is no DER."""
    found: Frozen = Frozen.load(der, strict=True)
    found._read = der
    return found


def of(certificate: x509.Certificate) -> Frozen:
    """The same certificate for the libraries that want asn1crypto's form."""
    return loaded(certificate.public_bytes(Encoding.DER))
