"""An authority on disk: its settings, its keys by role, its store. Made once by `init`."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from warifu_ca import keys, pkcs12
from warifu_ca.certify import Places
from warifu_ca.keys import PrivateKey
from warifu_ca.store import Clock, Store
from warifu_wire import canonical, times
from warifu_wire.canonical import Json
from warifu_wire.errors import Fault, Malformed, Refusal
from warifu_wire.times import Instant

Role = Literal["root", "issuing", "ocsp", "tsa", "export"]
ROLES: tuple[Role, ...] = ("root", "issuing", "ocsp", "tsa", "export")
SETTINGS = "ca.json"
STORE = "ca.sqlite3"
TSA_POLICY = "1.3.6.1.4.1.32473.2012.2.1"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a role's key is kept (`file:…` or a `pkcs11:` URI), and its certificate's file."""

    key: str
    certificate: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What `init` fixed: names, the address in certificates, where each key is kept."""

    name: str
    name_ja: str
    url: str
    trial: bool
    sources: Mapping[Role, Source]

    @property
    def places(self) -> Places:
        """The addresses that certificates carry."""
        return Places(self.url, self.name_ja)

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical.dumps(
            {
                "format": 1,
                "keys": {
                    role: {
                        "certificate": self.sources[role].certificate,
                        "key": self.sources[role].key,
                    }
                    for role in ROLES
                },
                "name": self.name,
                "name_ja": self.name_ja,
                "trial": self.trial,
                "url": self.url,
            }
        )


def settings(data: bytes) -> Settings:
    """Read settings; raises `Malformed`."""
    match canonical.loads(data):
        case {
            "format": 1,
            "keys": dict(sources),
            "name": str(name),
            "name_ja": str(name_ja),
            "trial": bool(trial),
            "url": str(url),
        } if set(sources) == set(ROLES):
            return Settings(
                name, name_ja, url, trial, {role: _source(sources[role]) for role in ROLES}
            )
    raise Malformed("settings-malformed", needed=f"{SETTINGS} as init wrote it")


def _source(value: Json) -> Source:
    match value:
        case {"certificate": str(certificate), "key": str(key)} if "/" not in certificate:
            return Source(key, certificate)
    raise Malformed("settings-malformed", needed=f"{SETTINGS} as init wrote it")


@dataclass(frozen=True, slots=True)
class Ring:
    """The keys by role, each loaded when first used and then held.

    The passphrase opens key files; a second line of it, when there is one, is the token's PIN.
    """

    folder: Path
    sources: Mapping[Role, Source]
    passphrase: str
    held: dict[Role, PrivateKey] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def key(self, role: Role) -> PrivateKey:
        """The private key of a role; raises `Refusal` (passphrase-wrong) or `Fault`."""
        with self._lock:
            if role not in self.held:
                self.held[role] = self._load(self.sources[role])
            return self.held[role]

    def _load(self, source: Source) -> PrivateKey:
        secret, _, pin = self.passphrase.partition("\n")
        scheme, _, place = source.key.partition(":")
        if scheme == "pkcs11":
            from warifu_ca import hsm  # a token's library only where there is a token

            der = (self.folder / source.certificate).read_bytes()
            public = keys.public_of(x509.load_der_x509_certificate(der))
            return hsm.load(source.key, pin or secret, public)
        if scheme != "file" or "/" in place:
            raise Malformed("settings-malformed", needed="file: or pkcs11:", source=source.key)
        try:
            data = (self.folder / place).read_bytes()
        except OSError as error:
            raise Fault(f"{place}: {error.strerror}", needed="the key file") from error
        return pkcs12.read(data, secret.encode())[0]


@dataclass(frozen=True, slots=True)
class Authority:
    """An open authority. Certificates are read at once, keys when used."""

    folder: Path
    settings: Settings
    ring: Ring
    store: Store
    certificates: Mapping[Role, x509.Certificate]

    @property
    def places(self) -> Places:
        """The addresses that certificates carry."""
        return self.settings.places

    def signer(self, role: Role, now: Instant) -> tuple[PrivateKey, x509.Certificate]:
        """Key and certificate of a role; raises `Refusal` (authority-expired)."""
        found = self.certificates[role]
        if not found.not_valid_before_utc <= now < found.not_valid_after_utc:
            raise Refusal(
                "authority-expired",
                needed="a certificate of the authority that is valid now",
                role=role,
                not_before=times.spell(found.not_valid_before_utc),
                not_after=times.spell(found.not_valid_after_utc),
            )
        return self.ring.key(role), found

    def der(self, role: Role) -> bytes:
        """The certificate of a role, DER."""
        return self.certificates[role].public_bytes(Encoding.DER)

    @property
    def chain(self) -> tuple[bytes, bytes]:
        """Issuing and root certificate, DER."""
        return self.der("issuing"), self.der("root")


def wall_clock() -> Instant:
    """The machine's time."""
    return datetime.now(UTC)


def opened(folder: Path, passphrase: str, clock: Clock = wall_clock) -> Authority:
    """Open an authority made by `init`; raises `Refusal` (not-an-authority) or `Fault`.

    `passphrase` may have a second line, the PIN of the token that holds keys.
    """
    try:
        found = settings((folder / SETTINGS).read_bytes())
        certificates = {
            role: x509.load_der_x509_certificate((folder / source.certificate).read_bytes())
            for role, source in found.sources.items()
        }
    except (OSError, ValueError) as error:
        raise Refusal("not-an-authority", needed="a folder made by init", folder=folder) from error
    return Authority(
        folder,
        found,
        Ring(folder, found.sources, passphrase),
        Store(folder / STORE, clock),
        certificates,
    )
