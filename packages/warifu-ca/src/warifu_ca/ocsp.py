"""OCSP: the state of one certificate, from the store, now (RFC 6960, nonce after RFC 9654)."""

from __future__ import annotations

from datetime import timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp

from warifu_ca import certify, keys
from warifu_ca.authority import Authority
from warifu_ca.store import Store
from warifu_wire import times
from warifu_wire.errors import Fault, Refusal
from warifu_wire.times import Instant

FRESH = timedelta(minutes=10)
_Failure = ocsp.OCSPResponseStatus


def answer(authority: Authority, data: bytes) -> bytes:
    """The response to a request, both DER; what cannot be answered gets an error response."""
    try:
        asked = ocsp.load_der_ocsp_request(data)
        nonce = _nonce(asked)
        asked.issuer_key_hash, asked.hash_algorithm  # noqa: B018 - parsed lazily, may raise
    except (ValueError, UnsupportedAlgorithm, NotImplementedError):
        return _failed(_Failure.MALFORMED_REQUEST)
    if not _about(asked, authority.certificates["issuing"]):
        return _failed(_Failure.UNAUTHORIZED)
    try:
        now = authority.store.now()
        return _signed(authority, asked, nonce, now)
    except (Refusal, Fault):
        return _failed(_Failure.TRY_LATER)


def _signed(
    authority: Authority,
    asked: ocsp.OCSPRequest,
    nonce: x509.OCSPNonce | None,
    now: Instant,
) -> bytes:
    key, responder = authority.signer("ocsp", now)
    status, at, reason = _state(authority.store, certify.hexadecimal(asked.serial_number))
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response_by_hash(
            issuer_name_hash=asked.issuer_name_hash,
            issuer_key_hash=asked.issuer_key_hash,
            serial_number=asked.serial_number,
            algorithm=asked.hash_algorithm,
            cert_status=status,
            this_update=now,
            next_update=now + FRESH,
            revocation_time=at,
            revocation_reason=reason,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, responder)
        .certificates([responder])
    )
    if nonce is not None:
        builder = builder.add_extension(nonce, False)
    return builder.sign(key, keys.hash_for(key)).public_bytes(Encoding.DER)


State = tuple[ocsp.OCSPCertStatus, Instant | None, x509.ReasonFlags | None]


def _state(store: Store, serial: str) -> State:
    row = store.db.execute(
        """SELECT at, reason FROM certificate LEFT JOIN revocation USING (serial)
           WHERE serial = ? AND issuer = 'issuing'""",
        (serial,),
    ).fetchone()
    if row is None:
        return ocsp.OCSPCertStatus.UNKNOWN, None, None
    if row["at"] is None:
        return ocsp.OCSPCertStatus.GOOD, None, None
    reason = None if row["reason"] == "unspecified" else x509.ReasonFlags(row["reason"])
    return ocsp.OCSPCertStatus.REVOKED, times.read(row["at"]), reason


def _about(asked: ocsp.OCSPRequest, issuer: x509.Certificate) -> bool:
    """Whether the request names our issuing certificate, by the hash it chose."""
    return asked.issuer_name_hash == _hash(
        asked.hash_algorithm, issuer.subject.public_bytes()
    ) and asked.issuer_key_hash == _hash(asked.hash_algorithm, _key_bits(issuer))


def _key_bits(certificate: x509.Certificate) -> bytes:
    """The key's BIT STRING content, which RFC 6960 section 4.1.1 hashes."""
    key = keys.public_of(certificate)
    if keys.kind_of(key).startswith("rsa"):
        return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _hash(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    found = hashes.Hash(algorithm)
    found.update(data)
    return found.finalize()


def _nonce(asked: ocsp.OCSPRequest) -> x509.OCSPNonce | None:
    """The nonce, at most 32 bytes (RFC 9654 section 2.1); raises ValueError."""
    try:
        found = asked.extensions.get_extension_for_class(x509.OCSPNonce).value
    except x509.ExtensionNotFound:
        return None
    if not 1 <= len(found.nonce) <= 32:
        raise ValueError("a nonce of 1 to 32 bytes is needed")
    return found


def _failed(status: ocsp.OCSPResponseStatus) -> bytes:
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)
