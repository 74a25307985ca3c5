"""Programs run as a person would run them: their own process, their own words, ended by us."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3

from warifu_wire.errors import Fault


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished program: its exit code, and what it said."""

    code: int
    out: str
    told: str

    @property
    def facts(self) -> Mapping[str, object]:
        """The JSON object of its last line; empty when there is none."""
        lines = self.out.strip().splitlines()
        try:
            found = json.loads(lines[-1]) if lines else {}
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def program(module: str, *words: str, path: Path | None = None, given: str = "") -> Ran:
    """Run `python -m module words…`; `given` goes to descriptor 0."""
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        input=given,
        env=_environment(path),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def server(words: Sequence[str], address: str, log: Path, given: bytes = b"") -> Iterator[None]:
    """A server process, from when it answers until it is ended; `given` goes to descriptor 0."""
    with log.open("ab") as out, tempfile.TemporaryFile() as told:
        told.write(given)
        told.seek(0)
        running = subprocess.Popen(
            [sys.executable, "-m", *words],
            stdin=told,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=_environment(None),
            start_new_session=True,
        )
    try:
        _await(running, address, log)
        yield
    finally:
        running.send_signal(signal.SIGINT)
        try:
            running.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()


def answer(address: str) -> urllib3.BaseHTTPResponse:
    """An open HTTP answer, whatever its status; raises OSError when nobody answers."""
    try:
        return urllib3.request("GET", address, preload_content=False, retries=False, timeout=5)
    except urllib3.exceptions.HTTPError as error:
        raise OSError(str(error)) from error


def _await(running: subprocess.Popen[bytes], address: str, log: Path) -> None:
    for _ in range(300):
        if running.poll() is not None:
            break
        try:
            answer(address).close()
            return
        except OSError:
            time.sleep(0.1)
    raise Fault(f"nothing answers at {address}: {log.read_text()[-500:]}", needed="a free port")


def _environment(path: Path | None) -> dict[str, str]:
    kept = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    if path is not None:
        kept["PYTHONPATH"] = str(path)
    return kept
