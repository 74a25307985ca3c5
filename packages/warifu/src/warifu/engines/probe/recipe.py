"""The steps of a box as data: any program can be probed by the commands its house declares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from warifu_wire.errors import Malformed

_PLACE = re.compile(r"\{([a-z][a-z0-9_.-]*)\}")


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a member's machine: exit 0 within `seconds` or the probe has failed.

    Words may hold `{name}`: what the box knows (`folder`, `machine`, `address`, `product`,
    `release`, `root`, `python`, `password`: a new one each run) or `{step.field}`, a field of the
    JSON object that an earlier step printed last. Each of `secrets` is handed over on the
    descriptor that `{secret.name}` names, never as a word. `proves` are files the step must have
    left, `expects` fields its JSON must show, `says` words it must print. A `fresh` step is for a
    machine with nothing on it.
    """

    name: str
    run: tuple[str, ...]
    seconds: int = 60
    secrets: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    proves: tuple[str, ...] = ()
    expects: Mapping[str, str] = field(default_factory=dict)
    says: str = ""
    fresh: bool = False


def filled(text: str, known: Mapping[str, str]) -> str:
    """A word with its places filled; raises `Malformed` for one that is not known."""

    def word(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in known:
            raise Malformed("unknown-place", needed=", ".join(sorted(known)), found=name)
        return known[name]

    return _PLACE.sub(word, text)
