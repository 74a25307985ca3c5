"""The host's side of a plug-in's room: start it, ask it, and never wait for it without end."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from base64 import b64decode, b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from warifu_host.errors import Code, Failed

PATIENCE = 60.0
HERE = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Verified:
    """What a plug-in said of a signed document. received: the content it handed to the host."""

    status: str
    reason: str
    received: tuple[tuple[str, bytes], ...]


class Guest:
    """A plug-in in its room. Use as a context manager: the room ends with it."""

    def __init__(self, program: Path, entry: str) -> None:
        self._answers: queue.Queue[str] = queue.Queue()
        self.log: list[str] = []
        self._room = subprocess.Popen(
            [sys.executable, "-B", "-m", "warifu_host.room", str(program), entry],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=_environment(),
        )
        for source, sink in ((self._room.stdout, self._answer), (self._room.stderr, self._note)):
            threading.Thread(target=_pump, args=(source, sink), daemon=True).start()
        hello = self._next("plugin-not-loaded")
        self.name, self.edition = str(hello["plugin"]), str(hello["edition"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the room."""
        self._room.kill()
        self._room.wait()

    def unlock(self, certificate_file: bytes, password: str) -> str:
        """Open a certificate file; the holder's name. Raises Failed sign-failed."""
        asked = {"do": "unlock", "file": _text(certificate_file), "password": password}
        return str(self._ask("sign-failed", asked)["holder"])

    def sign(self, document: bytes, at: datetime) -> bytes:
        """The signed document. Raises Failed sign-failed."""
        asked = {"do": "sign", "document": _text(document), "at": at.isoformat()}
        return b64decode(self._ask("sign-failed", asked)["signed"])

    def verify(
        self, signed: bytes, roots: Sequence[bytes], crls: Sequence[bytes], now: datetime
    ) -> Verified:
        """Judge a signed document. Raises Failed verify-failed where the plug-in breaks down."""
        asked = {
            "do": "verify",
            "signed": _text(signed),
            "roots": [_text(one) for one in roots],
            "crls": [_text(one) for one in crls],
            "now": now.isoformat(),
        }
        answer = self._ask("verify-failed", asked)
        received = tuple((str(name), b64decode(data)) for name, data in answer["received"])
        return Verified(str(answer["status"]), str(answer["reason"]), received)

    def _ask(self, code: Code, asked: dict[str, Any]) -> dict[str, Any]:
        room = self._room.stdin
        assert room is not None
        with suppress(OSError):  # a room that has ended shows in the answer
            room.write(json.dumps(asked) + "\n")
            room.flush()
        return self._next(code)

    def _next(self, code: Code) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=PATIENCE)
        except queue.Empty:
            self.close()
            raise Failed(code, why="no-answer", seconds=PATIENCE) from None
        try:
            answer: dict[str, Any] = json.loads(line)
        except ValueError:
            self.close()
            raise Failed(code, why="ended", status=self._room.returncode) from None
        if "error" in answer:
            found = answer["code"] or answer["error"]
            raise Failed(code, why=found, text=answer["text"])
        return answer

    def _answer(self, line: str) -> None:
        self._answers.put(line)

    def _note(self, line: str) -> None:
        if line:
            self.log.append(line.rstrip("\n"))


def _pump(source: Any, sink: Any) -> None:
    for line in source:
        sink(line)
    sink("")


def _environment() -> dict[str, str]:
    """The host's own tree comes first, wherever it was started from."""
    rest = os.environ.get("PYTHONPATH", "")
    path = os.pathsep.join(part for part in (str(HERE), rest) if part)
    return {**os.environ, "PYTHONPATH": path}


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")
