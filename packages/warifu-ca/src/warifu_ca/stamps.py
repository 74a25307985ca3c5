"""Time stamps (RFC 3161, with the signing-certificate attribute of RFC 5816)."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, ClassVar

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1
from cryptography.hazmat.primitives.asymmetric import rsa

from warifu_ca import keys
from warifu_ca.authority import TSA_POLICY, Authority
from warifu_wire.errors import Fault, Refusal
from warifu_wire.times import Instant

ACCURACY = 1  # seconds
_SIZES = {"sha256": 32, "sha384": 48, "sha512": 64}


class Response(core.Sequence):  # type: ignore[misc] # asn1crypto has no types
    """TimeStampResp of RFC 3161 section 2.4.2; the library's own demands a token in a rejection."""

    _fields: ClassVar = [
        ("status", tsp.PKIStatusInfo),
        ("time_stamp_token", cms.ContentInfo, {"optional": True}),
    ]


def answer(authority: Authority, data: bytes) -> bytes:
    """The response to a request, both DER; what cannot be stamped gets a rejection."""
    try:
        asked = tsp.TimeStampReq.load(data, strict=True)
        asked.native  # noqa: B018 - parses every part now, so that nothing broken is copied out
        fault = _refused(asked)
    except (ValueError, TypeError, KeyError, OverflowError):
        return _rejected("bad_data_format")
    if fault is not None:
        return _rejected(fault)
    try:
        token = _token(authority, asked, authority.store.now())
    except (Refusal, Fault):
        return _rejected("time_not_available")
    return _dump(Response({"status": {"status": "granted"}, "time_stamp_token": token}))


def _refused(asked: Any) -> str | None:
    """The failure of RFC 3161 section 2.4.2 that a request meets, or None; parses all of it."""
    if asked["version"].native != "v1":
        return "bad_request"
    algorithm = asked["message_imprint"]["hash_algorithm"]["algorithm"].native
    if algorithm not in _SIZES:
        return "bad_alg"
    if len(asked["message_imprint"]["hashed_message"].native) != _SIZES[algorithm]:
        return "bad_data_format"
    if (policy := asked["req_policy"].native) is not None and policy != TSA_POLICY:
        return "unaccepted_policy"
    if asked["extensions"].native:
        return "unaccepted_extensions"
    nonce = asked["nonce"].native
    if nonce is not None and nonce.bit_length() > 512:
        return "bad_data_format"
    return None if isinstance(asked["cert_req"].native, bool) else "bad_data_format"


def _token(authority: Authority, asked: Any, now: Instant) -> Any:
    key, _ = authority.signer("tsa", now)
    certificate = asn1.Certificate.load(authority.der("tsa"))
    content = _content(asked, now)
    attributes = _attributes(content, certificate, now)
    rsa_key = isinstance(key, rsa.RSAPrivateKey)
    signer = cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                {
                    "issuer_and_serial_number": cms.IssuerAndSerialNumber(
                        {
                            "issuer": certificate.issuer,
                            "serial_number": certificate.serial_number,
                        }
                    )
                }
            ),
            "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": "sha256_rsa" if rsa_key else "sha256_ecdsa"},
            "signature": keys.sign(key, attributes.dump()),
        }
    )
    chain = [certificate, asn1.Certificate.load(authority.der("issuing"))]
    signed = cms.SignedData(
        {
            "version": "v3",
            "digest_algorithms": [algos.DigestAlgorithm({"algorithm": "sha256"})],
            "encap_content_info": {"content_type": "tst_info", "content": content},
            "certificates": chain if asked["cert_req"].native else None,
            "signer_infos": [signer],
        }
    )
    return cms.ContentInfo({"content_type": "signed_data", "content": signed})


def _content(asked: Any, now: Instant) -> core.ParsableOctetString:
    fields: dict[str, object] = {
        "version": "v1",
        "policy": TSA_POLICY,
        "message_imprint": asked["message_imprint"],
        "serial_number": secrets.randbits(127) | 1 << 126,
        "gen_time": now,
        "accuracy": {"seconds": ACCURACY},
    }
    if asked["nonce"].native is not None:
        fields["nonce"] = asked["nonce"]
    return core.ParsableOctetString(_dump(tsp.TSTInfo(fields)))


def _attributes(content: Any, certificate: Any, now: Instant) -> Any:
    digest = hashlib.sha256(certificate.dump()).digest()
    return cms.CMSAttributes(
        [
            {"type": "content_type", "values": ["tst_info"]},
            {"type": "signing_time", "values": [cms.Time({"utc_time": now})]},
            {
                "type": "message_digest",
                "values": [hashlib.sha256(bytes(content)).digest()],
            },
            {
                "type": "signing_certificate_v2",
                "values": [tsp.SigningCertificateV2({"certs": [{"cert_hash": digest}]})],
            },
        ]
    )


def _rejected(fault: str) -> bytes:
    return _dump(Response({"status": {"status": "rejection", "fail_info": {fault}}}))


def _dump(value: Any) -> bytes:
    made: bytes = value.dump()
    return made
