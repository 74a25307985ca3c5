"""Never stuck: what cannot be had now is had later, and nothing is held against the wrong side."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from email.utils import format_datetime
from pathlib import Path

import pytest

from tests.client.conftest import GOOD, Clock, Made
from tests.client.provider import Provider, Release, release
from tests.client.serving import Answer, Asked, Site
from tests.forks import fork, leave, left
from warifu_client import applying, health, looking, standing, starting, transport, words
from warifu_client.ended import End
from warifu_client.machine import Machine
from warifu_client.settings import Settings
from warifu_client.starting import Started
from warifu_wire.errors import Fault, Refusal, Stale, Stopped
from warifu_wire.manifest import Kind, Manifest
from warifu_wire.routes import Health, Tree

FILES = 20
NOISE = [os.urandom(4_000) for _ in range(2 * FILES)]


def edition(offset: int, kind: Kind = Kind.UPDATE) -> Release:
    files = {f"lib/{number:02}": NOISE[offset + number] for number in range(FILES)}
    return release({"start.py": GOOD, **files}, kind=kind)


FIRST, SECOND = edition(0, Kind.INSTALL), edition(FILES)


@pytest.fixture
def ready(machine: Machine, provider: Provider) -> Machine:
    """A machine with the first release, and the second on offer."""
    provider.publish(FIRST)
    assert applying.apply(machine).end is End.INSTALLED
    provider.publish(FIRST, SECOND)
    return machine


def holds(machine: Machine, wanted: Release) -> bool:
    look = looking.current(machine)
    return look.release == wanted.id and look.tree is Tree.INTACT


# a start test that could not be made


def starting_with(*answers: Started) -> Callable[[Settings, Manifest, Path], Started]:
    left = list(answers)
    return lambda *_: left.pop(0) if left else Started("")


def test_a_start_test_that_cannot_be_made_is_held_against_nobody(
    ready: Machine, made: Made, site: Site
) -> None:
    unable = Started("start-undecided", undecided=True)
    with pytest.raises(Refusal, match="start-undecided"):
        applying.apply(made(start=starting_with(unable)))
    assert site.said()[-1] == ("start-test", "refused", "start-undecided")
    assert health.refused(ready) == frozenset()
    # in use it stays on trial, however often it cannot be made
    for _ in range(7):
        answers = (Started(""), unable) if holds(ready, FIRST) else (unable,)
        ended = applying.apply(made(start=starting_with(*answers)))
        assert (ended.end, ended.code) == (End.TRIAL, "start-undecided")
    assert applying.apply(ready).end is End.INSTALLED
    assert holds(ready, SECOND)


def test_exit_75_and_a_machine_at_its_limits_are_undecided(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = b'print(\'{"failure": {"code": "no-answer"}}\')\nraise SystemExit(75)\n'
    told = release({"start.py": said}).manifest
    (tmp_path / "start.py").write_bytes(said)
    assert starting.run(machine.settings, told, tmp_path) == Started("no-answer", undecided=True)
    monkeypatch.setattr("sys.frozen", True, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert starting.run(machine.settings, told, tmp_path) == Started("python-missing")


# a host that starts no more


def test_a_release_that_starts_no_more_is_told_once(
    ready: Machine, made: Made, provider: Provider, site: Site
) -> None:
    provider.publish(FIRST, route=())
    site.outcomes.clear()
    broken = made(start=lambda *_: Started("plugin-not-loaded"))
    for _ in range(3):
        assert applying.repair(broken).end is End.NOTHING
    assert site.said() == [("repair", "failed", "plugin-not-loaded")]
    assert site.reports()[0].release == FIRST.id
    assert standing.status(ready).look.health is Health.BROKEN


# the direction of a repair


@pytest.mark.parametrize(("new", "forward"), [(2, False), (10, True), (18, True)])
def test_a_half_copied_tree_goes_where_fewer_bytes_lead(
    new: int, forward: bool, ready: Machine, site: Site
) -> None:
    """Somebody else's installer was killed while it copied the second release over the first."""
    live = ready.layout.current
    for number in range(new):
        (live / f"lib/{number:02}").write_bytes(NOISE[FILES + number])
    torn = live / f"lib/{new:02}"
    torn.write_bytes(NOISE[FILES + new][:1_000])
    assert looking.current(ready).tree is Tree.FOREIGN if new == FILES else Tree.MIXED
    site.asked.clear()
    assert applying.repair(ready).end is End.INSTALLED
    assert holds(ready, SECOND if forward else FIRST)
    fetched = [one for one in site.asked if "/blobs/" in one.path]
    files = FILES - new if forward else new + 1
    assert len(fetched) == files
    sizes = [(site.folder / one.path.lstrip("/")).stat().st_size for one in fetched]
    assert sum(one.sent for one in fetched) <= 1.05 * sum(sizes)
    # what is left of the way is an ordinary update
    applying.apply(ready)
    assert holds(ready, SECOND)


