"""The box's own machines: one identity enrolled with the service, and what is installed on each.

A release that updates or repairs is tried on a machine that has what it is for; such machines are
kept from the runs in which that was installed.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from warifu.engines.probe import usual
from warifu.engines.probe.origin import PublicOrigin
from warifu.engines.probe.steps import take
from warifu_wire import atomic
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest
from warifu_wire.errors import Fault, Malformed, Refusal
from warifu_wire.routes import Health, Routes, Tree

KEY, ID = "key.pem", "installation"
PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Machines:
    """A folder with the identity, and a kept updater's folder for each release installed once."""

    folder: Path

    @property
    def kept(self) -> Path:
        """The kept machines, by release."""
        return self.folder / "kept"

    def enrol(self, ask: Callable[[Json], str]) -> str:
        """The installation id of the box, asked for by its public key; raises `Fault`."""
        with _faults(self.folder):
            self.kept.mkdir(parents=True, exist_ok=True)
            if not (self.folder / KEY).exists():
                made = Ed25519PrivateKey.generate()
                pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
                atomic.write(self.folder / KEY, pem, mode=PRIVATE)
            key = load_pem_private_key((self.folder / KEY).read_bytes(), None)
        if not isinstance(key, Ed25519PrivateKey):
            raise Malformed("key-damaged", needed="an Ed25519 key", path=self.folder / KEY)
        raw = key.public_key().public_bytes_raw().hex()
        given = ask({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": raw}})
        atomic.write(self.folder / ID, given.encode())
        return given

    def by_hand(
        self, origin: PublicOrigin, product: str, host: str, release: Digest, program: Path
    ) -> None:
        """Keep a machine on which a release was installed by hand, before there was this road.

        `program` must stay where it is: the machine's updater looks at it there. Raises `Refusal`
        when the updater does not want it.
        """
        if (self.kept / release).exists():
            return
        with tempfile.TemporaryDirectory(prefix="warifu-machine-") as name:
            folder = Path(name)
            (folder / "root.json").write_bytes(origin.root)
            self.set_up(folder / "machine", None)
            known = {
                "address": origin.address,
                "host": host,
                "legacy": str(program),
                "machine": str(folder / "machine"),
                "product": product,
                "python": sys.executable,
                "root": str(folder / "root.json"),
            }
            done = take(usual.set_up("{host}", "{legacy}"), known, folder)
            if not done.ok:
                raise Refusal("machine-not-made", needed="a working updater", why=done.failure)
            self.keep(folder / "machine", release)

    def set_up(self, place: Path, before: Digest | None) -> None:
        """Lay a machine at `place`: empty or with `before` installed, under the box's identity."""
        if not (self.folder / ID).exists():
            raise Refusal("box-not-enrolled", needed="the box's enrolment", folder=self.folder)
        with _faults(place):
            if before is None:
                place.mkdir()
            else:
                shutil.copytree(self.kept / before, place, symlinks=True)
            for name in (KEY, ID):
                shutil.copy2(self.folder / name, place / name)

    def keep(self, place: Path, release: Digest) -> None:
        """Keep a machine for the releases that follow; the first one of a release stays."""
        if (self.kept / release).exists():
            return
        half = self.kept / f".{release}.part"
        with _faults(self.kept):
            shutil.rmtree(half, ignore_errors=True)
            shutil.copytree(place, half, symlinks=True)
            for name in (KEY, ID):
                (half / name).unlink()
            half.rename(self.kept / release)

    def fitting(self, routes: Routes, release: Digest) -> Iterator[Digest | None]:
        """What a machine must have installed (None: nothing) to be offered this release."""
        have = sorted(Digest(one.name) for one in self.kept.iterdir() if one.name[0] != ".")
        for before in have:
            ways = (routes.route(before, Tree.INTACT, health) for health in Health)
            if before != release and any(way and way.offer == release for way in ways):
                yield before
        way = routes.route(None, Tree.FOREIGN, Health.UNKNOWN)
        if way is not None and way.offer == release:
            yield None


@contextmanager
def _faults(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        raise Fault(f"cannot keep a machine at {place}: {why}", needed="write access") from error
