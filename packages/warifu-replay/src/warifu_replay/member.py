"""A member: a machine with a host, the program installed by hand, an updater, and a certificate."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from warifu_client import identity, machine
from warifu_replay import running
from warifu_replay.running import Ran
from warifu_wire import atomic
from warifu_wire.errors import Fault

PASSWORD = "member-passphrase-1"  # noqa: S105 - of a key that lives as long as the story
APPLICATION = "<?xml version='1.0' encoding='UTF-8'?>\n<申請書><件名>所有権移転</件名></申請書>\n"


@dataclass(frozen=True, slots=True)
class Member:
    """One member's machine, in a folder of its own; `host` is the tree of the host it runs."""

    number: str
    folder: Path
    host: Path
    program: Path
    volunteer: bool = True

    @property
    def updater(self) -> Path:
        """The updater's folder."""
        return self.folder / "updater"

    @property
    def installation(self) -> str:
        """The installation id that the provider issued."""
        return (self.updater / "installation").read_text("ascii")

    @property
    def certificate(self) -> Path:
        """The member's certificate file."""
        return self.folder / "member.p12"

    @property
    def tree(self) -> Path:
        """The program in use: what the updater points to, or what was installed by hand."""
        current = self.updater / "current"
        return current if current.exists() else self.program

    def set_up(self, address: str, root: Path, product: str) -> None:
        """Set the updater up beside the program that was installed by hand, and be enrolled."""
        done = self.update(
            *("init", "--address", address, "--root", str(root), "--product", product),
            *("--host", str(self.host), "--legacy", str(self.program)),
        )
        if done.code:
            raise Fault(f"no updater for {self.number}: {done.told}", needed="the provider")
        identity.installation(machine.opened(self.updater))

    def update(self, *words: str) -> Ran:
        """Run the updater."""
        return running.program("warifu_client", *words, "--folder", str(self.updater), "--json")

    def fetch_certificate(self, authority: str, reference: str, pin: str) -> None:
        """Fetch the certificate a letter announces, with the program in use; the key stays here."""
        done = self._with_secret(
            ("warifu_sign", "certificate", "fetch", "--ca", authority, "--reference", reference),
            ("--pin-fd", "{fd}", "--passphrase-fd", "{fd}", "--out", str(self.certificate)),
            f"{pin}\n{PASSWORD}\n",
            self.tree,
        )
        if done.code:
            raise Fault(f"no certificate for {self.number}: {done.told}", needed="the authority")

    def sign(self) -> Ran:
        """Sign an application in the host, with the program in use; exit 0 when it was signed."""
        application = self.folder / "application.xml"
        atomic.write(application, APPLICATION.encode())
        return self._with_secret(
            ("warifu_host", "sign", "--program", str(self.tree), "--p12", str(self.certificate)),
            ("--passphrase-fd", "{fd}", str(application), str(self.folder / "signed.xml")),
            f"{PASSWORD}\n",
            self.host,
        )

    def verified(self, root: Path) -> bool:
        """Whether xmlsec1, which is not ours, finds the signed application valid."""
        done = subprocess.run(
            [
                *("xmlsec1", "--verify", "--trusted-pem", str(root)),
                *("--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties"),
                str(self.folder / "signed.xml"),
            ],
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    def _with_secret(
        self, words: tuple[str, ...], more: tuple[str, ...], secret: str, path: Path
    ) -> Ran:
        reading, writing = os.pipe()
        try:
            os.write(writing, secret.encode())
            os.close(writing)
            done = subprocess.run(
                [sys.executable, "-m", *words, *(one.format(fd=reading) for one in more)],
                env={**os.environ, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"},
                pass_fds=(reading,),
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
        finally:
            os.close(reading)
        return Ran(done.returncode, done.stdout, done.stderr)