def test_the_way_back_is_not_taken_to_what_is_stopped_or_did_not_start(
    ready: Machine, provider: Provider
) -> None:
    (ready.layout.current / "lib/00").write_bytes(b"torn")
    provider.stop(FIRST.id)
    assert applying.repair(ready).end is End.INSTALLED
    assert holds(ready, SECOND)
    third = edition(10)
    provider.publish(FIRST, SECOND, third)
    health.refuse(ready, SECOND.id)
    (ready.layout.current / "lib/00").write_bytes(b"torn")
    assert applying.repair(ready).end is End.INSTALLED
    assert holds(ready, third)
    provider.publish(FIRST, SECOND, third, route=())
    provider.stop(third.id)
    (ready.layout.current / "lib/00").write_bytes(b"torn")
    with pytest.raises(Stopped):
        applying.repair(ready)


# folders that cannot be removed


def without_rights(work: Callable[[], object]) -> int:
    """Run `work` in a process that may not go past file permissions; its exit code."""
    child = fork()
    if child == 0:
        code = 1
        try:
            header, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
            assert ctypes.CDLL(None).capset(header, nothing) == 0
            work()
            code = 0
        finally:
            leave(code)
    return left(child)


def test_a_folder_that_cannot_be_removed_keeps_no_attempt_from_ending(
    ready: Machine, provider: Provider
) -> None:
    """The oldest release's folder is read-only: it stays until it can go, and nothing waits."""
    assert applying.apply(ready).end is End.INSTALLED
    kept = ready.layout.release(ready.previous.read() or "")
    (kept / "lib" / "mine.txt").write_text("mine")
    (kept / "lib").chmod(0o555)
    third = edition(10)
    provider.publish(FIRST, SECOND, third)
    assert without_rights(lambda: applying.apply(ready)) == 0
    assert holds(ready, third)
    assert not ready.layout.journal.exists()
    assert (kept / "lib" / "mine.txt").exists()
    (kept / "lib").chmod(0o755)
    assert applying.apply(ready).end is End.NOTHING
    assert not kept.exists()
    assert [one.read_text() for one in ready.layout.aside.rglob("mine.txt")] == ["mine"]


def test_an_attempt_whose_new_folder_cannot_be_removed_ends_too(ready: Machine, made: Made) -> None:
    def lock(step: str) -> None:
        if step == "journal-staging":
            for one in ready.layout.releases.glob(f"{SECOND.id}.*/lib"):
                one.chmod(0o555)

    bad = made(start=lambda *_: Started("start-exit-1"), checkpoint=lock)

    def work() -> None:
        with pytest.raises(Refusal):
            applying.apply(bad)

    assert without_rights(work) == 0
    assert not ready.layout.journal.exists()
    for one in ready.layout.releases.glob("*/lib"):
        one.chmod(0o755)
    assert holds(ready, FIRST)


# clocks and servers


@pytest.mark.parametrize(
    ("drift", "said"),
    [(-86_400, "1 日遅れています"), (7_200, "2 時間進んでいます"), (-300, "5 分遅れています")],
)
def test_a_clock_that_is_off_is_explained_by_the_servers(
    drift: float, said: str, ready: Machine, clock: Clock, site: Site
) -> None:
    true = clock.wall

    def dated(asked: Asked, answer: Answer) -> Answer:
        answer.headers = {**answer.headers, "Date": format_datetime(true, usegmt=True)}
        return answer

    site.mischief = dated
    clock.drift(drift)
    with pytest.raises(Stale) as refused:
        applying.apply(ready)
    told = words.refusal(refused.value, "ja")
    assert said in told
    assert "2012-02-05 13:00 JST" in told
    assert "今の版は変わっていません" in told
    assert ("behind" if drift < 0 else "ahead") in words.refusal(refused.value, "en")


def test_a_servers_clock_that_is_off_decides_nothing(
    ready: Machine, clock: Clock, site: Site
) -> None:
    def forged(asked: Asked, answer: Answer) -> Answer:
        answer.headers = {**answer.headers, "Date": "Thu, 01 Jan 1970 00:00:00 GMT"}
        return answer

    site.mischief = forged
    assert applying.apply(ready).end is End.INSTALLED


def test_a_server_that_trickles_is_given_up(ready: Machine, site: Site) -> None:
    """Each piece takes 400 of the machine's seconds; nobody waits for all of them."""
    ticks = iter(range(0, 10**9, 400))
    site.mischief = lambda asked, answer: Answer(200, b"x" * 1_000_000)
    slow = transport.Http(transport.of(ready.settings).pool, lambda: next(ticks))
    with (
        pytest.raises(Fault, match="too slow"),
        slow.get(f"{site.address}/metadata/1.root.json") as reply,
    ):
        b"".join(reply.chunks)


def test_an_answer_without_an_end_is_not_kept(ready: Machine, site: Site) -> None:
    site.mischief = lambda asked, answer: Answer(200, b"x" * (transport.ANSWER + 1))
    with pytest.raises(Fault, match="too long"):
        ready.means.transport.post(f"{site.address}/outcomes", b"[]")
