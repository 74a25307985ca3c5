"""The other side of the signer process: open a key in it, sign, lock.

Every way a key comes to be opened (unlocked, fetched, renewed, under another password, taken over)
happens in that process, so no private key is ever in the process that the browser talks to.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from base64 import b64decode, b64encode
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from warifu_sign.errors import Refusal

IDLE = 300.0
HERE = Path(__file__).parents[2]


class RemoteKey:
    """A key in the signer process. It signs until it is locked or was not used for `idle` seconds.

    asked: how it is opened, as the room reads it. Raises Refusal as the room does.
    """

    def __init__(self, asked: dict[str, Any], *, idle: float = IDLE) -> None:
        self._room = subprocess.Popen(
            [*_program(), "keeper", str(idle)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=_environment(),
        )
        self._turn = threading.Lock()
        try:
            answer = self._ask(asked)
        except BaseException:
            self.lock()
            raise
        chain = [x509.load_der_x509_certificate(b64decode(one)) for one in answer["chain"]]
        self.certificate = chain[0]
        self.chain = tuple(chain[1:])

    @property
    def open(self) -> bool:
        """Whether it still signs."""
        return self._room.poll() is None

    def sign(self, data: bytes) -> bytes:
        """Sign SHA-256 of data. Raises Refusal key-locked."""
        asked = {"do": "sign", "data": _text(data)}
        return b64decode(self._ask(asked)["signature"])

    def lock(self) -> None:
        """End the process, and the key with it."""
        self._room.kill()
        self._room.wait()

    def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        with self._turn:
            line = self._exchanged(json.dumps(asked))
        if not line:
            self._room.wait()
            raise Refusal("key-locked", needed="the password again")
        answer: dict[str, Any] = json.loads(line)
        if "refused" in answer:
            raise Refusal(str(answer["refused"]), **answer["facts"])
        return answer

    def _exchanged(self, text: str) -> str:
        assert self._room.stdin is not None
        assert self._room.stdout is not None
        try:
            self._room.stdin.write(text + "\n")
            self._room.stdin.flush()
            return self._room.stdout.readline()
        except OSError:  # the process has ended
            return ""


def unlock(path: Path, password: str) -> dict[str, Any]:
    """Open a certificate file."""
    return {"do": "unlock", "path": str(path), "password": password}


def fetch(
    address: str,
    reference: str,
    pin: str,
    password: str,
    path: Path,
    *,
    now: datetime,
    made_there: bool,
) -> dict[str, Any]:
    """Redeem a letter into a certificate file, and open it."""
    return {
        "do": "fetch",
        "address": address,
        "reference": reference,
        "pin": pin,
        "password": password,
        "path": str(path),
        "now": now.isoformat(),
        "made_there": made_there,
    }


def renew(address: str, path: Path, password: str, *, now: datetime) -> dict[str, Any]:
    """Replace a certificate file by its successor's, and open it."""
    asked = {"do": "renew", "address": address, "path": str(path), "password": password}
    return {**asked, "now": now.isoformat()}


def change(path: Path, password: str, new: str) -> dict[str, Any]:
    """Put a certificate file under another password, and open it."""
    return {"do": "change", "path": str(path), "password": password, "new": new}


def take(data: bytes, password: str, new: str, path: Path) -> dict[str, Any]:
    """Take over a certificate file from elsewhere, under another password, and open it."""
    asked = {"do": "take", "data": _text(data), "password": password}
    return {**asked, "new": new, "path": str(path)}


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _program() -> list[str]:
    """This tool: a module of the interpreter, or the bundle's own program."""
    bundled = getattr(sys, "frozen", False)
    return [sys.executable] if bundled else [sys.executable, "-B", "-m", "warifu_sign"]


def _environment() -> dict[str, str]:
    rest = os.environ.get("PYTHONPATH", "")
    path = os.pathsep.join(part for part in (str(HERE), rest) if part)
    return {**os.environ, "PYTHONPATH": path}
