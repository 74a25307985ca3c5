"""A rotation killed before its k-th write, for every k: the same call again finishes it, once."""

from __future__ import annotations

import itertools
import shutil
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.keys.drill import Drill
from tests.night import every
from tests.targets.process import killed_before
from warifu.app import keys
from warifu.engines.attest.entries import State
from warifu.engines.ledger.store import DatabaseLedger

pytestmark = pytest.mark.repeats


@pytest.mark.parametrize(("name", "step"), [("root-1", 3), ("approver-1", 5)])
def test_a_killed_rotation_is_finished_by_the_same_call(
    begun: Path, tmp_path: Path, name: str, step: int
) -> None:
    for point in itertools.count(1, every(step)):
        place = tmp_path / str(point)
        shutil.copytree(begun, place)
        drill = Drill(place, datetime.now(UTC) - timedelta(seconds=100)).resumed()

        def rotating(drill: Drill = drill) -> None:
            with closing(DatabaseLedger(drill.folder / "ledger.sqlite")) as ledger:
                keys.rotate(replace(drill.office, ledger=ledger), name, drill.now())

        killed = killed_before(point, rotating)
        drill.again()
        assert drill.goes(), point
        former = drill.keyring.entries().get(f"{name}-was-1")
        if former is None or former.state is State.ACTIVE:
            rotating()
            drill.again()
        assert drill.keyring.entry(f"{name}-was-1").state is State.RETIRED
        assert f"{name}-was-2" not in drill.keyring.names()
        assert drill.goes(drill.new_member("another"))
        with closing(DatabaseLedger(place / "ledger.sqlite")) as ledger:
            assert [one.kind for one in ledger.events()] == ["key.rotated"]
        if not killed:
            break
    assert point > 20
