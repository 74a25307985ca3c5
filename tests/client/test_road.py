"""The ordinary road on one machine: install, update, nothing to do, stop, failure, rollback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.conftest import Clock, Made
from tests.client.provider import Provider, Release, release
from tests.client.serving import Answer, Asked, Site
from warifu_client import applying, cli, looking, returning, standing, words
from warifu_client.ended import End
from warifu_client.machine import Machine
from warifu_wire.errors import Fault, Refusal, Stopped
from warifu_wire.manifest import Kind
from warifu_wire.routes import Health, Tree

GOOD = b"raise SystemExit(0)\n"
BAD = b"raise SystemExit(7)\n"


def edition(text: str, *, start: bytes = GOOD, kind: Kind = Kind.UPDATE, **more: object) -> Release:
    files = {
        "start.py": start,
        "program/main.py": f"EDITION = {text!r}\n".encode(),
        "program/data.bin": b"the same in every edition" * 100,
    }
    return release({**files}, label=more.pop("label", "Ver1.10"), kind=kind, **more)


FIRST = edition("first", kind=Kind.INSTALL, label="Ver1.00")
SECOND = edition("second")


def installed(machine: Machine) -> looking.Look:
    return looking.current(machine)


def test_installs_then_updates_then_has_nothing_to_do(
    machine: Machine, provider: Provider, site: Site
) -> None:
    provider.publish(FIRST)
    assert applying.look_for(machine).end is End.OFFERED
    assert applying.apply(machine).end is End.INSTALLED
    assert (installed(machine).release, installed(machine).tree) == (FIRST.id, Tree.INTACT)
    provider.publish(FIRST, SECOND)
    assert applying.apply(machine).end is End.INSTALLED
    assert (installed(machine).release, installed(machine).health) == (SECOND.id, Health.OK)
    ended = applying.apply(machine)
    assert (ended.end, ended.code) == (End.NOTHING, "up-to-date")
    assert standing.status(machine).kept == FIRST.id
    begun = [("fetch", "started", ""), ("stage", "started", "")]
    assert site.said() == [*begun, ("commit", "ok", "")] * 2
    assert [one.counter for one in site.reports()] == [1, 2, 3, 4, 5, 6]
    assert not list(machine.layout.store.iterdir())


def test_a_check_with_nothing_new_is_two_requests(
    machine: Machine, provider: Provider, site: Site
) -> None:
    provider.publish(FIRST)
    applying.apply(machine)
    site.asked.clear()
    assert applying.look_for(machine).end is End.NOTHING
    assert [one.path for one in site.asked] == ["/metadata/2.root.json", "/metadata/timestamp.json"]
    assert sum(one.sent for one in site.asked) <= 500


def test_unchanged_files_are_linked_and_not_fetched(
    machine: Machine, provider: Provider, site: Site
) -> None:
    provider.publish(FIRST)
    applying.apply(machine)
    site.asked.clear()
    provider.publish(FIRST, SECOND)
    applying.apply(machine)
    assert sum(one.path.startswith("/blobs/") for one in site.asked) == 1
    assert (machine.layout.current / "program/data.bin").stat().st_nlink == 2


def test_a_release_that_does_not_start_is_never_switched_to(
    machine: Machine, provider: Provider, site: Site
) -> None:
    provider.publish(FIRST)
    applying.apply(machine)
    broken = edition("broken", start=BAD)
    provider.publish(FIRST, broken)
    with pytest.raises(Refusal, match="start-exit-7"):
        applying.apply(machine)
    assert installed(machine).release == FIRST.id
    assert site.said()[-1] == ("start-test", "failed", "start-exit-7")
    # refused by its digest: not taken again, while a later one with the same label is
    assert applying.apply(machine).code == "did-not-start-here"
    provider.publish(FIRST, broken, edition("third"))
    assert applying.apply(machine).end is End.INSTALLED


def test_a_stop_holds_for_what_is_already_downloaded(
    made: Made, provider: Provider, site: Site
) -> None:
    provider.publish(FIRST)
    applying.apply(made())
    provider.publish(FIRST, SECOND)

    def stop(step: str) -> None:
        if step == "staged":
            provider.stop(SECOND.id)

    with pytest.raises(Stopped) as refused:
        applying.apply(made(checkpoint=stop))
    assert "on-call one" in words.refusal(refused.value, "ja")
    assert "it does not start" in words.refusal(refused.value, "en")
    assert installed(made()).release == FIRST.id
    assert site.said()[-1] == ("switch", "refused", "release-stopped")
    with pytest.raises(Stopped):
        applying.apply(made())


def test_a_stop_during_the_trial_rolls_back(made: Made, provider: Provider, site: Site) -> None:
    provider.publish(FIRST)
    applying.apply(made())
    provider.publish(FIRST, SECOND)

    def stop(step: str) -> None:
        if step == "switched":
            provider.stop(SECOND.id)

    ended = applying.apply(made(checkpoint=stop))
    assert (ended.end, ended.code) == (End.UNDONE, "release-stopped")
    assert installed(made()).release == FIRST.id
    assert site.said()[-2:] == [
        ("trial", "failed", "release-stopped"),
        ("rollback", "ok", "release-stopped"),
    ]


def test_no_answer_during_the_trial_keeps_it_and_the_next_run_commits(
    made: Made, provider: Provider, site: Site
) -> None:
    provider.publish(FIRST)
    applying.apply(made())
    provider.publish(FIRST, SECOND)

    def away(asked: Asked, answer: Answer) -> Answer:
        return Answer(503, b"")

    def go(step: str) -> None:
        if step == "switched":
            site.mischief = away

    ended = applying.apply(made(checkpoint=go))
    assert (ended.end, ended.exit_code) == (End.TRIAL, 5)
    assert installed(made()).release == SECOND.id
    site.mischief = None
    assert applying.apply(made()).end is End.INSTALLED
    assert ("trial", "started", "no-answer") in site.said()


def test_a_clock_that_jumps_in_the_switch_undoes_it(
    made: Made, provider: Provider, site: Site, clock: Clock
) -> None:
    provider.publish(FIRST)
    applying.apply(made())
    provider.publish(FIRST, SECOND)

    def sleep(step: str) -> None:
        if step == "switched":
            clock.drift(100)

    with pytest.raises(Refusal, match="clock-jumped"):
        applying.apply(made(checkpoint=sleep))
    assert installed(made()).release == FIRST.id
    assert applying.apply(made()).end is End.INSTALLED


def test_rollback_goes_to_the_kept_release_once(
    machine: Machine, provider: Provider, site: Site
) -> None:
    with pytest.raises(Refusal, match="nothing-kept"):
        returning.rollback(machine)
    provider.publish(FIRST)
    applying.apply(machine)
    provider.publish(FIRST, SECOND)
    applying.apply(machine)
    ended = returning.rollback(machine)
    assert (ended.end, ended.release) == (End.ROLLED_BACK, FIRST.id)
    assert installed(machine).release == FIRST.id
    assert site.said()[-1] == ("rollback", "ok", "asked")
    with pytest.raises(Refusal, match="nothing-kept"):
        returning.rollback(machine)
    assert applying.apply(machine).code == "did-not-start-here"


def test_rollback_never_goes_to_a_stopped_release_online_or_offline(
    machine: Machine, provider: Provider, site: Site
) -> None:
    provider.publish(FIRST)
    applying.apply(machine)
    provider.publish(FIRST, SECOND)
    applying.apply(machine)
    provider.stop(FIRST.id)
    with pytest.raises(Stopped):
        returning.rollback(machine)
    site.mischief = lambda asked, answer: Answer(503, b"")
    with pytest.raises(Stopped):
        returning.rollback(machine)


def test_without_an_answer_nothing_is_installed(
    machine: Machine, provider: Provider, site: Site
) -> None:
    provider.publish(FIRST)
    applying.look_for(machine)
    site.mischief = lambda asked, answer: Answer(503, b"")
    with pytest.raises(Fault):
        applying.apply(machine)
    assert machine.current.read() is None


def test_a_modified_tree_is_repaired_and_the_members_files_survive(
    machine: Machine, provider: Provider
) -> None:
    first = edition("first", kind=Kind.INSTALL, keeps=("data",))
    provider.publish(first)
    applying.apply(machine)
    tree = machine.layout.current
    (tree / "data" / "mine.txt").write_text("mine")
    (tree / "notes.txt").write_text("also mine")
    (tree / "program" / "main.py").unlink()
    assert installed(machine).tree is Tree.MODIFIED
    assert applying.repair(machine).end is End.INSTALLED
    assert installed(machine).tree is Tree.INTACT
    assert (tree / "data" / "mine.txt").read_text() == "mine"
    aside = [one.read_text() for one in machine.layout.aside.rglob("notes.txt")]
    assert aside == ["also mine"]


def test_the_command_line_is_the_same_road(tmp_path: Path, today: tuple[Provider, Site]) -> None:
    provider, site = today
    provider.publish(FIRST)
    root = tmp_path / "root.json"
    root.write_bytes(provider.root)

    def run(*words: str) -> tuple[int, dict[str, object]]:
        command = [sys.executable, "-m", "warifu_client.cli", *words, "--json"]
        done = subprocess.run(
            [*command, "--folder", str(tmp_path / "updater")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done.returncode, json.loads(done.stdout or "{}")

    told = ("--address", site.address, "--root", str(root), "--product", "application-tool")
    assert cli.main(["init", *told, "--folder", str(tmp_path / "updater")]) == 0
    assert run("apply")[1]["end"] == "installed"
    assert run("status")[1]["tree"] == "intact"
    provider.publish(FIRST, SECOND)
    provider.stop(SECOND.id)
    code, said = run("apply")
    assert (code, said["code"]) == (1, "release-stopped")
