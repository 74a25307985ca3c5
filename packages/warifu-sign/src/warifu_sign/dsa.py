"""DSA keys that inherit their parameters from the issuer's certificate (RFC 3279, section 2.3.2).

The library hands them on within a path, but not to the check of a revocation list.
"""

from __future__ import annotations

from collections.abc import Iterable

from asn1crypto import x509 as asn1
from asn1crypto.algos import SignedDigestAlgorithm
from asn1crypto.keys import PublicKeyInfo
from pyhanko_certvalidator.sig_validate import (
    DEFAULT_VALIDATION_CONTEXT,
    DefaultSignatureValidator,
    SignatureValidationContext,
)


class Inheriting(DefaultSignatureValidator):
    """Verifies signatures, with the parameters that a key's issuer gives it where it has none."""

    def __init__(self, certificates: Iterable[asn1.Certificate]) -> None:
        self._known = [one for one in certificates if one.public_key.algorithm == "dsa"]

    def validate_signature(
        self,
        signature: bytes,
        signed_data: bytes,
        public_key_info: PublicKeyInfo,
        signature_algorithm: SignedDigestAlgorithm,
        context: SignatureValidationContext = DEFAULT_VALIDATION_CONTEXT,
    ) -> None:
        """Raise InvalidSignature unless the signature is the key's."""
        if public_key_info.algorithm == "dsa" and not _parameters(public_key_info):
            public_key_info = self._completed(public_key_info)
        super().validate_signature(
            signature, signed_data, public_key_info, signature_algorithm, context
        )

    def _completed(self, bare: PublicKeyInfo) -> PublicKeyInfo:
        """The key with its issuer's parameters; as it is where there are none."""
        value = bare["public_key"].contents
        issuers = {
            one.issuer.hashable
            for one in self._known
            if one.public_key["public_key"].contents == value
        }
        for one in self._known:
            if one.subject.hashable in issuers and _parameters(one.public_key):
                whole = bare.copy()
                whole["algorithm"] = one.public_key["algorithm"].copy()
                return whole
        return bare


def _parameters(key: PublicKeyInfo) -> bool:
    return key["algorithm"]["parameters"].native is not None
