"""How the replay tells what it proves: a line as it happens, and a verdict for each story."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Seen:
    """What a story's real machines came to: members, and seconds after publication.

    A time is None where there was nothing to detect, stop or mend.
    """

    offered: int = 0
    downloaded: int = 0
    installed: int = 0
    affected: int = 0
    detected: float | None = None
    stopped: float | None = None
    remedied: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A story's end: what was wrong, what stopped it, its cells of the table, and the proof."""

    story: str
    wrong: str
    stopped_by: str
    seen: Seen
    figures: dict[str, object]


@dataclass(slots=True)
class Teller:
    """Progress on standard error, with seconds since the start."""

    quiet: bool = False
    began: float = field(default_factory=time.monotonic)

    def story(self, name: str) -> None:
        """A heading."""
        self._print(f"\n■ {name}")

    def __call__(self, text: str) -> None:
        """One line for one thing proved."""
        self._print(f"  {time.monotonic() - self.began:6.1f} s  {text}")

    def _print(self, text: str) -> None:
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)


def proofs(verdicts: Sequence[Verdict]) -> str:
    """The stories with what was seen, for people."""
    lines = []
    for one in verdicts:
        lines += [
            f"■ {one.story}",
            f"    wrong       {one.wrong}",
            f"    stopped by  {one.stopped_by}",
        ]
        lines += [f"    {name:<11} {value}" for name, value in one.figures.items()]
    return "\n".join(lines)
