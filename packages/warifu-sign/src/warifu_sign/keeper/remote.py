"""The other side of the signer process: open, sign, lock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from cryptography import x509

from warifu_sign.errors import Refusal

IDLE = 300.0
HERE = Path(__file__).parents[2]


class RemoteKey:
    """A key in the signer process. It signs until it is locked or was not used for IDLE seconds."""

    def __init__(self, path: Path, password: str, *, idle: float = IDLE) -> None:
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
            answer = self._ask({"do": "unlock", "path": str(path), "password": password})
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
        asked = {"do": "sign", "data": b64encode(data).decode("ascii")}
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


def _program() -> list[str]:
    """This tool: a module of the interpreter, or the bundle's own program."""
    bundled = getattr(sys, "frozen", False)
    return [sys.executable] if bundled else [sys.executable, "-B", "-m", "warifu_sign"]


def _environment() -> dict[str, str]:
    rest = os.environ.get("PYTHONPATH", "")
    path = os.pathsep.join(part for part in (str(HERE), rest) if part)
    return {**os.environ, "PYTHONPATH": path}
