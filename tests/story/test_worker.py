"""The worker: what nobody foresaw ends a round, never the lease; work has times of its own."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from warifu.app import keeping, work, worker
from warifu.model.ledger import Draft, Work
from warifu.testing import MemoryLedger

START = datetime(2026, 1, 4, 3, 0, tzinfo=UTC)


class Falling:
    """A repository whose first lease meets a defect; its second one ends the test."""

    def __init__(self, ended: threading.Event) -> None:
        self.ended = ended
        self.leases = 0

    def lease(self, _: datetime) -> object:
        self.leases += 1
        if self.leases == 1:
            raise ZeroDivisionError("a defect")
        self.ended.set()
        return SimpleNamespace(warnings=())


def test_a_fallen_worker_is_told_and_begins_anew(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(worker, "AGAIN", 0)
    monkeypatch.setattr(worker, "look", lambda *_: None)
    monkeypatch.setattr(keeping, "forget", lambda *_: None)
    ended = threading.Event()
    repository = Falling(ended)
    policy = SimpleNamespace(lease=600)
    house: Any = SimpleNamespace(
        config=SimpleNamespace(policy=policy), repository=repository, ledger=MemoryLedger()
    )
    told: list[str] = []
    worker.run(house, lambda: START, told.append, ended)
    assert repository.leases == 2
    assert len(told) == 1
    assert "goes on" in told[0]
    assert "a defect" in told[0]
    assert "Traceback" in capsys.readouterr().err


def test_each_piece_of_work_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = MemoryLedger()
    owed = [Work("slow", str(number), START, {}) for number in range(3)]
    ledger.append(Draft("thing", "one", START, "somebody", {}, key="thing", work=tuple(owed)))
    times = iter(START + timedelta(seconds=10 * number) for number in range(9))
    seen: list[datetime] = []
    monkeypatch.setattr(work, "VERBS", {"slow": lambda _house, _due, now: seen.append(now) is None})
    house: Any = SimpleNamespace(ledger=ledger)
    done = work.run(house, lambda: next(times))
    assert [one.done for one in done] == [True] * 3
    assert seen == [START + timedelta(seconds=10 * number) for number in range(3)]
