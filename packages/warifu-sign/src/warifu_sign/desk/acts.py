"""What the desk does for its member: open, fetch, renew, revoke, sign, verify, report."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from warifu_sign import __version__, files, kousei, policy
from warifu_sign.certificate import holder
from warifu_sign.chain import Trust
from warifu_sign.desk import lists, updating
from warifu_sign.desk.home import Home, Phase, certificates
from warifu_sign.documents import Kind, Outside, Profile, sign, usual, verify
from warifu_sign.errors import Refusal
from warifu_sign.keeper import remote
from warifu_sign.keeper.remote import IDLE, RemoteKey
from warifu_sign.stamps import Tsa
from warifu_sign.verdict import Status, Verdict
from warifu_sign.window.asking import Window
from warifu_sign.window.renewing import Reason, Revoked, revoke

LIBRARIES = ("cryptography", "lxml", "pyhanko", "pyhanko-certvalidator", "asn1crypto", "fonttools")
PROGRAM = Path(__file__).parents[1]
FRESH = timedelta(minutes=5)
NEVER = datetime.min.replace(tzinfo=UTC)
Lasting = Literal["", "stamped", "archived"]


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Wish:
    """How a document is to be signed. lasting: with a time stamp; with all that proves it later."""

    visible: bool = False
    lasting: Lasting = ""

    def profile(self, document: bytes) -> Profile:
        """The profile for a document of its kind. Raises Refusal document-kind."""
        pdf = usual(document).kind is Kind.PDF
        if self.lasting == "":
            return usual(document)
        if self.lasting == "archived" and pdf:
            return Profile.PADES_LTA
        return Profile.PADES_T if pdf else Profile.XADES_T


class Desk:
    """One member's folder, and one key at a time, held in the signer process."""

    def __init__(
        self,
        home: Path,
        *,
        idle: float = IDLE,
        clock: Callable[[], datetime] = wall_clock,
        updater: Path | None = None,
    ) -> None:
        self.home = Home(home)
        self.home.prepare()
        self.idle = idle
        self.now = clock
        self.updater = updater or updating.folder(PROGRAM)
        self.run = updating.Run()
        self._key: RemoteKey | None = None
        self._looked = NEVER
        self._turn = threading.Lock()

    @property
    def key(self) -> RemoteKey | None:
        """The open key, if it still signs."""
        if self._key is not None and not self._key.open:
            self._key = None
        return self._key

    def unlock(self, password: str) -> None:
        """Open the key in its own process. Raises Refusal."""
        self._open(remote.unlock(self.home.file, password))

    def lock(self) -> None:
        """Close the key."""
        if self._key is not None:
            self._key.lock()
        self._key = None

    def fetch(
        self, address: str, reference: str, pin: str, password: str, *, made_there: bool = False
    ) -> str:
        """Fetch the certificate that a letter announces; the holder's name. Raises as fetch."""
        asked = remote.fetch(
            address,
            reference,
            pin,
            password,
            self.home.coming,
            now=self.now(),
            made_there=made_there,
        )
        key = self._held_by(asked)
        self.home.adopt()
        self.home.show(key.certificate)
        self.home.take_chain(key.chain)
        self.home.remember(address)
        return holder(key.certificate)

    def take(self, data: bytes, password: str, new: str) -> str:
        """Take over a certificate file; the holder's name. Raises Refusal out-exists, as change."""
        if self.home.file.exists():
            raise Refusal("out-exists", out=self.home.file, needed="one certificate file")
        key = self._open(remote.take(data, password, new, self.home.file))
        self.home.take_chain(key.chain)
        return holder(key.certificate)

    def renew(self, address: str, password: str) -> x509.Certificate:
        """Replace the certificate by its successor. Raises as renew."""
        key = self._open(remote.renew(address, self.home.file, password, now=self.now()))
        self.home.remember(address)
        return key.certificate

    def revoke(self, address: str, password: str, reason: Reason) -> Revoked:
        """End the certificate for good; the key is closed after it. Raises as revoke."""
        key = self._open(remote.unlock(self.home.file, password))
        ended = revoke(Window(address), key, reason, now=self.now())
        self.home.note_revoked(key.certificate)
        self.lock()
        return ended

    def change_password(self, present: str, new: str) -> None:
        """Put the certificate file under another password. Raises as change_password."""
        self._open(remote.change(self.home.file, present, new))

    def compare(self, *, same: bool) -> None:
        """The member's answer on the root that waits to be compared with the letter."""
        self.home.compared(same)
        self._looked = NEVER

    def sign(self, name: str, document: bytes, wish: Wish) -> Path:
        """Sign one document; where it went. Raises Refusal and Fault."""
        key = self._usable()
        profile = wish.profile(document)
        data = sign(document, key, profile, at=self.now(), outside=self._outside(wish))
        return self._written(Path(name).name, data)

    def package(self, application: str, given: Mapping[str, bytes], wish: Wish) -> Path:
        """Sign an application and its attachments as one; where it went. Raises as kousei."""
        stamp = self._tsa().token if wish.lasting else None
        data = kousei.signed(application, given, self._usable(), at=self.now(), stamp=stamp)
        return self._written(Path(application).with_suffix(".zip").name, data)

    def verify(self, document: bytes) -> Verdict:
        """Judge a document by the roots of this desk, with the lists that they publish."""
        rules, now = policy.shipped(), self.now()
        verdict = verify(document, self._trust(()), rules, now)
        if verdict.status is not Status.INDETERMINATE or verdict.reason == "signature-missing":
            return verdict
        return verify(document, self._trust(self._lists()), rules, now)

    def report(self) -> str:
        """Diagnostics (診断情報) as JSON: versions and digests; no names, keys or documents."""
        told = {
            "edition": __version__,
            "policy": policy.shipped().version,
            "system": {"platform": platform.platform(), "python": sys.version.split()[0]},
            "libraries": {name: metadata.version(name) for name in LIBRARIES},
            "certificate": self.home.phase(self.now()).value,
            "key_open": self.key is not None,
            "roots_confirmed": len(self.home.roots()),
            "roots_to_compare": len(certificates(self.home.unconfirmed)),
            "signed_documents": sum(1 for one in self.home.signed.iterdir() if one.is_file()),
            "files": {
                path.relative_to(PROGRAM).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in sorted(PROGRAM.rglob("*"))
                if path.is_file() and "__pycache__" not in path.parts
            },
        }
        return json.dumps(told, ensure_ascii=False, indent=2)

    def _open(self, asked: dict[str, Any]) -> RemoteKey:
        key = self._held_by(asked)
        self.home.show(key.certificate)
        return key

    def _held_by(self, asked: dict[str, Any]) -> RemoteKey:
        """The key that the signer process holds once it has done what is asked."""
        key = RemoteKey(asked, idle=self.idle)  # refused, the key that is open stays open
        self.lock()
        self._key = key
        return key

    def _usable(self) -> RemoteKey:
        if self.key is None:
            raise Refusal("key-locked", needed="the password")
        if self.home.phase(self.now()) is Phase.REVOKED:
            raise Refusal("certificate-revoked", needed="a certificate that was not ended")
        return self.key

    def _written(self, name: str, data: bytes) -> Path:
        with self._turn:  # two pages may sign at once, and neither may take the other's name
            out = self.home.free(name)
            files.write(out, data)
        return out

    def _tsa(self) -> Tsa:
        if not self.home.address:
            raise Refusal("tsa-missing", needed="the address of a time-stamping authority")
        return Tsa(f"{self.home.address.rstrip('/')}/tsa")

    def _outside(self, wish: Wish) -> Outside:
        if not wish.lasting:
            return Outside(visible=wish.visible)
        trust = self._trust(self._lists()) if wish.lasting == "archived" else None
        return Outside(tsa=self._tsa(), trust=trust, visible=wish.visible)

    def _trust(self, revoked: tuple[bytes, ...]) -> Trust:
        def ders(found: tuple[x509.Certificate, ...]) -> tuple[bytes, ...]:
            return tuple(one.public_bytes(Encoding.DER) for one in found)

        return Trust(ders(self.home.roots()), ders(certificates(self.home.chain)), revoked)

    def _lists(self) -> tuple[bytes, ...]:
        """The newest lists, asked for at most once in FRESH."""
        if not timedelta() <= self.now() - self._looked < FRESH:
            own = self.home.certificate()
            known = (*certificates(self.home.chain), *self.home.roots(), *([own] if own else []))
            lists.renew(self.home.lists, known)
            self._looked = self.now()
        return lists.kept(self.home.lists)
