"""How a command of the updater ended, in one value for the console, the window and the tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from warifu_wire.canonical import Json
from warifu_wire.digest import Digest


class End(StrEnum):
    """The ways it can end when nothing was refused and nothing gave way."""

    NOTHING = "nothing"
    OFFERED = "offered"
    INSTALLED = "installed"
    TRIAL = "trial"
    UNDONE = "undone"
    ROLLED_BACK = "rolled-back"


CODES = {End.UNDONE: 4, End.TRIAL: 5}
"""Exit codes beyond 0 (done or nothing to do), 1 (refused), 2 (usage) and 3 (fault)."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The end, the release it is about, the code of why, and the sentences of the route."""

    end: End
    release: Digest | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    why: Mapping[str, str] = field(default_factory=dict)
    size: int = 0

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        return CODES.get(self.end, 0)

    def to_json(self) -> dict[str, Json]:
        """For `--json`."""
        return {
            "code": self.code,
            "end": self.end.value,
            "labels": dict[str, Json](self.labels),
            "release": self.release,
            "size": self.size,
            "why": dict[str, Json](self.why),
        }
