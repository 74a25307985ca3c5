"""RFC 3161 time stamps: fetched over HTTP, and judged."""

from __future__ import annotations

import hashlib
import secrets
import urllib.error
import urllib.request
from datetime import datetime

from asn1crypto import algos, cms, tsp
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from warifu_sign import chain
from warifu_sign.errors import Fault, Refusal
from warifu_sign.policy import Policy
from warifu_sign.verdict import Status

MOST_BYTES = 256 << 10
HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_TIME_STAMPING = "time_stamping"


class Tsa:
    """A time-stamping authority at an http or https address (tokens are signed themselves)."""

    def __init__(self, url: str, *, timeout: float = 20.0) -> None:
        if not url.startswith(("http://", "https://")):
            raise Refusal("tsa-address", url=url, needed="an address that starts with http")
        self.url = url
        self._timeout = timeout

    def token(self, data: bytes) -> bytes:
        """An RFC 3161 token over the SHA-256 of data.

        Raises Fault tsa-unreachable and Refusal tsa-refused, stamp-malformed, stamp-wrong.
        """
        nonce = secrets.randbits(63)
        request = tsp.TimeStampReq(
            {
                "version": 1,
                "message_imprint": _imprint(data),
                "nonce": nonce,
                "cert_req": True,
            }
        )
        return _token(self.answer(request.dump()), data, nonce)

    def answer(self, request: bytes) -> bytes:
        """What it answers to a request in DER. Raises Fault tsa-unreachable."""
        return _posted(self.url, request, self._timeout)


def proved(
    token: bytes, data: bytes, trust: chain.Trust, policy: Policy, now: datetime
) -> datetime:
    """The moment at which a token proves that data existed.

    Raises Refusal stamp-malformed, stamp-wrong, stamp-purpose, stamp-untrusted.
    """
    try:
        signed = cms.ContentInfo.load(token)["content"]
        info = signed["encap_content_info"]["content"].parsed
        if not isinstance(info, tsp.TSTInfo):
            raise Refusal("stamp-malformed")
        _check_imprint(info, data, policy)
        certificate = _signer(signed)
        _check_signature(signed, certificate, policy)
        when: datetime = info["gen_time"].native
        others = [one.chosen.dump() for one in signed["certificates"]]
        _check_purpose(certificate)
    except Refusal:
        raise
    except Exception:  # asn1crypto raises whatever a malformed structure leads it to
        raise Refusal("stamp-malformed") from None
    found = chain.path(certificate, tuple(others), trust, policy, when, retroactive=True)
    if found.status is not Status.VALID:
        raise Refusal("stamp-untrusted", why=found.reason)
    if when > now + policy.clock_tolerance:
        raise Refusal("time-in-future", stamped=when.isoformat())
    return when


def _imprint(data: bytes) -> tsp.MessageImprint:
    return tsp.MessageImprint(
        {
            "hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
            "hashed_message": hashlib.sha256(data).digest(),
        }
    )


def _posted(url: str, body: bytes, timeout: float) -> bytes:
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked above
        url, data=body, headers={"Content-Type": "application/timestamp-query"}
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310
            found: bytes = answer.read(MOST_BYTES + 1)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise Fault("tsa-unreachable", url=url, why=error) from None
    if len(found) > MOST_BYTES:
        raise Refusal("stamp-malformed", size=len(found))
    return found


def _token(answer: bytes, data: bytes, nonce: int) -> bytes:
    try:
        response = tsp.TimeStampResp.load(answer)
        status = response["status"]["status"].native
        if status not in ("granted", "granted_with_mods"):
            raise Refusal("tsa-refused", status=status)
        token = response["time_stamp_token"]
        info = token["content"]["encap_content_info"]["content"].parsed
        if info["nonce"].native != nonce or info["message_imprint"].dump() != _imprint(data).dump():
            raise Refusal("stamp-wrong")
        dumped: bytes = token.dump()
        return dumped
    except Refusal:
        raise
    except Exception:
        raise Refusal("stamp-malformed") from None


def _check_imprint(info: tsp.TSTInfo, data: bytes, policy: Policy) -> None:
    imprint = info["message_imprint"]
    name = imprint["hash_algorithm"]["algorithm"].native
    if name not in policy.digests:
        raise Refusal("algorithm-weak", found=name)
    if imprint["hashed_message"].native != hashlib.new(name, data).digest():
        raise Refusal("stamp-wrong", needed="a time stamp over this signature")


def _signer(signed: cms.SignedData) -> asn1.Certificate:
    (signer,) = signed["signer_infos"]
    wanted = signer["sid"].chosen
    for choice in signed["certificates"]:
        one = choice.chosen
        if isinstance(wanted, cms.IssuerAndSerialNumber):
            if (
                one.serial_number == wanted["serial_number"].native
                and one.issuer == wanted["issuer"]
            ):
                return one
        elif one.key_identifier == wanted.native:
            return one
    raise Refusal("stamp-malformed", needed="the certificate of its signer")


def _check_signature(signed: cms.SignedData, certificate: asn1.Certificate, policy: Policy) -> None:
    """RFC 5652, 5.4 and 5.6, with the ESS certificate of RFC 5816 left to the chain."""
    (signer,) = signed["signer_infos"]
    name = signer["digest_algorithm"]["algorithm"].native
    if name not in policy.digests:
        raise Refusal("algorithm-weak", found=name)
    content = signed["encap_content_info"]["content"].contents
    digest = hashlib.new(name, content).digest()
    attributes = {one["type"].native: one["values"] for one in signer["signed_attrs"]}
    if (
        attributes["message_digest"][0].native != digest
        or attributes["content_type"][0].native != "tst_info"
    ):
        raise Refusal("stamp-wrong")
    covered = signer["signed_attrs"].untag().dump(force=True)
    public = x509.load_der_x509_certificate(certificate.dump()).public_key()
    algorithm = HASHES[name]
    try:
        if isinstance(public, rsa.RSAPublicKey):
            public.verify(signer["signature"].native, covered, padding.PKCS1v15(), algorithm)
        elif isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(signer["signature"].native, covered, ec.ECDSA(algorithm))
        else:
            raise Refusal("stamp-wrong")
    except InvalidSignature:
        raise Refusal("stamp-wrong") from None


def _check_purpose(certificate: asn1.Certificate) -> None:
    """RFC 3161, 2.3: the extended key usage must be there, critical, and nothing but this."""
    usage = certificate.extended_key_usage_value
    critical = "extended_key_usage" in certificate.critical_extensions
    if usage is None or not critical or usage.native != [_TIME_STAMPING]:
        raise Refusal("stamp-purpose", needed="a time-stamping certificate")
