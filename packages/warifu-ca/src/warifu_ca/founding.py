"""Founding an authority: root, issuing, responder, time-stamp and export keys, all or nothing."""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from warifu_ca import certify, issuing, keys, pkcs12, profiles, revoking, store
from warifu_ca.authority import (
    ROLES,
    SETTINGS,
    STORE,
    Authority,
    Ring,
    Role,
    Settings,
    Source,
    opened,
    wall_clock,
)
from warifu_ca.profiles import Profile
from warifu_ca.store import Clock
from warifu_wire import atomic
from warifu_wire.errors import Fault, Refusal
from warifu_wire.times import Instant

KINDS: dict[Role, str] = {
    "root": "rsa-3072",
    "issuing": "rsa-3072",
    "ocsp": "p-256",
    "tsa": "rsa-2048",
    "export": "p-256",
}
TITLES: dict[Role, str] = {
    "root": "Root",
    "issuing": "Issuing",
    "ocsp": "OCSP responder",
    "tsa": "Time stamps",
    "export": "Issuance export",
}
_URL = re.compile(r"https?://[A-Za-z0-9.\-]+(:\d{1,5})?(/[A-Za-z0-9._~\-]+)*")


def found(
    folder: Path,
    passphrase: str,
    *,
    url: str,
    name: str = "Example Authority",
    name_ja: str = "模擬認証局",
    tokens: Mapping[Role, str] = MappingProxyType({}),
    kinds: Mapping[Role, str] = KINDS,
    clock: Clock = wall_clock,
) -> Authority:
    """Make an authority in `folder` (absent or empty) and open it.

    `tokens` names the PKCS #11 URI of each role whose key is to be made in a token; with root and
    issuing keys there, the authority is no longer a trial. `passphrase` as in `authority.opened`.
    Raises `Refusal` (already-there, passphrase-too-weak, url-malformed) or `Fault`. A killed
    process leaves no authority: the folder appears whole, by one rename.
    """
    secret = pkcs12.passphrase(passphrase.partition("\n")[0])
    if not _URL.fullmatch(url):
        raise Refusal("url-malformed", needed="http://host[:port][/path]", url=url)
    if folder.exists() and any(folder.iterdir()):
        raise Refusal("already-there", needed="an absent or empty folder", folder=folder)
    trial = not {"root", "issuing"} <= set(tokens)
    settings = Settings(
        f"{name} (trial)" if trial else name,
        name_ja,
        url,
        trial=trial,
        sources={
            role: Source(tokens.get(role, f"file:{role}.p12"), f"{role}.cer") for role in ROLES
        },
    )
    made = _keys(settings, passphrase, kinds, clock().replace(microsecond=0))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        half = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise Fault(f"{folder}: {error.strerror}", needed="a folder to write to") from error
    try:
        _fill(_authority(half, settings, made, passphrase, clock), made, secret)
        half.replace(folder)
        atomic.sync_folder(folder.parent)
    except OSError as error:
        raise Fault(f"{folder}: {error.strerror}", needed="space and write access") from error
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return _authority(folder, settings, made, passphrase, clock)


Made = dict[Role, tuple[keys.PrivateKey, x509.Certificate]]


def _authority(
    folder: Path, settings: Settings, made: Made, secret: str, clock: Clock
) -> Authority:
    ring = Ring(folder, settings.sources, secret, {role: key for role, (key, _) in made.items()})
    certificates = {role: certificate for role, (_, certificate) in made.items()}
    return Authority(folder, settings, ring, store.Store(folder / STORE, clock), certificates)


def _fill(authority: Authority, made: Made, secret: bytes) -> None:
    half = authority.folder
    for role, (key, certificate) in made.items():
        _keep(half, authority.settings.sources[role], key, certificate, secret)
    atomic.write(half / SETTINGS, authority.settings.to_bytes())
    store.create(half / STORE)
    with authority.store.change() as change:
        change.tell("founded", {"name": authority.settings.name, "trial": authority.settings.trial})
        for role in ROLES:
            issuing.record_own(change, profiles.load(role), made[role][1])
    for issuer in revoking.LIFETIME:
        revoking.publish_list(authority, issuer)
    authority.store.db.close()


def _keys(settings: Settings, passphrase: str, kinds: Mapping[Role, str], now: Instant) -> Made:
    made: Made = {}
    secret, _, pin = passphrase.partition("\n")
    for role in ROLES:
        key = _made(profiles.load(role), settings.sources[role].key, pin or secret, kinds[role])
        signer = (key, None) if role == "root" else made[profiles.load(role).issuer]
        made[role] = (key, _certified(role, key, signer, settings, now))
    return made


def rotate(authority: Authority, role: Role, uri: str | None = None) -> Authority:
    """A new key and certificate for the responder, the time stamps or the export; opens anew.

    `uri` is where the key is made when it shall live in a token. The settings are replaced last and
    at once, so a killed process leaves the old key in use. Raises `Refusal` (role-fixed).
    """
    if role in {"root", "issuing"}:
        raise Refusal("role-fixed", needed="ocsp | tsa | export; a new authority for the others")
    secret, _, pin = authority.ring.passphrase.partition("\n")
    settings, old = authority.settings, authority.settings.sources[role]
    stem = f"{role}-{secrets.token_hex(4)}"
    source = Source(uri or f"file:{stem}.p12", f"{stem}.cer")
    profile, kind = profiles.load(role), keys.kind_of(authority.certificates[role].public_key())
    key = _made(profile, source.key, pin or secret, kind)
    with authority.store.change() as change:
        signer = authority.signer(profile.issuer, change.now)
        certificate = _certified(role, key, signer, settings, change.now)
        issuing.record_own(change, profile, certificate)
    _keep(authority.folder, source, key, certificate, pkcs12.passphrase(secret))
    fresh = replace(settings, sources={**settings.sources, role: source})
    atomic.write(authority.folder / SETTINGS, fresh.to_bytes())
    if old.key.startswith("file:"):
        (authority.folder / old.key.removeprefix("file:")).unlink(missing_ok=True)
    return opened(authority.folder, authority.ring.passphrase, authority.store.clock)


def _made(profile: Profile, source: str, pin: str, kind: str) -> keys.PrivateKey:
    if kind not in profile.keys:
        raise Refusal("key-not-allowed", needed=" | ".join(profile.keys), found=kind)
    if source.startswith("pkcs11:"):
        from warifu_ca import hsm  # a token's library only where there is a token

        return hsm.make(source, pin, kind)
    return keys.make(kind)


def _keep(
    folder: Path,
    source: Source,
    key: keys.PrivateKey,
    certificate: x509.Certificate,
    secret: bytes,
) -> None:
    scheme, _, name = source.key.partition(":")
    if scheme == "file":
        data = pkcs12.write(key, certificate, [], secret, source.certificate)
        atomic.write(folder / name, data, mode=0o600)
    atomic.write(folder / source.certificate, certificate.public_bytes(Encoding.DER))


def _certified(
    role: Role,
    key: keys.PrivateKey,
    by: tuple[keys.PrivateKey, x509.Certificate | None],
    settings: Settings,
    now: Instant,
) -> x509.Certificate:
    profile = profiles.load(role)
    signer, issuer = by
    return certify.certificate(
        profile,
        f"{settings.name} {TITLES[role]}",
        key.public_key(),
        signer,
        issuer,
        settings.places,
        now,
    )
