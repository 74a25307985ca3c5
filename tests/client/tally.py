"""The states that were tried and what became of them: kept beside what is made, told as a table.

`python -m tests.client.tally` prints the table of the last run, as docs/client.md has it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

KEPT = Path(__file__).parents[2] / "out" / "client-states"
HEAD = (
    "| family | what was tried | states | what became of them |",
    "|---|---|---:|---|",
)


def note(family: str, what: str, ends: Mapping[str, int]) -> None:
    """Keep how many states of `what` ended in which way; a later run replaces it."""
    KEPT.mkdir(parents=True, exist_ok=True)
    told = {"ends": dict(sorted(ends.items())), "family": family, "what": what}
    name = "".join(letter if letter.isalnum() else "-" for letter in f"{family} {what}")
    (KEPT / f"{name}.json").write_text(json.dumps(told), "utf-8")


def row(told: Mapping[str, object]) -> str:
    """One line of the table."""
    ends = Counter(told["ends"])
    said = ", ".join(f"{count:,} {end}" for end, count in sorted(ends.items()))
    return f"| {told['family']} | {told['what']} | {sum(ends.values()):,} | {said} |"


def table() -> str:
    """Everything that was kept, as Markdown."""
    found = [json.loads(path.read_text("utf-8")) for path in KEPT.glob("*.json")]
    found.sort(key=lambda one: (int(one["family"].split()[0]), one["family"], one["what"]))
    return "\n".join((*HEAD, *map(row, found)))


if __name__ == "__main__":
    print(table())
