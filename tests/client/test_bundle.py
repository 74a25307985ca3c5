"""A release as one file: online the ordinary check decides, offline its lease, stops, floors."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from tests.client.conftest import Clock
from tests.client.provider import Provider, bundled, release
from tests.client.serving import Answer, Site
from warifu_client import applying, bundle, looking
from warifu_client.bundle import Question
from warifu_client.ended import End
from warifu_client.machine import Machine
from warifu_wire.errors import Refusal, Stopped
from warifu_wire.manifest import Kind
from warifu_wire.routes import Tree

GOOD = b"raise SystemExit(0)\n"
FIRST = release({"start.py": GOOD, "main.py": b"first"}, kind=Kind.INSTALL)
SECOND = release({"start.py": GOOD, "main.py": b"second"}, kind=Kind.INSTALL)
DAY = timedelta(days=1)


def away(asked: object, answer: object) -> Answer:
    return Answer(503, b"")


def yes(question: Question) -> bool:
    return True


def no(question: Question) -> bool:
    return False


def test_offline_a_new_machine_is_installed_when_the_member_says_so(
    machine: Machine, provider: Provider, site: Site, tmp_path: Path, clock: Clock
) -> None:
    provider.publish(FIRST)
    file = bundled(provider, tmp_path / "first.bundle", FIRST.id)
    site.mischief = away
    asked: list[Question] = []
    with pytest.raises(Refusal, match="not-confirmed"):
        bundle.install(machine, file, no)
    assert machine.current.read() is None
    ended = bundle.install(machine, file, lambda question: not asked.append(question))
    assert ended.end is End.TRIAL
    assert asked[0].until == clock.wall + DAY
    assert looking.current(machine).release == FIRST.id
    # the trial ends when somebody can be asked
    site.mischief = None
    assert applying.apply(machine).end is End.INSTALLED
    assert site.said() == [("commit", "ok", "")]


def test_online_the_ordinary_check_decides_and_the_bundle_saves_the_bytes(
    machine: Machine, provider: Provider, site: Site, tmp_path: Path
) -> None:
    provider.publish(FIRST)
    applying.apply(machine)
    provider.publish(FIRST, SECOND)
    file = bundled(provider, tmp_path / "second.bundle", SECOND.id)
    site.asked.clear()
    assert bundle.install(machine, file, no).end is End.INSTALLED
    assert not any("/blobs/" in one.path for one in site.asked)
    assert bundle.install(machine, file, no).end is End.NOTHING


def test_online_a_stopped_bundle_is_refused(
    machine: Machine, provider: Provider, tmp_path: Path
) -> None:
    provider.publish(FIRST)
    file = bundled(provider, tmp_path / "first.bundle", FIRST.id)
    provider.stop(FIRST.id)
    with pytest.raises(Stopped):
        bundle.install(machine, file, yes)


def test_offline_a_stop_that_this_machine_saw_holds(
    machine: Machine, provider: Provider, site: Site, tmp_path: Path
) -> None:
    provider.publish(FIRST)
    applying.apply(machine)
    provider.publish(FIRST, SECOND)
    file = bundled(provider, tmp_path / "second.bundle", SECOND.id)
    provider.stop(SECOND.id)
    with pytest.raises(Stopped):
        applying.apply(machine)
    site.mischief = away
    with pytest.raises(Stopped):
        bundle.install(machine, file, yes)
    assert looking.current(machine).release == FIRST.id


def test_offline_older_routes_than_this_machine_saw_are_refused(
    machine: Machine, provider: Provider, site: Site, tmp_path: Path
) -> None:
    provider.publish(FIRST)
    file = bundled(provider, tmp_path / "first.bundle", FIRST.id)
    provider.publish(FIRST, SECOND)
    applying.look_for(machine)
    site.mischief = away
    with pytest.raises(Refusal, match="routes-older"):
        bundle.install(machine, file, yes)


def test_a_lease_that_is_over_or_too_long_or_signed_by_one_is_refused(
    machine: Machine, provider: Provider, site: Site, tmp_path: Path, clock: Clock
) -> None:
    provider.publish(FIRST)
    late = bundled(provider, tmp_path / "late.bundle", FIRST.id, life=timedelta(hours=1))
    long = bundled(provider, tmp_path / "long.bundle", FIRST.id, life=timedelta(days=8))
    one = bundled(provider, tmp_path / "one.bundle", FIRST.id, signers=("approver-1",))
    site.mischief = away
    clock.pass_(3_600)
    for file, code in ((late, "lease-over"), (long, "lease-too-long"), (one, "signoff-missing")):
        with pytest.raises(Refusal, match=code):
            bundle.install(machine, file, yes)
    assert machine.current.read() is None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("main", "another-bundle"),
        ("routes/", "another-bundle"),
        ("metadata/targets.json", "metadata-malformed"),
        ("policy/people.json", "not-what-was-signed"),
    ],
)
def test_any_changed_part_is_refused(
    name: str,
    code: str,
    machine: Machine,
    provider: Provider,
    site: Site,
    tmp_path: Path,
) -> None:
    provider.publish(FIRST)

    def change(parts: dict[str, bytes]) -> None:
        wanted = "blobs/" if name == "main" else name
        part = next(one for one in parts if one.startswith(wanted))
        parts[part] = parts[part][:-1] + b"!"

    file = bundled(provider, tmp_path / "changed.bundle", FIRST.id, change=change)
    site.mischief = away
    with pytest.raises(Refusal, match=code):
        bundle.install(machine, file, yes)
    assert machine.current.read() is None


def test_what_is_no_bundle_is_said_so(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "odd.bundle"
    file.write_bytes(b"MZ this is a program")
    with pytest.raises(Refusal, match="not-a-bundle"):
        bundle.install(machine, file, yes)
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("hello.txt", "hello")
    file.write_bytes(sink.getvalue())
    machine.layout.installation.write_text("0" * 32)
    with pytest.raises(Refusal):
        bundle.install(machine, file, yes)


def test_a_release_that_is_not_offered_makes_no_bundle(provider: Provider, tmp_path: Path) -> None:
    provider.publish(FIRST)
    with pytest.raises(Refusal, match="not-offered"):
        bundled(provider, tmp_path / "x.bundle", SECOND.id)


def test_offline_nothing_goes_back(
    machine: Machine, provider: Provider, site: Site, tmp_path: Path
) -> None:
    """The routes in the bundle lead a machine on the second release nowhere."""
    provider.publish(FIRST, SECOND)
    file = bundled(provider, tmp_path / "first.bundle", FIRST.id)
    applying.apply(machine)
    assert looking.current(machine).tree is Tree.INTACT
    site.mischief = away
    assert bundle.install(machine, file, yes).code == "up-to-date"
