"""Where one thing ends and another begins: attempts cut off, trees from before, files that lie."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.client.conftest import GOOD, Made
from tests.client.provider import PRODUCT, Provider, Release, release
from tests.client.serving import Answer, Asked, Site
from warifu.engines.targets import bundles, tree
from warifu.engines.targets.store import FolderStore
from warifu_client import (
    applying,
    background,
    cli,
    identity,
    journal,
    looking,
    patching,
    returning,
    seen,
    settings,
)
from warifu_client.ended import End
from warifu_client.layout import Layout
from warifu_client.machine import Machine
from warifu_client.progress import Moment
from warifu_wire.errors import Fault, Malformed, Refusal
from warifu_wire.manifest import Kind
from warifu_wire.routes import Health, Tree


def edition(text: str, kind: Kind = Kind.UPDATE, **more: object) -> Release:
    return release({"start.py": GOOD, "main.py": text.encode()}, kind=kind, **more)


FIRST, SECOND = edition("first", Kind.INSTALL), edition("second")


class PowerCut(BaseException):
    """The process is gone; what was to come does not come."""


def cut_at(step: str) -> Callable[[str], None]:
    def reached(now: str) -> None:
        if now == step:
            raise PowerCut

    return reached


@pytest.mark.parametrize(
    ("step", "ends"),
    [
        ("journal-staging", (SECOND.id,)),
        ("staged", (SECOND.id,)),
        ("journal-switching", (FIRST.id, SECOND.id)),
        ("switched", (FIRST.id, SECOND.id)),
        ("journal-trial", (SECOND.id,)),
        ("journal-committing", (SECOND.id,)),
        ("previous", (SECOND.id,)),
        ("emptied", (SECOND.id,)),
    ],
)
def test_each_step_is_carried_on_as_it_was_left(
    step: str, ends: tuple[str, ...], made: Made, provider: Provider, site: Site
) -> None:
    provider.publish(FIRST)
    applying.apply(made())
    provider.publish(FIRST, SECOND)
    with pytest.raises(PowerCut):
        applying.apply(made(checkpoint=cut_at(step)))
    found = []
    for _ in ends:
        applying.apply(made())
        found.append(looking.current(made()).release)
    assert tuple(found) == ends
    assert not made().layout.journal.exists()


@pytest.mark.parametrize("step", ["journal-returning", "pointed-back", "health", "discarded"])
def test_each_step_of_a_rollback_too(step: str, made: Made, provider: Provider) -> None:
    provider.publish(FIRST)
    applying.apply(made())
    provider.publish(FIRST, SECOND)
    applying.apply(made())
    with pytest.raises(PowerCut):
        returning.rollback(made(checkpoint=cut_at(step)))
    applying.apply(made())
    assert looking.current(made()).release == FIRST.id


def test_a_damaged_journal_is_put_aside_and_nothing_needed_is_swept(
    made: Made, provider: Provider
) -> None:
    provider.publish(FIRST)
    applying.apply(made())
    provider.publish(FIRST, SECOND)
    with pytest.raises(PowerCut):
        applying.apply(made(checkpoint=cut_at("journal-trial")))
    made().layout.journal.write_bytes(b'{"torn')
    assert applying.apply(made()).end is End.NOTHING
    assert looking.current(made()).release == SECOND.id
    assert looking.current(made()).health is Health.OK
    assert made().layout.journal.with_suffix(".damaged").exists()


def test_an_attempt_under_way_is_said_by_a_check(made: Made, provider: Provider) -> None:
    provider.publish(FIRST)
    with pytest.raises(PowerCut):
        applying.apply(made(checkpoint=cut_at("staged")))
    assert applying.look_for(made()).code == "attempt-under-way"


def test_a_journal_of_another_kind_is_malformed(machine: Machine) -> None:
    machine.layout.journal.write_bytes(b"[]")
    assert journal.read(machine) is None


def test_an_offer_that_changes_before_the_switch_is_not_taken(
    made: Made, provider: Provider
) -> None:
    provider.publish(FIRST)
    applying.apply(made())
    provider.publish(FIRST, SECOND)
    third = edition("third")

    def change(step: str) -> None:
        if step == "staged" and provider.routes is not None and provider.routes.seq == 2:
            provider.publish(FIRST, SECOND, third)

    with pytest.raises(Refusal, match="offer-changed"):
        applying.apply(made(checkpoint=change))

    def close(step: str) -> None:
        if step == "staged":
            provider.publish(FIRST, SECOND, third, route=())

    with pytest.raises(Refusal, match="no-longer-offered"):
        applying.apply(made(checkpoint=close))
    assert looking.current(made()).release == FIRST.id


# files that begin a data path, and links


def test_what_a_release_brings_for_the_member_begins_the_data_once(
    machine: Machine, provider: Provider
) -> None:
    files = {"start.py": GOOD, "data/forms.txt": b"empty form", "own.txt": b"a first line"}
    keeps = ("data", "own.txt", "drafts", "notes.log")
    provider.publish(release(files, kind=Kind.INSTALL, keeps=keeps))
    assert applying.apply(machine).end is End.INSTALLED
    live = machine.layout.current
    assert (live / "data/forms.txt").read_bytes() == b"empty form"
    (live / "data/forms.txt").write_bytes(b"filled in")
    (live / "drafts" / "one.txt").write_bytes(b"a draft")
    (live / "notes.log").write_bytes(b"noted")
    assert looking.current(machine).tree is Tree.INTACT
    provider.publish(release({**files, "main.py": b"new"}, kind=Kind.INSTALL, keeps=keeps))
    provider.publish(
        release(files, kind=Kind.INSTALL, keeps=keeps),
        release({**files, "main.py": b"new"}, keeps=keeps),
    )
    assert applying.apply(machine).end is End.INSTALLED
    assert (live / "data/forms.txt").read_bytes() == b"filled in"
    assert (live / "own.txt").read_bytes() == b"a first line"
    assert (live / "drafts/one.txt").read_bytes() == b"a draft"
    assert (live / "notes.log").read_bytes() == b"noted"


def test_data_of_a_program_installed_by_hand_comes_along(
    made: Made, provider: Provider, tmp_path: Path
) -> None:
    legacy = tmp_path / "legacy"
    (legacy / "data").mkdir(parents=True)
    (legacy / "data" / "mine.txt").write_bytes(b"mine")
    (legacy / "settings.ini").write_bytes(b"a = 1")
    provider.publish(edition("first", Kind.INSTALL, keeps=("data", "settings.ini")))
    machine = made(legacy=str(legacy))
    assert applying.apply(machine).end is End.INSTALLED
    assert (machine.layout.current / "data/mine.txt").read_bytes() == b"mine"
    assert (machine.layout.current / "settings.ini").read_bytes() == b"a = 1"
    assert (legacy / "data" / "mine.txt").exists()


def test_one_content_in_two_modes_is_two_files(machine: Machine, provider: Provider) -> None:
    files = {"start.py": GOOD, "a.sh": b"#!/bin/sh\n", "b.txt": b"#!/bin/sh\n"}
    provider.publish(release(files, kind=Kind.INSTALL, executable=frozenset({"a.sh"})))
    assert applying.apply(machine).end is End.INSTALLED
    live = machine.layout.current
    assert (live / "a.sh").stat().st_mode & 0o111
    assert not (live / "b.txt").stat().st_mode & 0o111


# notes that only save readings


def test_a_glance_reads_what_changed_and_a_damaged_note_is_none(
    machine: Machine, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.publish(FIRST)
    applying.apply(machine)
    monkeypatch.setattr(seen, "RACY", -(10**18))
    assert looking.glance(machine).tree is Tree.INTACT
    assert seen.known(machine, machine.current.read()).keys() == {"start.py", "main.py"}
    assert looking.glance(machine).tree is Tree.INTACT
    (machine.layout.current / "main.py").write_bytes(b"edited")
    assert looking.glance(machine).tree is Tree.MODIFIED
    for damage in (b"torn", b"[]", b'{"folder": 1, "files": {}}'):
        machine.layout.seen.write_bytes(damage)
        assert seen.known(machine, machine.current.read()) == {}
    machine.layout.view.write_bytes(b"torn")
    assert applying.look_for(machine).end is End.OFFERED


def test_special_files_are_no_members(machine: Machine, provider: Provider) -> None:
    provider.publish(FIRST)
    applying.apply(machine)
    os.mkfifo(machine.layout.current / "pipe")
    (machine.layout.current / "link").symlink_to("main.py")
    (machine.layout.current / "__pycache__").mkdir()
    (machine.layout.current / "__pycache__" / "main.pyc").write_bytes(b"")
    look = looking.current(machine)
    assert (look.tree, look.extra) == (Tree.MODIFIED, ("link", "pipe"))


# identity, enrolment, patches


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(503, b""), Fault),
        (Answer(403, b""), Refusal),
        (Answer(200, b"{}"), Refusal),
        (Answer(200, b'{"installation":""}'), Malformed),
    ],
)
def test_without_an_id_nothing_is_installed(
    answer: Answer, error: type[Exception], machine: Machine, provider: Provider, site: Site
) -> None:
    provider.publish(FIRST)

    def refuse(asked: Asked, honest: Answer) -> Answer:
        return answer if asked.path == "/enrol" else honest

    site.mischief = refuse
    with pytest.raises(error):
        applying.apply(machine)
    assert identity.known(machine) == ""


@pytest.mark.parametrize("damage", [b"torn", None])
def test_a_damaged_key_is_said_so(damage: bytes | None, machine: Machine) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    machine.layout.key.write_bytes(damage or pem)
    with pytest.raises(Malformed, match="key-damaged"):
        identity.key(machine)


def test_the_store_says_when_the_disk_refuses(tmp_path: Path) -> None:
    with pytest.raises(Fault):
        patching.stored(tmp_path / "none" / "x", b"bytes")


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, machine: Machine) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Fault):
        settings.write(Layout(tmp_path / "file" / "x"), machine.settings, b"")
    with pytest.raises(Fault):
        background.install(machine, Path("/bin/true"), tmp_path / "file" / "units")
    assert settings.usual("tool").parts[-2:] == ("warifu", "tool")


def test_progress_is_rate_and_remaining_time() -> None:
    assert Moment("fetch", 50, 100, 5.0).remaining == 5.0
    assert Moment("fetch", 0, 100, 0.0).remaining is None


# the command line, in this process


def test_bundle_and_background_by_the_command_line(
    today: tuple[Provider, Site], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    provider, site = today
    provider.publish(FIRST)
    root = tmp_path / "root.json"
    root.write_bytes(provider.root)
    folder = tmp_path / "machine"
    told = ["--address", site.address, "--root", str(root), "--product", PRODUCT]
    assert cli.main(["init", *told, "--folder", str(folder), "--language", "en"]) == 0
    store = FolderStore(provider.folder)
    published = tree.load(store)
    assert published is not None
    parts = bundles.parts(published, store, PRODUCT, FIRST.id)
    proposal = bundles.proposed(
        parts, FIRST.id, datetime.now(UTC).replace(microsecond=0), provider.day
    )
    file = tmp_path / "first.bundle"
    file.write_bytes(bundles.written(parts, provider.sign(proposal, "approver-1", "approver-2")))
    site.mischief = lambda asked, answer: Answer(503, b"")
    assert cli.main(["bundle", str(file), "--folder", str(folder)]) == 1
    assert "may be installed until" in capsys.readouterr().err
    assert cli.main(["bundle", str(file), "--confirm", "--folder", str(folder)]) == 5
    site.mischief = None
    assert cli.main(["apply", "--progress", "--folder", str(folder)]) == 0
    assert cli.main(["status", "--start", "--folder", str(folder)]) == 0
    assert cli.main(["repair", "--folder", str(folder)]) == 0
    units = tmp_path / "units"
    assert cli.main(["background", "--units", str(units), "--folder", str(folder)]) == 0
    assert {one.suffix for one in units.iterdir()} == {".service", ".timer"}
