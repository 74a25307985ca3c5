"""What the desk does for its member: open, fetch, sign, verify, report."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from warifu_sign import __version__, batch, evidence, files, policy
from warifu_sign.chain import Trust
from warifu_sign.documents import Outside, Profile, sign, usual, verify
from warifu_sign.errors import Fault, Refusal
from warifu_sign.keeper.remote import IDLE, RemoteKey
from warifu_sign.verdict import Verdict
from warifu_sign.window import letter
from warifu_sign.window.asking import Window
from warifu_sign.window.fetching import fetch

LIBRARIES = ("cryptography", "lxml", "pyhanko", "pyhanko-certvalidator", "asn1crypto", "fonttools")


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Wish:
    """How a document is to be signed; profile "" means the usual one of its kind."""

    profile: str = ""
    visible: bool = False


class Desk:
    """One member's folder: certificate file, trusted root, signed documents; one key at a time."""

    def __init__(
        self, home: Path, *, idle: float = IDLE, clock: Callable[[], datetime] = wall_clock
    ) -> None:
        self.home = home
        self.idle = idle
        self.now = clock
        self._key: RemoteKey | None = None
        for folder in (home, self.signed, self.trusted, self.chain):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @property
    def file(self) -> Path:
        """The member's certificate file."""
        return self.home / "member.p12"

    @property
    def signed(self) -> Path:
        """Where signed documents go."""
        return self.home / "signed"

    @property
    def trusted(self) -> Path:
        """The root certificates, DER."""
        return self.home / "trust"

    @property
    def key(self) -> RemoteKey | None:
        """The open key, if it still signs."""
        if self._key is not None and not self._key.open:
            self._key = None
        return self._key

    @property
    def chain(self) -> Path:
        """The certificates between the member's and the root, DER."""
        return self.home / "chain"

    def certificate(self) -> x509.Certificate | None:
        """The member's certificate, which may be shown while the key is locked."""
        path = self.home / "member.cer"
        if not path.exists():
            return None
        return x509.load_der_x509_certificate(files.read(path, most=1 << 20))

    def unlock(self, password: str) -> None:
        """Open the key in its own process. Raises Refusal and Fault."""
        self.lock()
        self._key = RemoteKey(self.file, password, idle=self.idle)
        self._show(self._key.certificate)

    def lock(self) -> None:
        """Close the key."""
        if self._key is not None:
            self._key.lock()
        self._key = None

    def fetch(self, address: str, reference: str, pin: str, password: str) -> str:
        """Fetch the certificate that a letter announces; the holder's name. Raises as fetch."""
        read = letter.read(reference, pin)
        found = fetch(Window(address), read, password, self.file, now=self.now())
        for number, one in enumerate(found.key.chain):
            folder = self.trusted if one.issuer == one.subject else self.chain
            files.write(folder / f"{number}.cer", one.public_bytes(Encoding.DER))
        self._show(found.key.certificate)
        return found.holder

    def sign(self, name: str, document: bytes, wish: Wish) -> Path:
        """Sign one document; where it went. Raises Refusal and Fault."""
        key = self.key
        if key is None:
            raise Refusal("key-locked", needed="the password")
        profile = Profile(wish.profile) if wish.profile else usual(document)
        outside = Outside(visible=wish.visible)
        data = sign(document, key, profile, at=self.now(), outside=outside)
        out = self._free(Path(name).name)
        files.write(out, data)
        return out

    def verify(self, document: bytes) -> Verdict:
        """Judge a document by the roots of this desk, with the lists that they publish."""
        roots = [files.read(path, most=1 << 20) for path in sorted(self.trusted.glob("*.cer"))]
        rules, now = policy.shipped(), self.now()
        verdict = verify(document, Trust(tuple(roots)), rules, now)
        if verdict.reason != "revocation-unknown" or verdict.signatory is None:
            return verdict
        lists = self._lists()
        return verify(document, Trust(tuple(roots), crls=lists), rules, now) if lists else verdict

    def report(self) -> str:
        """Diagnostics (診断情報) as JSON: versions and digests; no names, keys or documents."""
        tree = Path(__file__).parents[1]
        told = {
            "edition": __version__,
            "policy": policy.shipped().version,
            "system": {"platform": platform.platform(), "python": sys.version.split()[0]},
            "libraries": {name: metadata.version(name) for name in LIBRARIES},
            "certificate_file": self.file.exists(),
            "key_open": self.key is not None,
            "signed_documents": sum(1 for one in self.signed.iterdir() if one.is_file()),
            "files": {
                path.relative_to(tree).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in sorted(tree.rglob("*.py"))
            },
        }
        return json.dumps(told, ensure_ascii=False, indent=2)

    def _show(self, certificate: x509.Certificate) -> None:
        files.write(self.home / "member.cer", certificate.public_bytes(Encoding.DER))

    def _free(self, name: str) -> Path:
        """A name that is not taken yet; nothing is ever replaced."""
        wanted = batch.named(Path(name or "document"), self.signed)
        found, number = wanted, 1
        while found.exists():
            number += 1
            found = wanted.with_stem(f"{wanted.stem} ({number})")
        return found

    def _lists(self) -> tuple[bytes, ...]:
        chain = [files.read(path, most=1 << 20) for path in sorted(self.chain.glob("*.cer"))]
        own = self.certificate()
        named = [x509.load_der_x509_certificate(one) for one in chain]
        try:
            return evidence.crls([*named, *([own] if own else [])])
        except Fault:
            return ()
