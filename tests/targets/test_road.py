"""The thin road over HTTP: a real TUF client sees what was published, and stops at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from backports import zstd

from tests.targets.house import PRODUCT, House
from tests.targets.member import Member
from tests.web.running import ask, serving
from warifu_wire.check import Go, Stay
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Stopped
from warifu_wire.manifest import Kind


@pytest.fixture
def live(tmp_path: Path) -> House:
    """A house that began a moment ago, so that its steps of a second lie behind us."""
    return House(tmp_path / "public", now=datetime.now(UTC) - timedelta(seconds=100)).found()


@pytest.fixture
def member(live: House, tmp_path: Path) -> Iterator[Member]:
    """A member who knows the address and the root."""
    root = (live.folder / "metadata" / "1.root.json").read_bytes()
    with serving(tmp_path) as address:
        yield Member(address, tmp_path / "member", root)


def test_published_offered_stage_by_stage_and_stopped(live: House, member: Member) -> None:
    release = live.release("print('one')", kind=Kind.INSTALL)
    live.publish(release)
    assert member.decide() == Stay("no-gate", {"en": "It fits.", "ja": "合っています。"})
    for stage in (1, 2, 3):
        live.open_gate(release.id, stage)
    found = member.decide()
    assert isinstance(found, Go)
    assert found.manifest == release.manifest
    for one in found.manifest.members:
        _, _, packed = ask(member.address, f"/blobs/{one.sha256[:2]}/{one.sha256}.zst")
        assert of_bytes(zstd.decompress(packed)) == one.sha256
    live.stop(release.id)
    with pytest.raises(Stopped) as caught:
        member.decide()
    assert caught.value.facts["by"] == "oncall-1"
    assert caught.value.facts["reason_ja"] == "署名できません。"


def test_a_lift_by_two_persons_and_a_new_beginning_offer_it_again(
    live: House, member: Member
) -> None:
    release = live.release("print('one')", kind=Kind.INSTALL)
    live.publish(release)
    for stage in (1, 2, 3):
        live.open_gate(release.id, stage)
    stops = live.stop(release.id)
    live.publish(release, lifted=[stops.head], since=2)
    assert isinstance(member.decide(), Stay)
    for stage in (1, 2, 3):
        live.open_gate(release.id, stage)
    assert isinstance(member.decide(), Go)


def test_a_lease_is_seen_at_the_next_look(live: House, member: Member) -> None:
    before = member.refresh().expires
    live.repository.lease(live.passes(30))
    assert (member.refresh().expires - before).total_seconds() == 30


def test_products_do_not_see_each_other(live: House, member: Member) -> None:
    live.repository.welcome("second", live.passes())
    first = live.release("print('one')", kind=Kind.INSTALL)
    second = live.release("print('two')", kind=Kind.INSTALL, product="second")
    live.publish(first)
    live.publish(second, product="second")
    current = live.repository.current(PRODUCT).road
    assert current is not None
    assert current.offers[0].id == first.id
    other = live.repository.current("second").road
    assert other is not None
    assert other.offers[0].id == second.id
    assert isinstance(member.decide(), Stay)
