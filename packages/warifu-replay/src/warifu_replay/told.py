"""How the replay tells what it proves: a line as it happens, and one table at the end."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Verdict:
    """A story's end: what was wrong, what stopped it, and the figures seen."""

    story: str
    wrong: str
    stopped_by: str
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


def table(verdicts: list[Verdict]) -> str:
    """The stories as one table for people."""
    lines = []
    for one in verdicts:
        lines += [
            f"■ {one.story}",
            f"    wrong       {one.wrong}",
            f"    stopped by  {one.stopped_by}",
        ]
        lines += [f"    {name:<11} {value}" for name, value in one.figures.items()]
    return "\n".join(lines)
