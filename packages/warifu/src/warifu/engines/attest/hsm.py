"""Keys in a PKCS#11 token: `hsm:<number>?label=<token>&module=<library>`.

securesystemslib signs with the token but learns the library from its environment variable only,
logs in for every signature, and lets the token's own errors through; so it is wrapped here.
"""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from securesystemslib.signer import _hsm_signer
from securesystemslib.signer._hsm_signer import HSMSigner
from securesystemslib.signer._key import Key, SSlibKey
from securesystemslib.signer._signature import Signature
from securesystemslib.signer._signer import SIGNER_FOR_URI_SCHEME, SecretsHandler, Signer

from warifu_wire.errors import Fault, Malformed, Refusal
from warifu_wire.keys import PublicKey, public_key

SCHEME = "hsm"
_LIBRARY = "PYKCS11LIB"
_login = threading.Lock()  # a token knows one login for the whole process


@dataclass(frozen=True, slots=True)
class Slot:
    """A key's place in a token: its CKA_ID as a number, the token's label, and the library."""

    number: int
    label: str
    module: str

    @property
    def uri(self) -> str:
        """The place as a key URI."""
        return f"{SCHEME}:{self.number}?{urlencode({'label': self.label, 'module': self.module})}"


def slot(uri: str) -> Slot:
    """Read a key URI; raises `Malformed`."""
    parts = urlsplit(uri)
    found = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if parts.scheme != SCHEME or not parts.path.isdecimal() or set(found) != {"label", "module"}:
        raise Malformed("token-uri", needed="hsm:<number>?label=…&module=…", uri=uri)
    return Slot(int(parts.path), found["label"], found["module"])


def loaded() -> None:
    """Load the library of tokens where it was left out at the start (warifu_wire.light)."""
    if _hsm_signer.PKCS11_IMPORT_ERROR:
        importlib.reload(_hsm_signer)


def generate(where: Slot, pin: str) -> PublicKey:
    """Make a P-256 pair in the token, never to leave it; raises `Refusal`, `Fault`."""
    import pkcs11
    from pkcs11.util import biginteger, ec

    with _logged_in(where):
        token = pkcs11.lib(where.module).get_token(token_label=where.label)
        with token.open(rw=True, user_pin=pin) as session:
            named = biginteger(where.number)
            if any(session.get_objects({pkcs11.Attribute.ID: named})):
                raise Refusal("key-exists", needed="a number not yet used", uri=where.uri)
            curve = {pkcs11.Attribute.EC_PARAMS: ec.encode_named_curve_parameters("secp256r1")}
            session.create_domain_parameters(pkcs11.KeyType.EC, curve, local=True).generate_keypair(
                id=named,
                label=f"{SCHEME}:{where.number}",
                store=True,
                private_template={
                    pkcs11.Attribute.SENSITIVE: True,
                    pkcs11.Attribute.EXTRACTABLE: False,
                },
            )
    return public(where, pin)


def public(where: Slot, pin: str) -> PublicKey:
    """The public half of a token's P-256 or P-384 key; raises `Refusal`, `Fault`."""
    with _logged_in(where):
        _, found = HSMSigner.import_(where.number, where.label, lambda _: pin)
    return public_key(found.keyid, found.to_dict())


class TokenSigner(Signer):
    """Signs in the token. After one wrong PIN it does not try again, for tokens lock themselves."""

    def __init__(self, where: Slot, key: SSlibKey, pin: SecretsHandler) -> None:
        loaded()
        self._where = where
        self._inner = HSMSigner(where.number, key, pin, where.label)
        self._refused = False

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> TokenSigner:
        """The signer of a key URI; the token is not looked for before the first signature."""
        if secrets_handler is None or not isinstance(public_key, SSlibKey):
            raise Refusal("passphrase-needed", needed="the token's PIN", uri=priv_key_uri)
        return cls(slot(priv_key_uri), public_key, secrets_handler)

    @property
    def public_key(self) -> SSlibKey:
        """The public half."""
        return self._inner.public_key

    def sign(self, payload: bytes) -> Signature:
        """The signature; raises `Refusal` for a wrong PIN, `Fault` for a token that fails."""
        if self._refused:
            raise Refusal("wrong-passphrase", needed="the token's PIN", uri=self._where.uri)
        try:
            with _logged_in(self._where):
                return self._inner.sign(payload)
        except Refusal:
            self._refused = True
            raise


@contextmanager
def _logged_in(where: Slot) -> Iterator[None]:
    """One login at a time; names the library, and turns a token's errors into ours."""
    from pkcs11.exceptions import PinIncorrect, PKCS11Error

    loaded()
    with _login:
        os.environ[_LIBRARY] = where.module
        try:
            yield
        except PinIncorrect as error:
            needed = "the token's PIN"
            raise Refusal("wrong-passphrase", needed=needed, uri=where.uri) from error
        except (PKCS11Error, RuntimeError, ValueError, OSError) as error:
            what = f"the token {where.label} failed: {type(error).__name__} {error}"
            raise Fault(what, needed="the token, its library and this key") from error


SIGNER_FOR_URI_SCHEME[SCHEME] = TokenSigner
