"""A member's machine in a box: an empty folder, the public address, and the real programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from warifu.engines.probe.origin import Look, PublicOrigin
from warifu.engines.probe.recipe import Step, filled
from warifu.model.probe import Done, Run
from warifu_wire import dsse, routes
from warifu_wire.digest import Digest, of_bytes, of_file
from warifu_wire.errors import Fault, Mismatch, Refusal
from warifu_wire.times import Instant

OUTPUT = 1 << 20
KEEPS = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR")


@dataclass(frozen=True, slots=True)
class MachineBox:
    """`ports_watch.Box` from commands; each run starts with the root and the address only."""

    origin: PublicOrigin
    steps: tuple[Step, ...]
    known: Mapping[str, str]
    now: Callable[[], Instant] = lambda: datetime.now(UTC)

    def run(self, product: str, release: Digest) -> Run:
        """Fetch one release back, then every step in order until one fails."""
        began = self.now()
        done: list[Done] = []
        fetched: dict[str, Digest] = {}
        seq = 0
        start = time.monotonic_ns()
        try:
            with self.origin.look() as look:
                seq, fetched = fetch(look, product, release)
            done.append(Done("fetch", True, of_bytes(_lines(fetched)), _since(start)))
        except (Refusal, Fault) as error:
            told = str(error)
            done.append(Done("fetch", False, of_bytes(told.encode()), _since(start), told))
        with tempfile.TemporaryDirectory(prefix="warifu-probe-") as name:
            if done[0].ok:
                done += self._steps(Path(name), product, release)
        return Run(
            product, release, seq, self.origin.address, fetched, tuple(done), began, self.now()
        )

    def _steps(self, folder: Path, product: str, release: Digest) -> list[Done]:
        root = folder / "root.json"
        root.write_bytes(self.origin.root)
        known = {
            **self.known,
            "address": self.origin.address,
            "folder": str(folder),
            "product": product,
            "python": sys.executable,
            "release": release,
            "root": str(root),
        }
        done: list[Done] = []
        for step in self.steps:
            done.append(take(step, known, folder))
            if not done[-1].ok:
                break
        return done


def fetch(look: Look, product: str, release: Digest) -> tuple[int, dict[str, Digest]]:
    """Fetch every file of a release from the public address and hash it: routes seq, digests.

    Raises `Refusal` when the routes in force do not offer it, `Mismatch` when a file differs.
    """
    data = look.read(f"routes/{product}.json")
    if data is None:
        raise Refusal("no-routes", needed="published routes", product=product)
    found = routes.read(dsse.parse(data, routes.PAYLOAD_TYPE).payload, product)
    offer = found.offer(release)
    if offer is None:
        raise Refusal("not-offered", needed="a release of the routes in force", release=release)
    fetched: dict[str, Digest] = {}
    for path, wanted in sorted(offer.files.items()):
        served = look.read(path)
        fetched[path] = of_bytes(served or b"")
        if served is None or fetched[path] != wanted:
            raise Mismatch("served-differs", needed=wanted, found=fetched[path], path=path)
    return found.seq, fetched


def take(step: Step, known: dict[str, str], folder: Path) -> Done:
    """Run one step; `known` learns the fields of the JSON object it printed."""
    start = time.monotonic_ns()
    output = b""
    try:
        output, failure = _command(step, known, folder)
        failure = failure or _shown(step, output, known) or _proven(step, known)
    except Refusal as refusal:
        failure = str(refusal)
    return Done(step.name, not failure, of_bytes(output), _since(start), failure)


def _command(step: Step, known: Mapping[str, str], folder: Path) -> tuple[bytes, str]:
    """(what it printed, why it failed); the whole process group ends with it."""
    reading = -1
    places = dict(known)
    if step.secret:
        reading, writing = os.pipe()
        os.write(writing, filled(step.secret, known).encode() + b"\n")
        os.close(writing)
        places["secret"] = str(reading)
    try:
        words = [filled(word, places) for word in step.run]
        with subprocess.Popen(
            words,
            cwd=folder,
            env=_environment(step, known, folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(reading,) if step.secret else (),
            start_new_session=True,
        ) as running:
            return _awaited(running, step.seconds)
    except OSError as error:
        return b"", f"cannot run {step.run[0]}: {error.strerror}"
    finally:
        if reading >= 0:
            os.close(reading)


def _awaited(running: subprocess.Popen[bytes], seconds: int) -> tuple[bytes, str]:
    try:
        output, errors = running.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        output, errors = running.communicate()
        return output[:OUTPUT], f"took longer than {seconds} s"
    if running.returncode:
        told = (errors or output).decode("utf-8", "replace").strip().splitlines()[-1:]
        return output[:OUTPUT], f"exit {running.returncode}: {''.join(told)[:500]}"
    return output[:OUTPUT], ""


def _environment(step: Step, known: Mapping[str, str], folder: Path) -> dict[str, str]:
    """A machine of its own: nothing of ours leaks in but where programs are found."""
    kept = {name: os.environ[name] for name in KEEPS if name in os.environ}
    told = {name: filled(value, known) for name, value in step.environment.items()}
    return {**kept, "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **told}


def _shown(step: Step, output: bytes, known: dict[str, str]) -> str:
    """Learn from what was printed; why it is not what was expected, or nothing."""
    lines = output.decode("utf-8", "replace").strip().splitlines()
    try:
        found = json.loads(lines[-1]) if lines else None
    except ValueError:
        found = None
    if isinstance(found, dict):
        known.update({f"{step.name}.{field}": _spelled(one) for field, one in found.items()})
    for field, wanted in step.expects.items():
        shown = known.get(f"{step.name}.{field}", "nothing")
        if shown != filled(wanted, known):
            return f"{field} is {shown}, not {filled(wanted, known)}"
    return ""


def _proven(step: Step, known: dict[str, str]) -> str:
    """Hash the files the step must have left; the first that is not there, or nothing."""
    for path in step.proves:
        try:
            known[f"{step.name}.sha256"] = of_file(Path(filled(path, known)))
        except OSError:
            return f"left no {Path(path).name}"
    return ""


def _spelled(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _lines(fetched: Mapping[str, Digest]) -> bytes:
    return "".join(f"{path} {one}\n" for path, one in fetched.items()).encode()


def _since(start: int) -> int:
    return (time.monotonic_ns() - start) // 1_000_000
