"""Keys in a PKCS #11 token: named by URI (RFC 7512), never extractable, used where they are.

`cryptography` signs certificates, lists and OCSP answers with any object of its key interfaces, so
a token's key is an implementation of that interface, and there is one way to build each of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import parse_qs, unquote

import pkcs11
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric import utils as asymmetric
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pkcs11.constants import Attribute, ObjectClass
from pkcs11.exceptions import NoSuchKey, PinIncorrect, PKCS11Error, UserAlreadyLoggedIn
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

from warifu_ca import keys
from warifu_wire.errors import Fault, Malformed, Refusal

_MODULI = {"rsa-2048": 2048, "rsa-3072": 3072}
_CURVES = {"p-256": "secp256r1", "p-384": "secp384r1"}
_RSA = {
    "sha256": pkcs11.Mechanism.SHA256_RSA_PKCS,
    "sha384": pkcs11.Mechanism.SHA384_RSA_PKCS,
}
Raw = Callable[[bytes, str], bytes]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key is: module, token and object of a `pkcs11:` URI."""

    module: str
    token: str
    object: str


def place(uri: str) -> Place:
    """Read `pkcs11:token=…;object=…?module-path=…`; raises `Malformed` (token-uri)."""
    scheme, _, rest = uri.partition(":")
    path, _, query = rest.partition("?")
    parts = dict(part.partition("=")[::2] for part in path.split(";"))
    module = parse_qs(query).get("module-path", [""])
    if (
        scheme != "pkcs11"
        or set(parts) != {"token", "object"}
        or not all((*parts.values(), *module))
    ):
        raise Malformed("token-uri", needed="pkcs11:token=…;object=…?module-path=…", uri=uri)
    return Place(module[0], unquote(parts["token"]), unquote(parts["object"]))


def load(uri: str, pin: str, public: keys.PublicKey) -> keys.PrivateKey:
    """The private key at `uri`, which must be the other half of `public`.

    Raises `Refusal` (passphrase-wrong, key-missing) or `Fault`. The pair is tried at once: a token
    whose label names another key would otherwise sign without a word.
    """
    where = place(uri)
    session = _session(where, pin)
    try:
        found = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=where.object)
    except NoSuchKey as error:
        raise Refusal("key-missing", needed="a private key of this label", uri=uri) from error
    except PKCS11Error as error:
        raise _trouble(error) from error
    made = _key(found, public)
    keys.sign(made, b"warifu-ca: is this the key of the certificate?")
    return made


def make(uri: str, pin: str, kind: str) -> keys.PrivateKey:
    """A fresh pair in the token: sensitive, not extractable. Raises `Refusal` (already-there)."""
    where = place(uri)
    session = _session(where, pin)
    try:
        if any(session.get_objects({Attribute.LABEL: where.object})):
            raise Refusal("already-there", needed="a label not yet used", uri=uri)
        public, private = _generated(session, where.object, kind)
        return _key(private, _public(public, kind))
    except PKCS11Error as error:
        raise _trouble(error) from error


def _session(where: Place, pin: str) -> Any:
    """A session that may sign; a token knows one login for the whole process."""
    try:
        token = pkcs11.lib(where.module).get_token(token_label=where.token)
        try:
            return token.open(rw=True, user_pin=pin)
        except UserAlreadyLoggedIn:
            return token.open(rw=True)
    except PinIncorrect as error:
        raise Refusal("passphrase-wrong", needed="the token's PIN") from error
    except (PKCS11Error, RuntimeError) as error:
        raise _trouble(error) from error


def _generated(session: Any, label: str, kind: str) -> tuple[Any, Any]:
    private = {
        Attribute.SENSITIVE: True,
        Attribute.EXTRACTABLE: False,
        Attribute.SIGN: True,
        Attribute.DECRYPT: False,
        Attribute.UNWRAP: False,
    }
    asked = {"store": True, "label": label, "private_template": private}
    if kind in _MODULI:
        made = session.generate_keypair(pkcs11.KeyType.RSA, _MODULI[kind], **asked)
    elif kind in _CURVES:
        parameters = session.create_domain_parameters(
            pkcs11.KeyType.EC,
            {Attribute.EC_PARAMS: encode_named_curve_parameters(_CURVES[kind])},
            local=True,
        )
        private.pop(Attribute.DECRYPT)
        private.pop(Attribute.UNWRAP)
        made = parameters.generate_keypair(**asked)
    else:
        raise Refusal("key-not-allowed", needed=" | ".join((*_MODULI, *_CURVES)), found=kind)
    public, key = made
    return public, key


