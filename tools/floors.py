"""Coverage floors by room: nouns, verbs and the wire whole, the rest at the floor or above."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any


@dataclass(frozen=True, slots=True)
class Floors:
    """Percentages of lines and branches together; `full` rooms want 100."""

    floor: float
    full: Sequence[str]
    platform_only: Sequence[str]

    def of(self, room: str) -> float:
        return 100.0 if room in self.full else self.floor


def room_of(path: str) -> str:
    """`packages/warifu/src/warifu/engines/ledger/x.py` is of room `warifu.engines.ledger`."""
    parts = PurePosixPath(path.replace("\\", "/")).with_suffix("").parts
    inside = parts[parts.index("src") + 1 :]
    if inside[0] != "warifu" or (inside[-1] == "__init__" and len(inside) == 2):
        return inside[0]
    return ".".join(inside[: 3 if inside[1] in {"engines", "web"} and len(inside) > 3 else 2])


def below(report: Mapping[str, Any], floors: Floors) -> tuple[list[str], list[str]]:
    """Read a `coverage json` report: (one line for each room, the rooms below their floor)."""
    done: dict[str, int] = defaultdict(int)
    whole: dict[str, int] = defaultdict(int)
    open_files: dict[str, list[str]] = defaultdict(list)
    for path, entry in sorted(report["files"].items()):
        if not path.startswith("packages/") or path.endswith(tuple(floors.platform_only)):
            continue  # a released copy that a test ran, or another platform's
        room, figures = room_of(path), entry["summary"]
        done[room] += figures["covered_lines"] + figures["covered_branches"]
        here = figures["num_statements"] + figures["num_branches"]
        whole[room] += here
        missed = here - figures["covered_lines"] - figures["covered_branches"]
        if missed:
            open_files[room].append(f"{PurePosixPath(path).name}:{missed}")
    lines, low = [], []
    for room in sorted(whole):
        share = 100.0 * done[room] / whole[room] if whole[room] else 100.0
        lines.append(f"  {room:<28} {share:6.1f} %  (floor {floors.of(room):.0f})")
        if share < floors.of(room):
            low.append(f"{room} {share:.1f} %: {', '.join(open_files[room][:8])}")
    return lines, low
