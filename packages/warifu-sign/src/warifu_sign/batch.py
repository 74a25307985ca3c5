"""Many documents with one unlock: a result for each, and a journal to go on from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from warifu_sign import files
from warifu_sign.errors import Fault, Refusal

JOURNAL = ".warifu-sign.journal"
MOST_BYTES = 256 << 20


class State(StrEnum):
    """What became of one document."""

    SIGNED = "signed"
    KEPT = "kept"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Result:
    """One document's result. kept: an earlier run had signed it. code: why it failed, else ""."""

    source: Path
    out: Path
    state: State
    code: str = ""
    facts: dict[str, str] = field(default_factory=dict)


def named(source: Path, folder: Path | None) -> Path:
    """Where the signed document goes: 申請書.xml becomes 申請書-signed.xml."""
    return (folder or source.parent) / f"{source.stem}-signed{source.suffix}"


def run(
    sources: Sequence[Path], folder: Path | None, sign: Callable[[Path, bytes], bytes]
) -> Iterator[Result]:
    """Sign each source with `sign`, one result at a time, in their order.

    What fails is told in its result, and the next is tried. Run again after an interruption, it
    keeps what was signed before and signs the rest; a file that it did not write is never replaced.
    """
    for source in sources:
        out = named(source, folder)
        try:
            yield Result(source, out, _one(source, out, sign))
        except (Refusal, Fault) as error:
            yield Result(source, out, State.FAILED, error.code, error.facts)


def _one(source: Path, out: Path, sign: Callable[[Path, bytes], bytes]) -> State:
    document = files.read(source, most=MOST_BYTES)
    journal = out.parent / JOURNAL
    begun, done = _known(journal, out.name)
    of = _digest(document)
    if out.exists():
        if done.get(of) == _digest(files.read(out, most=2 * MOST_BYTES)):
            return State.KEPT
        if not begun:
            raise Refusal("out-exists", out=out, needed="another folder, or the file put away")
    signed = sign(source, document)
    _note(journal, {"begun": out.name, "of": of})
    files.write(out, signed)
    _note(journal, {"done": out.name, "of": of, "digest": _digest(signed)})
    return State.SIGNED


def _known(journal: Path, name: str) -> tuple[bool, dict[str, str]]:
    """Whether we ever began to write that name, and what we wrote there, by the source's digest."""
    if not journal.exists():
        return False, {}
    begun, done = False, {}
    for line in files.read(journal, most=MOST_BYTES).splitlines():
        try:
            note = json.loads(line)
        except ValueError:
            continue  # the last line of a process that was killed
        begun = begun or note.get("begun") == name
        if note.get("done") == name:
            done[note["of"]] = note["digest"]
    return begun, done


def _note(journal: Path, note: dict[str, str]) -> None:
    files.append(journal, (json.dumps(note, ensure_ascii=False) + "\n").encode("utf-8"))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