def _public(found: Any, kind: str) -> keys.PublicKey:
    if kind in _MODULI:
        modulus = int.from_bytes(found[Attribute.MODULUS], "big")
        exponent = int.from_bytes(found[Attribute.PUBLIC_EXPONENT], "big")
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    return keys.allowed(load_der_public_key(encode_ec_public_key(found)), tuple(_CURVES))


def _key(found: Any, public: keys.PublicKey) -> keys.PrivateKey:
    lock = threading.Lock()  # a session is not for two threads at once

    def raw(data: bytes, digest: str) -> bytes:
        mechanism = _RSA[digest] if isinstance(public, rsa.RSAPublicKey) else pkcs11.Mechanism.ECDSA
        try:
            with lock:
                signed: bytes = found.sign(data, mechanism=mechanism)
        except PKCS11Error as error:
            raise _trouble(error) from error
        return signed

    if isinstance(public, rsa.RSAPublicKey):
        return TokenRsaKey(public, raw)
    return TokenEcKey(public, raw)


def _checked(public: keys.PublicKey, signature: bytes, data: bytes) -> bytes:
    if keys.verifies(public, signature, data):
        return signature
    raise Fault("the token signed with another key", needed="the key of the certificate")


def _refuse(*_: object) -> NoReturn:
    raise Fault("a key in a token does not leave it", needed="signing only")


_closed: Any = _refuse


class TokenRsaKey(rsa.RSAPrivateKey):
    """An RSA key that stays in its token; signs PKCS #1 v1.5."""

    def __init__(self, public: rsa.RSAPublicKey, raw: Raw) -> None:
        self._public, self._raw = public, raw

    @property
    def key_size(self) -> int:
        """Bits."""
        return self._public.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        """The other half."""
        return self._public

    def sign(
        self,
        data: Any,
        padding: padding.AsymmetricPadding,  # noqa: ARG002 - the interface names it
        algorithm: asymmetric.Prehashed | hashes.HashAlgorithm | asymmetric.NoDigestInfo,
    ) -> bytes:
        """PKCS #1 v1.5 with the digest asked for, verified before it leaves."""
        assert isinstance(algorithm, hashes.HashAlgorithm)
        return _checked(self._public, self._raw(bytes(data), algorithm.name), bytes(data))

    decrypt = private_numbers = private_bytes = _closed

    def __copy__(self) -> TokenRsaKey:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> TokenRsaKey:
        return self


class TokenEcKey(ec.EllipticCurvePrivateKey):
    """An EC key that stays in its token."""

    def __init__(self, public: ec.EllipticCurvePublicKey, raw: Raw) -> None:
        self._public, self._raw = public, raw

    @property
    def curve(self) -> ec.EllipticCurve:
        """The curve."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """Bits."""
        return self._public.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The other half."""
        return self._public

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """ECDSA in DER, hashed here (not every token can), verified before it leaves."""
        algorithm = signature_algorithm.algorithm
        assert isinstance(algorithm, hashes.HashAlgorithm)
        digest = hashes.Hash(algorithm)
        digest.update(bytes(data))
        raw = self._raw(digest.finalize(), algorithm.name)
        half = len(raw) // 2
        made = asymmetric.encode_dss_signature(
            int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")
        )
        return _checked(self._public, made, bytes(data))

    exchange = private_numbers = private_bytes = _closed

    def __copy__(self) -> TokenEcKey:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> TokenEcKey:
        return self


def _trouble(error: Exception) -> Fault:
    return Fault(f"token: {type(error).__name__} {error}".strip(), needed="the token, ready")
