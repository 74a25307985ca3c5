"""Taking one step: a process of its own, with a time limit, judged by what it left and said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from warifu.engines.probe.recipe import Step, filled
from warifu.model.probe import Done
from warifu_wire.digest import of_bytes, of_file
from warifu_wire.errors import Refusal

OUTPUT = 1 << 20
KEEPS = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT")


def take(step: Step, known: dict[str, str], folder: Path) -> Done:
    """Run one step in a folder; `known` learns the fields of the JSON object it printed."""
    start = time.monotonic_ns()
    output = b""
    try:
        output, failure = _command(step, known, folder)
        failure = failure or _shown(step, output, known) or _proven(step, known)
    except Refusal as refusal:
        failure = str(refusal)
    return Done(step.name, not failure, of_bytes(output), since(start), failure)


def since(start: int) -> int:
    """Milliseconds since a reading of the monotonic clock in nanoseconds."""
    return (time.monotonic_ns() - start) // 1_000_000


def _command(step: Step, known: Mapping[str, str], folder: Path) -> tuple[bytes, str]:
    """(what it printed, why it failed); the whole process group ends with it."""
    with _handed(step, known) as places:
        try:
            with subprocess.Popen(
                [filled(word, {**known, **places}) for word in step.run],
                cwd=folder,
                env=_environment(step, known, folder),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[int(one) for one in places.values()],
                start_new_session=True,
            ) as running:
                return _awaited(running, step.seconds)
        except OSError as error:
            return b"", f"cannot run {step.run[0]}: {error.strerror}"


@contextmanager
def _handed(step: Step, known: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Each secret on a descriptor of its own, by the place that names it."""
    places: dict[str, str] = {}
    try:
        for name, text in step.secrets.items():
            data = filled(text, known).encode()
            reading, writing = os.pipe()
            places[f"secret.{name}"] = str(reading)
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(data + b"\n")
        yield places
    finally:
        for one in places.values():
            os.close(int(one))


def _awaited(running: subprocess.Popen[bytes], seconds: int) -> tuple[bytes, str]:
    try:
        output, errors = running.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        output, _ = running.communicate()
        return output[:OUTPUT], f"took longer than {seconds} s"
    if running.returncode:
        lines = (errors.strip() or output).decode("utf-8", "replace").strip().splitlines()
        return output[:OUTPUT], f"exit {running.returncode}: {''.join(lines[-1:])[:500]}"
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
        known.update({f"{step.name}.{name}": _spelled(one) for name, one in found.items()})
    if step.says not in output.decode("utf-8", "replace"):
        return f"did not say: {step.says}"
    for name, wanted in step.expects.items():
        shown = known.get(f"{step.name}.{name}", "nothing")
        if shown != filled(wanted, known):
            return f"{name} is {shown}, not {filled(wanted, known)}"
    return ""


def _proven(step: Step, known: dict[str, str]) -> str:
    """Hash the files the step must have left; the first that is not there, or nothing."""
    for path in step.proves:
        place = Path(filled(path, known))
        try:
            known[f"{step.name}.sha256"] = of_file(place)
        except OSError:
            return f"left no {place.name}"
    return ""


def _spelled(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
