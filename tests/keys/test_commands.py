"""`warifu keys` and `warifu people` on a founded house, and the checklists they print."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from warifu.app import checklists
from warifu.cli import main
from warifu.engines.ledger.store import DatabaseLedger

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a command on a founded house; the JSON it prints, or its exit code and its message."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "program.py").write_text("print('it starts')\n")
    git = ["git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=n@example.org"]
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "first")):
        subprocess.run([*git, *words], check=True)
    runner = CliRunner()

    def run(*words: str, code: int = 0, typed: str = "") -> Any:
        # Exit codes are part of the contract, and click gives them only with its own runner.
        environment = {"XDG_DATA_HOME": str(folder.parent / "data")}
        given = ["-C", str(folder), "--json", *words]
        found = runner.invoke(main, given, input=typed, env=environment)
        assert found.exit_code == code, found.output
        return json.loads(found.stdout.splitlines()[-1])

    run("init", "--start", "{python}", "--start", "program.py")
    return run


def test_all_keys_of_a_new_house_are_trial_keys(run: Run) -> None:
    found = {one["name"]: one for one in run("keys", "list")["keys"]}
    assert all(one["trial"] and one["keyid"].startswith("trial-") for one in found.values())
    assert found["approver-1"]["roles"] == ["approver"]
    assert found["root-3"]["person"] == ""


def test_a_key_is_rotated_out_of_trial(run: Run) -> None:
    told = run("keys", "rotate", "timestamp", "--to", "kept")
    assert "root" in told["signed"]
    found = {one["name"]: one for one in run("keys", "list")["keys"]}
    assert (found["timestamp"]["trial"], found["timestamp-was-1"]["state"]) == (False, "retired")
    assert run("ledger", "verify")["events"] == 1


def test_a_person_joins_and_leaves(run: Run) -> None:
    run("keys", "create", "approver-3", typed="twelve letters\n")
    run("people", "join", "approver-3", "--role", "approver")
    run("people", "leave", "approver-2")
    found = {one["id"]: one for one in run("people", "list")["people"]}
    assert found["approver-3"] == {"id": "approver-3", "roles": ["approver"], "active": 1}
    assert found["approver-2"]["active"] == 0


def test_a_key_that_nobody_uses_is_retired_and_one_in_use_is_not(run: Run) -> None:
    run("keys", "create", "spare", typed="twelve letters\n")
    shown = run("keys", "show", "spare")
    assert set(shown["key"]) == {"keytype", "scheme", "keyval"}
    assert run("keys", "retire", "spare")["state"] == "retired"
    assert run("keys", "retire", "spare", "--compromised")["state"] == "compromised"
    assert run("keys", "retire", "spare", code=1)["code"] == "key-stays"
    for used in ("timestamp", "approver-1", "verify"):
        assert run("keys", "retire", used, code=1)["code"] == "key-in-use"


def test_a_passphrase_is_read_from_a_descriptor_line_by_line(run: Run) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"twelve letters\nother twelve letters\n")
    for name in ("first", "second"):
        run("--passphrase-fd", str(reading), "keys", "create", name)
    os.close(writing)
    told = run("--passphrase-fd", str(reading), "keys", "create", "third", code=1)
    assert told["code"] == "passphrase-needed"
    os.close(reading)
    never_open = "987"  # a closed number is soon somebody else's
    assert run("--passphrase-fd", never_open, "keys", "create", "third", code=3)["code"] == "fault"


def test_renewing_what_is_young_signs_nothing(run: Run) -> None:
    assert run("keys", "renew") == {"signed": []}
    assert isinstance(run("keys", "expiring")["expiring"], list)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("keys", "rotate", "nothing"), "no-such-key"),
        (("people", "leave", "nobody"), "unknown-person"),
        (("keys", "create", "root-1"), "key-exists"),
        (("keys", "rotate", "root-1", "--to", "hsm:1"), "token-uri"),
    ],
)
def test_what_is_refused_is_said_once_and_changes_nothing(
    run: Run, words: tuple[str, ...], code: str
) -> None:
    before = run("keys", "list")
    assert run(*words, code=1, typed="twelve letters\n" * 2)["code"] == code
    assert run("keys", "list") == before


@pytest.mark.parametrize("case", checklists.CASES)
def test_a_checklist_is_printed_in_both_languages_and_its_commands_exist(
    run: Run, case: str
) -> None:
    told = run("keys", "checklist", case)["lines"]
    assert told == checklists.checklist(case).lines("en")
    japanese = checklists.checklist(case).lines("ja")
    assert len(japanese) == len(told)
    assert japanese[0] != told[0]
    for line in checklists.checklist(case).commands():
        words = shlex.split(line)
        assert words[0] == "warifu"
        parsed(main, words[1:])


def parsed(group: click.Command, words: list[str]) -> None:
    """Parse a command line down to its last sub-command; raises where click would."""
    context = click.Context(group)
    while isinstance(group, click.Group):
        name, *words = words
        found = group.get_command(context, name)
        assert found is not None, name
        group, context = found, click.Context(found, parent=context)
    group.make_context(group.name or "", words, parent=context)


def test_a_ledger_is_moved_by_one_command(run: Run, tmp_path: Path) -> None:
    before = run("ledger", "verify")["events"]
    place = str(tmp_path / "moved.sqlite")
    assert run("ledger", "move", place)["events"] == before
    with closing(DatabaseLedger(place)) as moved:
        assert moved.verify() == before + 1
        assert [one.kind for one in moved.events(after=before)] == ["ledger.moved"]
    assert run("ledger", "move", place, code=1)["code"] == "not-empty"
