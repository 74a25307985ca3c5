"""Bad networks, bad clocks, bad mirrors, stops at every moment, and members who edit files.

Families 4 to 12 of the updater's attack list. Every one ends in: the tree in use is exactly old or
exactly new, the host starts, what happened is told, and the next run converges.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from backports import zstd

from tests.client import tally
from tests.client.conftest import Clock, Made
from tests.client.provider import PRODUCT, Provider, Release, release
from tests.client.serving import Answer, Asked, Mischief, Site
from warifu_client import applying, lock, looking, returning, settings, transport
from warifu_client.ended import End
from warifu_client.machine import Machine, Means
from warifu_wire import dsse, routes
from warifu_wire.errors import Fault, Mismatch, Refusal, Stale, Stopped
from warifu_wire.manifest import Kind
from warifu_wire.pseudonym import pseudonym
from warifu_wire.routes import Health, Tree
from warifu_wire.stops import Halt

pytestmark = pytest.mark.programs_repeat

GOOD = b"raise SystemExit(0)\n"
BIG = bytes(range(256)) * 4_000


def edition(text: str, *, start: bytes = GOOD, kind: Kind = Kind.UPDATE) -> Release:
    noise = os.urandom(300_000)
    return release(
        {"start.py": start, "main.py": text.encode(), "noise.bin": noise, "big.bin": BIG},
        label="Ver1.10",
        kind=kind,
    )


FIRST, SECOND = edition("first", kind=Kind.INSTALL), edition("second")
SECTION = re.compile(r"^# (\d+ .*)$")


@pytest.fixture(scope="module", autouse=True)
def families() -> Iterator[Counter[str]]:
    """How many states of each family were tried; the sections of this file are the families."""
    found: Counter[str] = Counter()
    yield found
    for name, count in found.items():
        tally.note(name, "tests of tests/client/test_attacks.py", {"as expected": count})


@pytest.fixture(autouse=True)
def family(request: pytest.FixtureRequest, families: Counter[str]) -> Iterator[None]:
    """Count a test that ended as expected under the section it stands in."""
    failed = request.session.testsfailed
    yield
    lines = (
        Path(__file__).read_text("utf-8").splitlines()[: request.function.__code__.co_firstlineno]
    )
    above = [found[1] for line in lines if (found := SECTION.match(line))]
    if above and request.session.testsfailed == failed:
        families[above[-1]] += 1


@pytest.fixture
def ready(machine: Machine, provider: Provider, site: Site) -> Machine:
    """A machine with the first release, and the second on offer."""
    provider.publish(FIRST)
    assert applying.apply(machine).end is End.INSTALLED
    provider.publish(FIRST, SECOND)
    site.asked.clear()
    return quick(machine)


def quick(machine: Machine) -> Machine:
    """The same machine, whose pauses take no time."""
    old = machine.means
    means = Means(old.clock, old.transport, old.start, old.checkpoint, pause=lambda seconds: None)
    return Machine(machine.layout, machine.settings, means)


def holds(machine: Machine, release_: Release) -> bool:
    look = looking.current(machine)
    return look.release == release_.id and look.tree is Tree.INTACT


# 4 downloads


def of_blobs(work: Callable[[Asked, Answer], Answer]) -> Mischief:
    def only(asked: Asked, answer: Answer) -> Answer:
        return work(asked, answer) if "/blobs/" in asked.path else answer

    return only


def test_a_download_that_breaks_goes_on_where_it_ended(ready: Machine, site: Site) -> None:
    def cut(asked: Asked, answer: Answer) -> Answer:
        if len(answer.body) > 50_000:
            answer.cut = 50_000
        return answer

    site.mischief = of_blobs(cut)
    assert applying.apply(ready).end is End.INSTALLED
    sent: dict[str, int] = {}
    for one in site.asked:
        if "/blobs/" in one.path:
            sent[one.path] = sent.get(one.path, 0) + one.sent
    pieces = len([one for one in site.asked if "range" in one.headers])
    size = sum((site.folder / path.lstrip("/")).stat().st_size for path in sent)
    assert pieces > 3
    assert sum(sent.values()) <= size + pieces * 65_536


def test_a_killed_download_goes_on_in_the_next_run(ready: Machine, site: Site, made: Made) -> None:
    def once(asked: Asked, answer: Answer) -> Answer:
        if "range" in asked.headers:
            return Answer(503, b"")
        if len(answer.body) < 100_000:
            return answer
        answer.cut = 100_000
        return answer

    site.mischief = of_blobs(once)
    with pytest.raises(Fault):
        applying.apply(ready)
    site.mischief = None
    site.asked.clear()
    assert applying.apply(ready).end is End.INSTALLED
    assert any(one.headers.get("range", "").startswith("bytes=") for one in site.asked)


@pytest.mark.parametrize(
    "harm", ["wrong bytes in the middle", "longer than signed", "not zstd", "another range"]
)
def test_wrong_bytes_are_never_installed(harm: str, ready: Machine, site: Site) -> None:
    def spoil(asked: Asked, answer: Answer) -> Answer:
        body = answer.body
        if harm == "wrong bytes in the middle":
            half = len(body) // 2
            body = body[:half] + bytes([body[half] ^ 1]) + body[half + 1 :]
        elif harm == "longer than signed":
            body = body * 9 + b"x" * 10_000
        elif harm == "not zstd":
            body = b"<html>please log in</html>"
        else:
            return Answer(206, body[10:], {"Content-Range": f"bytes 10-{len(body)}/{len(body)}"})
        return Answer(200, body)

    site.mischief = of_blobs(spoil)
    with pytest.raises((Mismatch, Fault)):
        applying.apply(ready)
    assert holds(ready, FIRST)
    site.mischief = None
    assert applying.apply(ready).end is End.INSTALLED


def test_wrong_bytes_once_are_fetched_again(ready: Machine, site: Site) -> None:
    spoilt: set[str] = set()

    def spoil(asked: Asked, answer: Answer) -> Answer:
        if asked.path in spoilt:
            return answer
        spoilt.add(asked.path)
        return Answer(200, b"x" * len(answer.body))

    site.mischief = of_blobs(spoil)
    assert applying.apply(ready).end is End.INSTALLED


def test_a_file_that_changes_under_the_resume_is_begun_again(ready: Machine, site: Site) -> None:
    """A server that has another encoding of the same content by the time we come back."""
    seen: set[str] = set()

    def other(asked: Asked, answer: Answer) -> Answer:
        path = site.folder / asked.path.lstrip("/")
        if asked.path in seen or len(answer.body) < 100_000:
            return answer
        seen.add(asked.path)
        data = zstd.decompress(path.read_bytes())
        path.write_bytes(zstd.compress(data, 19))
        os.utime(path, ns=(1, 1))
        answer.cut = 60_000
        return answer

    site.mischief = of_blobs(other)
    assert applying.apply(ready).end is End.INSTALLED
    assert seen


def test_a_server_that_ignores_ranges_is_read_from_the_beginning(
    ready: Machine, site: Site
) -> None:
    cuts: set[str] = set()

    def whole(asked: Asked, answer: Answer) -> Answer:
        data = (site.folder / asked.path.lstrip("/")).read_bytes()
        first = asked.path not in cuts and len(data) > 100_000
        cuts.add(asked.path)
        return Answer(200, data, {}, 100_000 if first else None)

    site.mischief = of_blobs(whole)
    assert applying.apply(ready).end is End.INSTALLED


def test_a_redirect_loop_is_no_answer(ready: Machine, site: Site) -> None:
    def round_(asked: Asked, answer: Answer) -> Answer:
        return Answer(302, b"", {"Location": asked.path})

    site.mischief = of_blobs(round_)
    with pytest.raises(Fault, match="no answer"):
        applying.apply(ready)
    assert holds(ready, FIRST)


def test_mirrors_take_turns(made: Made, provider: Provider, site: Site, clock: Clock) -> None:
    provider.publish(FIRST)
    machine = quick(made("far", mirrors=("http://127.0.0.1:9", f"{site.address}/nothing")))
    assert applying.apply(machine).end is End.INSTALLED


def test_the_members_rate_is_kept(made: Made, provider: Provider) -> None:
    provider.publish(FIRST)
    pauses: list[float] = []
    machine = made("slow", rate=100_000)
    old = machine.means
    means = Means(old.clock, old.transport, old.start, pause=pauses.append)
    applying.apply(Machine(machine.layout, machine.settings, means))
    assert sum(pauses) > 1


def test_too_little_room_is_said_before_the_first_byte(
    made: Made, provider: Provider, site: Site
) -> None:
    provider.publish(FIRST)
    with pytest.raises(Refusal, match="no-room"):
        applying.apply(made("small", quota=100_000))
    assert not any("/blobs/" in one.path for one in site.asked)
    assert site.said()[-1] == ("fetch", "refused", "no-room")


# 5 clocks


@pytest.mark.parametrize("days", [60, 1, -1, -365])
def test_with_a_wrong_clock_nothing_is_installed_and_nothing_breaks(
    days: int, ready: Machine, clock: Clock
) -> None:
    clock.drift(days * 86_400)
    with pytest.raises(Stale):
        applying.apply(ready)
    assert holds(ready, FIRST)
    clock.drift(-days * 86_400)
    assert applying.apply(ready).end is End.INSTALLED


def test_a_clock_never_goes_below_the_highest_signed_time(
    ready: Machine, provider: Provider, clock: Clock
) -> None:
    provider.lease(timedelta(seconds=600))
    applying.look_for(ready)
    clock.drift(-120)
    with pytest.raises(Stale, match="clock-behind"):
        applying.apply(ready)


# 6 mirrors and metadata


def test_old_metadata_is_refused(ready: Machine, provider: Provider, site: Site) -> None:
    applying.look_for(ready)
    kept = (provider.folder / "metadata/timestamp.json").read_bytes()
    provider.publish(FIRST, SECOND)
    applying.look_for(ready)
    (provider.folder / "metadata/timestamp.json").write_bytes(kept)
    with pytest.raises(Stale, match="metadata-older"):
        applying.apply(ready)


def test_old_stops_after_the_metadata_was_lost_are_refused(
    ready: Machine, provider: Provider
) -> None:
    """The metadata folder is gone; the floors are not in it."""
    shutil.copytree(provider.folder, provider.folder.parent / "kept")
    provider.stop(SECOND.id)
    with pytest.raises(Stopped):
        applying.apply(ready)
    shutil.rmtree(ready.layout.metadata)
    ready.layout.metadata.mkdir()
    ready.layout.view.unlink(missing_ok=True)
    shutil.rmtree(provider.folder)
    (provider.folder.parent / "kept").rename(provider.folder)
    with pytest.raises(Stale, match="stops-older"):
        applying.apply(ready)
    assert holds(ready, FIRST)


def test_a_frozen_mirror_holds_until_the_lease_is_over(ready: Machine, clock: Clock) -> None:
    clock.pass_(599)
    assert applying.look_for(ready).end is End.OFFERED
    clock.pass_(2)
    with pytest.raises(Stale, match="lease-over"):
        applying.apply(ready)


def test_a_lease_of_ten_years_is_refused(ready: Machine, provider: Provider) -> None:
    provider.lease(timedelta(days=3_650))
    with pytest.raises(Stale, match="lease-too-long"):
        applying.apply(ready)


@pytest.mark.parametrize("role", ["snapshot", "targets", "releases", "stops", "gates"])
def test_other_bytes_under_the_same_version_are_refused(
    role: str, made: Made, provider: Provider
) -> None:
    provider.publish(FIRST)
    version = provider.metadata[role].signed.version
    path = provider.folder / "metadata" / f"{version}.{role}.json"
    path.write_bytes(path.read_bytes().replace(b"2012", b"2013", 1))
    with pytest.raises(Refusal):
        applying.apply(made())
    assert made().current.read() is None


def test_a_publication_in_the_middle_of_a_check_is_seen_old_or_new(
    made: Made, provider: Provider, site: Site
) -> None:
    provider.publish(FIRST)

    def publish(asked: Asked, answer: Answer) -> Answer:
        if "snapshot" in asked.path:
            site.mischief = None
            provider.publish(FIRST, edition("in the middle", kind=Kind.INSTALL))
        return answer

    site.mischief = publish
    assert applying.look_for(made()).release == FIRST.id
    assert applying.look_for(made()).release != FIRST.id


def test_two_updaters_at_once_are_one(ready: Machine) -> None:
    with lock.held(ready.layout.lock), pytest.raises(Refusal, match="busy"):
        applying.apply(ready)
    assert applying.apply(ready).end is End.INSTALLED


def test_one_approver_is_not_two(made: Made, provider: Provider) -> None:
    provider.publish(FIRST)
    assert provider.routes is not None
    sealed = dsse.seal(routes.PAYLOAD_TYPE, provider.routes.to_json())
    alone = provider.sign(sealed, "approver-1")
    provider.put("releases", f"routes/{PRODUCT}.json", alone.to_bytes())
    provider.sign_roles("releases")
    with pytest.raises(Refusal, match="signoff-missing"):
        applying.apply(made())


def test_bytes_swapped_with_the_publishing_keys_are_refused(made: Made, provider: Provider) -> None:
    """The attacker has releases, snapshot and timestamp keys, and changes a manifest."""
    provider.publish(FIRST)
    other = edition("swapped", kind=Kind.INSTALL)
    provider.put("releases", f"manifests/{PRODUCT}/{FIRST.id}.json", other.manifest.to_bytes())
    provider.sign_roles("releases")
    with pytest.raises(Mismatch, match="not-what-was-verified") as refused:
        applying.apply(made())
    assert refused.value.facts["served"] == other.id
    assert refused.value.needed == FIRST.id


# 7 stops


@pytest.mark.parametrize("moment", ["fetched", "placed", "staged", "journal-staging"])
def test_a_stop_at_any_moment_before_the_switch_holds(
    moment: str, ready: Machine, made: Made, provider: Provider, site: Site
) -> None:
    def stop(step: str) -> None:
        if step == moment and not provider.stops.entries:
            provider.stop(SECOND.id)

    with pytest.raises(Stopped):
        applying.apply(made(checkpoint=stop))
    assert holds(ready, FIRST)
    # lifted by M persons, and open again: it is installed
    lifted = frozenset({provider.stops.entries[0].digest})
    provider.publish(FIRST, SECOND, lifted=lifted)
    assert applying.apply(ready).end is End.INSTALLED


def test_a_stop_that_a_later_file_leaves_out_stays(ready: Machine, provider: Provider) -> None:
    """The on-call key signs a newer file that forgets the entry."""
    provider.stop(SECOND.id)
    with pytest.raises(Stopped):
        applying.apply(ready)
    provider.stops = type(provider.stops)(PRODUCT, ())
    provider.stop(FIRST.id)
    with pytest.raises(Stopped):
        applying.apply(ready)


def test_a_hold_and_a_cap_hold_too(ready: Machine, provider: Provider) -> None:
    provider.stop(SECOND.id, Halt.HELD)
    with pytest.raises(Stopped, match="release-held"):
        applying.apply(ready)


def test_the_release_after_a_stopped_one_has_the_same_label(
    ready: Machine, provider: Provider
) -> None:
    provider.stop(SECOND.id)
    third = edition("third")
    provider.publish(FIRST, SECOND, third)
    assert applying.apply(ready).end is End.INSTALLED
    assert holds(ready, third)


def test_a_release_stopped_after_its_commit_is_repaired_by_route(
    ready: Machine, provider: Provider
) -> None:
    assert applying.apply(ready).end is End.INSTALLED
    provider.stop(SECOND.id)
    repair = edition("repair", kind=Kind.REPAIR)
    provider.publish(FIRST, SECOND, repair)
    assert applying.apply(ready).end is End.INSTALLED
    assert holds(ready, repair)


# 9 the live folder is never touched


def test_the_live_folder_is_not_touched_while_its_files_are_held_open(
    ready: Machine,
) -> None:
    live = ready.layout.current.resolve()
    before = {path: path.lstat() for path in live.rglob("*")}
    with (live / "main.py").open("rb") as held:
        assert applying.apply(ready).end is End.INSTALLED
        assert held.read() == b"first"
    for path, state in before.items():
        after = path.lstat()
        assert (after.st_ino, after.st_mtime_ns) == (state.st_ino, state.st_mtime_ns)


# 10 members edit files


def test_edited_deleted_and_added_files_cost_only_their_own_bytes(
    ready: Machine, site: Site
) -> None:
    live = ready.layout.current
    (live / "main.py").write_bytes(b"edited")
    (live / "big.bin").unlink()
    (live / "letters").mkdir()
    (live / "letters" / "mine.txt").write_text("mine")
    assert looking.current(ready).tree is Tree.MODIFIED
    assert applying.apply(ready).end is End.INSTALLED
    assert holds(ready, SECOND)
    kept = [path.read_text() for path in ready.layout.releases.rglob("mine.txt")]
    assert kept == ["mine"]


def test_files_of_another_release_make_a_mixed_tree_and_it_is_mended(
    ready: Machine, provider: Provider, site: Site
) -> None:
    assert applying.apply(ready).end is End.INSTALLED
    (ready.layout.current / "main.py").write_bytes(b"first")
    look = looking.current(ready)
    assert (look.tree, [one.path for one in look.wrong]) == (Tree.MIXED, ["main.py"])
    provider.publish(FIRST, SECOND, route=())
    site.asked.clear()
    assert applying.repair(ready).end is End.INSTALLED
    assert holds(ready, SECOND)
    assert sum("/blobs/" in one.path for one in site.asked) == 1


def test_mending_takes_nothing_from_the_network_that_is_here(
    ready: Machine, provider: Provider, site: Site
) -> None:
    assert applying.apply(ready).end is End.INSTALLED
    (ready.layout.current / "big.bin").unlink()
    provider.publish(FIRST, SECOND, route=())
    site.asked.clear()
    assert applying.repair(ready).end is End.INSTALLED
    assert not any("/blobs/" in one.path for one in site.asked)


def test_a_stopped_release_is_not_mended(ready: Machine, provider: Provider) -> None:
    assert applying.apply(ready).end is End.INSTALLED
    (ready.layout.current / "main.py").unlink()
    provider.publish(FIRST, SECOND, route=())
    provider.stop(SECOND.id)
    with pytest.raises(Stopped):
        applying.repair(ready)


def test_a_lost_pointer_is_found_again_by_looking(ready: Machine, site: Site) -> None:
    ready.layout.current.unlink()
    assert applying.apply(ready).end is End.INSTALLED
    assert holds(ready, SECOND)
    assert len([one for one in site.asked if "/blobs/" in one.path]) == 2


def test_a_lost_manifest_is_no_reason_to_guess(ready: Machine, provider: Provider) -> None:
    ready.layout.manifest(FIRST.id).write_bytes(b"{}")
    assert looking.current(ready).tree is Tree.FOREIGN
    assert applying.apply(ready).end is End.INSTALLED
    assert holds(ready, SECOND)


def test_a_program_installed_by_hand_is_known_by_its_tree(
    made: Made, provider: Provider, tmp_path: Path, site: Site
) -> None:
    legacy = tmp_path / "legacy"
    for member in FIRST.manifest.members:
        (legacy / member.path).parent.mkdir(parents=True, exist_ok=True)
        (legacy / member.path).write_bytes(FIRST.contents[member.sha256])
    provider.publish(FIRST, SECOND, known_trees={FIRST.manifest.tree: FIRST.id})
    machine = made("old", legacy=str(legacy))
    assert applying.apply(machine).end is End.INSTALLED
    assert holds(machine, SECOND)
    # what is the same was linked or copied, not fetched
    assert sum("/blobs/" in one.path for one in site.asked) == 2


# 11 hosts


def test_a_host_that_hangs_does_not_start(made: Made, provider: Provider, site: Site) -> None:
    provider.publish(edition("hangs", start=b"import time\ntime.sleep(600)\n", kind=Kind.INSTALL))
    with pytest.raises(Refusal, match="start-timeout"):
        applying.apply(made("hangs", start_timeout=1))
    assert site.said()[-1] == ("start-test", "failed", "start-timeout")


@pytest.mark.parametrize(
    ("start", "word"),
    [
        (b'print(\'{"failure": {"code": "sign-failed"}}\')\nraise SystemExit(1)\n', "sign-failed"),
        (b'print("{torn")\nraise SystemExit(9)\n', "start-exit-9"),
        (b'print(\'{"failure": {"code": "Not A Word"}}\')\nraise SystemExit(2)\n', "start-exit-2"),
        (b"import os\nos.kill(os.getpid(), 11)\n", "start-exit-signal-11"),
    ],
)
def test_the_hosts_own_word_is_the_failure(
    start: bytes, word: str, made: Made, provider: Provider, site: Site
) -> None:
    provider.publish(edition("fails", start=start, kind=Kind.INSTALL))
    with pytest.raises(Refusal):
        applying.apply(made())
    assert site.said()[-1][2] == word


@pytest.mark.parametrize("start", [(), ("{tree}/no-such-program",)])
def test_a_release_without_a_start_test_does_not_pass_it(
    start: tuple[str, ...], made: Made, provider: Provider
) -> None:
    provider.publish(release({"a": b"a"}, start=start, kind=Kind.INSTALL))
    with pytest.raises(Refusal, match="start-"):
        applying.apply(made())


def test_a_host_that_runs_during_the_switch_keeps_its_own_files(ready: Machine) -> None:
    tree = ready.layout.current.resolve()
    host = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read(); print(open('main.py').read())"],
        cwd=tree,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert applying.apply(ready).end is End.INSTALLED
    told, _ = host.communicate(b"")
    assert told.strip() == b"first"


# 12 the counter of starts


def test_starts_cut_off_on_trial_are_counted_and_good_ones_are_not(
    ready: Machine, made: Made, provider: Provider
) -> None:
    class PowerCut(BaseException):
        pass

    def cut(*_: object) -> None:
        if ready.layout.current.readlink().name.startswith(SECOND.id):
            raise PowerCut

    good = made()
    applying.look_for(good)
    with pytest.raises(PowerCut):
        applying.apply(Machine(good.layout, good.settings, _starting(good, cut)))
    for _ in range(3):
        with pytest.raises(PowerCut):
            applying.apply(Machine(good.layout, good.settings, _starting(good, cut)))
    # it was a good release all the time: it stays
    assert applying.apply(good).end is End.INSTALLED
    for _ in range(20):
        assert applying.apply(good).end is End.NOTHING
    assert holds(good, SECOND)


def test_starts_that_are_always_cut_off_end_the_trial(
    ready: Machine, made: Made, site: Site
) -> None:
    class PowerCut(BaseException):
        pass

    def cut(*_: object) -> None:
        if ready.layout.current.readlink().name.startswith(SECOND.id):
            raise PowerCut

    dark = Machine(ready.layout, ready.settings, _starting(ready, cut))
    for _ in range(5):
        with pytest.raises(PowerCut):
            applying.apply(dark)
    ended = applying.apply(ready)
    assert (ended.end, ended.code) == (End.UNDONE, "start-interrupted")
    assert holds(ready, FIRST)


def _starting(machine: Machine, cut: Callable[..., None]) -> Means:
    """Means whose start test is cut off first."""
    old = machine.means

    def start(*told: object) -> object:
        cut()
        return old.start(*told)  # type: ignore[arg-type]

    return Means(old.clock, old.transport, start)  # type: ignore[arg-type]


# 13 the way back, and what is sent


def test_a_rollback_to_an_edited_release_is_refused(ready: Machine) -> None:
    assert applying.apply(ready).end is End.INSTALLED
    name = ready.previous.read()
    assert name is not None
    (ready.layout.release(name) / "main.py").write_bytes(b"edited")
    with pytest.raises(Mismatch):
        returning.rollback(ready)
    assert holds(ready, SECOND)


def test_reports_wait_until_somebody_answers_and_a_bad_one_keeps_none_back(
    ready: Machine, site: Site
) -> None:
    def closed(asked: Asked, answer: Answer) -> Answer:
        return Answer(503, b"") if asked.path == "/outcomes" else answer

    site.mischief = closed
    assert applying.apply(ready).end is End.INSTALLED
    queued = sorted(ready.layout.outbox.glob("*.json"))
    assert len(queued) == 3
    site.outcomes.clear()
    queued[0].write_bytes(b"torn")

    def strict(asked: Asked, answer: Answer) -> Answer:
        return answer

    site.mischief = strict
    applying.apply(ready)
    assert [one.phase.value for one in site.reports()] == ["stage", "commit"]
    assert not list(ready.layout.outbox.glob("*.json"))


def test_a_report_that_is_refused_for_good_does_not_come_back(ready: Machine, site: Site) -> None:
    def refuse(asked: Asked, answer: Answer) -> Answer:
        return Answer(400, b"{}") if asked.path == "/outcomes" else answer

    site.mischief = refuse
    assert applying.apply(ready).end is End.INSTALLED
    assert not list(ready.layout.outbox.glob("*.json"))


def test_without_consent_nothing_is_sent(made: Made, provider: Provider, site: Site) -> None:
    provider.publish(FIRST)
    assert applying.apply(made("quiet", report=False)).end is End.INSTALLED
    assert site.outcomes == []


def test_the_name_on_downloads_is_todays_and_not_the_id(
    ready: Machine, site: Site, clock: Clock
) -> None:
    assert applying.apply(ready).end is End.INSTALLED
    names = {one.headers["warifu-machine"] for one in site.asked if "/blobs/" in one.path}
    installation = ready.layout.installation.read_text()
    assert names == {pseudonym(installation, clock.wall)}
    assert installation not in names


def test_health_is_what_the_last_start_found(ready: Machine) -> None:
    assert looking.current(ready).health is Health.OK
    ready.layout.health.write_bytes(b"torn")
    assert looking.current(ready).health is Health.UNKNOWN


def test_a_proxy_that_is_not_there_is_no_answer(made: Made, provider: Provider) -> None:
    provider.publish(FIRST)
    with pytest.raises(Fault):
        applying.apply(made("proxied", proxy="http://127.0.0.1:9"))


def test_settings_out_of_form_are_refused(machine: Machine) -> None:
    assert settings.read(machine.layout) == machine.settings
    data = machine.layout.settings.read_bytes()
    machine.layout.settings.write_bytes(data.replace(b'"ja"', b'"xx"'))
    with pytest.raises(Refusal, match="not-settings"):
        settings.read(machine.layout)


def test_many_at_once_through_one_process(made: Made, provider: Provider) -> None:
    """Threads of one process, each a machine of its own."""
    provider.publish(FIRST)
    ends: list[End] = []

    def go(name: str) -> None:
        ends.append(applying.apply(made(name)).end)

    every = [threading.Thread(target=go, args=(f"member-{n}",)) for n in range(8)]
    for one in every:
        one.start()
    for one in every:
        one.join()
    assert ends == [End.INSTALLED] * 8
    assert isinstance(transport.plain(), transport.Http)
