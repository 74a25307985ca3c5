"""Publication takes an `Approved` and enacts what was signed; stops are said when served."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.flow.road import PRODUCT, WHY, Road, with_changed
from warifu.flow import publish, stop
from warifu.model.approval import Approved
from warifu.model.ledger import Draft, Row
from warifu.model.tally import match
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Malformed, Mismatch, Refusal
from warifu_wire.manifest import Kind
from warifu_wire.stops import Halt


class Nowhere:
    """An origin that serves an older tree, or nothing."""

    def __init__(self, data: bytes | None) -> None:
        self.data = data

    def read(self, path: str) -> bytes | None:
        return self.data


def test_what_was_signed_is_published_and_fetched_back(road: Road) -> None:
    program = road.program(Kind.INSTALL, "print(1)")
    found = road.published(program)
    kinds = [one.kind for one in road.ledger.events(subject=found.digest)]
    assert kinds[-2:] == ["publication.ordered", "publication.opened"]
    row = road.ledger.row("publication", program.composition.id)
    assert row is not None
    assert row["evidence"] == program.evidence
    road.later(minutes=1)
    road.repository.lease(road.now)
    road.enact(found)
    assert [one.kind for one in road.ledger.events(subject=found.digest)] == kinds


def test_patches_are_made_once_for_the_routes_in_force(road: Road) -> None:
    def condense() -> object:
        return publish.condense(
            road.ledger, road.depot, road.repository, product=PRODUCT, now=road.now
        )

    assert condense() == condense()
    road.published(road.program(Kind.INSTALL, "print(1)"))
    condense()
    road.later(minutes=1)
    condense()
    seqs = [one.facts["routes_seq"] for one in road.ledger.events(kind="publication.condensed")]
    assert seqs == [0, 1]


def test_swapped_bytes_are_refused_naming_both(road: Road) -> None:
    program = road.program(Kind.INSTALL, "print(1)")
    found = road.approved(road.change(program))
    publish.store_statements(road.depot, found)
    artifact = program.composition.artifact
    road.depot._held[artifact] = b"other bytes"
    with pytest.raises(Mismatch) as refused:
        road.order(found)
    assert refused.value.facts["approved"] == artifact
    assert refused.value.facts["found"] == of_bytes(b"other bytes")
    del road.depot._held[artifact]
    with pytest.raises(Mismatch) as refused:
        road.order(found)
    assert refused.value.facts["found"] == "nothing"
    assert not list(road.ledger.events(kind="publication.ordered"))


def test_an_origin_that_serves_something_else_is_not_publication(road: Road) -> None:
    found = road.approved(road.change(road.program(Kind.INSTALL, "print(1)")))
    road.order(found)
    for data in (None, b"older"):
        with pytest.raises(Mismatch):
            publish.enact(
                road.ledger, road.depot, road.repository, Nowhere(data), found, road.rules,
                road.people, now=road.now,
            )  # fmt: skip
    assert not list(road.ledger.events(kind="publication.opened"))


def test_match_names_the_path() -> None:
    one, other = of_bytes(b"1"), of_bytes(b"2")
    match({"a": one}, {"a": one, "b": other})
    with pytest.raises(Mismatch) as refused:
        match({"a": one}, {"a": other})
    assert refused.value.facts == {"path": "a", "approved": one, "found": other}


def test_publish_with_verified_does_not_type_check(tmp_path: Path) -> None:
    script = tmp_path / "wrong.py"
    script.write_text(
        "from warifu.flow.publish import publish\n"
        "from warifu.model.ports import Depot, Ledger\n"
        "from warifu.model.verification import Verified\n"
        "from warifu_wire.policy import People, Rules\n"
        "from warifu_wire.times import Instant\n"
        "def wrong(ledger: Ledger, depot: Depot, verified: Verified, rules: Rules, people: People,"
        " now: Instant) -> None:\n"
        "    publish(ledger, depot, verified, rules, people, by='me', now=now)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(script)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    assert 'incompatible type "Verified"; expected "Approved"' in done.stdout
    assert "1 error" in done.stdout


def test_a_stop_is_in_force_only_when_served(road: Road) -> None:
    program = road.program(Kind.INSTALL, "print(1)")
    road.published(program)
    release = program.composition.id
    road.halt(release)
    given = {"product": PRODUCT, "by": "oncall-1", "now": road.now}
    for data in (None, road.repository.read(f"stops/{PRODUCT}.json")):
        assert stop.enforce(road.ledger, road.repository, Nowhere(data), **given) is None  # type: ignore[arg-type]
    event = stop.enforce(road.ledger, road.repository, road.repository, **given)  # type: ignore[arg-type]
    assert event is not None
    assert event.kind == stop.IN_FORCE
    (entry,) = road.repository.current(PRODUCT).stops.entries
    assert (entry.release, entry.state, entry.by) == (release, Halt.STOPPED, "oncall-1")


def test_stops_follow_each_other_also_before_they_are_in_force(road: Road) -> None:
    program = road.program(Kind.INSTALL, "print(1)")
    road.published(program)
    release = program.composition.id
    road.halt(release, Halt.CAPPED, 1_000)
    road.halt(release, Halt.HELD)
    stop.enforce(
        road.ledger, road.repository, road.repository, product=PRODUCT, by="alarm", now=road.now
    )
    elsewhere = Row("stop", "other-tool/00000001", {})
    road.ledger.append(Draft("x", "x", road.now, "x", {}, key="other tool", rows=(elsewhere,)))
    road.halt(release)
    road.halt(release)
    states = [row["state"] for key, row in road.ledger.rows("stop") if key[:4] == PRODUCT]
    assert states == ["capped", "held", "stopped"]
    assert [one.kind for one in road.ledger.events(subject=release) if "cap" in one.kind]


def test_another_reason_is_another_stop_and_so_is_the_same_one_after_its_lift(road: Road) -> None:
    program = road.program(Kind.INSTALL, "print(1)")
    road.published(program)
    release = program.composition.id
    road.halt(release)
    stop.stop(
        road.ledger, road.repository, product=PRODUCT, release=release, state=Halt.STOPPED,
        by="oncall-1", why={**WHY, "en": "it cannot sign"}, now=road.now,
    )  # fmt: skip
    stop.enforce(
        road.ledger, road.repository, road.repository, product=PRODUCT, by="oncall-1", now=road.now
    )
    road.halt(release)
    entries = road.repository.current(PRODUCT).stops.entries
    assert len(list(road.ledger.events(kind="publication.stopped"))) == len(entries) == 2
    lifted = frozenset(one.digest for one in entries)
    road.later(minutes=1)
    found = road.approved(with_changed(road.change(program), lifted=lifted))
    road.order(found)
    road.enact(found)
    road.halt(release)
    assert len(list(road.ledger.events(kind="publication.stopped"))) == 3


def test_only_what_was_published_is_stopped_and_shares_are_shares(road: Road) -> None:
    with pytest.raises(Refusal, match="not-published"):
        road.halt(of_bytes(b"unknown"))
    program = road.program(Kind.INSTALL, "print(1)")
    road.published(program)
    for share in (0, 1_000_000):
        with pytest.raises(Malformed, match="bad-share"):
            road.halt(program.composition.id, Halt.CAPPED, share)


def test_approved_is_what_publish_takes(road: Road) -> None:
    assert publish.publish.__annotations__["approved"] == Approved.__name__
