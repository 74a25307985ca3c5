"""What one snapshot says of the targets that every check reads, so that equal ones ask no role.

A snapshot names the version of every role below it. While a check verifies the very same snapshot
bytes, nothing below can differ from what an earlier check verified, so the delegated roles, however
large, need not be read and verified again. Their expiry is looked at all the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from tuf.api.metadata import TargetFile

from warifu_client.machine import Machine
from warifu_wire import atomic, times
from warifu_wire.digest import Digest
from warifu_wire.errors import Refusal
from warifu_wire.times import Instant

NEVER = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class View:
    """Targets under one snapshot, good until `ends`: when the first of the roles asked expires."""

    snapshot: Digest
    ends: Instant
    targets: Mapping[str, TargetFile | None]


def known(machine: Machine, snapshot: Digest, now: Instant) -> View:
    """What was verified under exactly this snapshot; nothing when a role ended or it is damaged.

    Only targets that were there are noted: an absence is asked for each time.
    """
    try:
        found = json.loads(machine.layout.view.read_bytes())
        ends = times.read(found["ends"])
        if found["snapshot"] == snapshot and now < ends:
            told = found["targets"].items()
            return View(
                snapshot, ends, {path: TargetFile.from_dict(one, path) for path, one in told}
            )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, Refusal):
        pass
    return View(snapshot, NEVER, {})


def note(machine: Machine, view: View) -> None:
    """Write it down, if that is not what stands there. Raises `Fault`."""
    targets = {path: one.to_dict() for path, one in view.targets.items() if one is not None}
    found = {"ends": times.spell(view.ends), "snapshot": view.snapshot, "targets": targets}
    data = json.dumps(found, sort_keys=True).encode()
    try:
        if machine.layout.view.read_bytes() == data:
            return
    except OSError:
        pass
    atomic.write(machine.layout.view, data)
