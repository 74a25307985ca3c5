"""Founding an authority: root, issuing, responder, time-stamp and export keys, all or nothing."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from cryptography import x509

from warifu_ca import certify, hsm, issuing, keys, pkcs12, profiles, revoking, store
from warifu_ca.authority import (
    ROLES,
    SETTINGS,
    STORE,
    Authority,
    Ring,
    Role,
    Settings,
    wall_clock,
)
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
        sources={role: tokens.get(role, f"file:{role}.p12") for role in ROLES},
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
        if authority.settings.sources[role].startswith("file:"):
            data = pkcs12.write(key, certificate, _chain(role, made), secret, role)
            atomic.write(half / f"{role}.p12", data, mode=0o600)
        atomic.write(half / f"{role}.cer", authority.der(role))
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
        profile, source = profiles.load(role), settings.sources[role]
        if kinds[role] not in profile.keys:
            raise Refusal("key-not-allowed", needed=" | ".join(profile.keys), found=kinds[role])
        in_token = source.startswith("pkcs11:")
        key = hsm.make(source, pin or secret, kinds[role]) if in_token else keys.make(kinds[role])
        made[role] = (key, _certified(role, key, made, settings, now))
    return made


def _certified(
    role: Role,
    key: keys.PrivateKey,
    made: Made,
    settings: Settings,
    now: Instant,
) -> x509.Certificate:
    profile = profiles.load(role)
    signer, issuer = (key, None) if role == "root" else made[profile.issuer]
    return certify.certificate(
        profile,
        f"{settings.name} {TITLES[role]}",
        key.public_key(),
        signer,
        issuer,
        settings.places,
        now,
    )


def _chain(role: Role, made: Made) -> list[x509.Certificate]:
    if role == "root":
        return []
    upper = [made["root"][1]]
    return upper if role == "issuing" else [made["issuing"][1], *upper]
