"""The thin road: approved source to verified artifact, and February 2012 refused by name."""

from __future__ import annotations

import json

import pytest

from tests.composition.bench import Bench
from tests.composition.world import JAPANESE, LARGE, VENDORED
from warifu.app import words
from warifu.model import archive
from warifu.model.composition import recall
from warifu.model.tree import file
from warifu_wire.errors import Contaminated
from warifu_wire.manifest import Kind


@pytest.mark.parametrize("kind", list(Kind))
def test_exactly_the_approved_bytes_become_a_verified_artifact(bench: Bench, kind: Kind) -> None:
    made = bench.compose(kind)
    tree = archive.read(bench.depot.get(made.artifact))
    commit = bench.world.commits["approved"]
    assert tree["VERSION"].data == f"e-application {commit}\n".encode()
    assert tree["説明.sjis"].data == JAPANESE.replace("\n", "\r\n").encode("cp932")
    assert tree["run.bat"].data == b"@echo off\r\nstart app\\main.py\r\n"
    assert tree["app/ident.py"].data.startswith(b"ID = '$Id: ")
    assert tree["large.bin"].data == LARGE
    assert tree["vendor/dep.py"].data == VENDORED
    assert tree["lib/lib.py"].data == b"LEVEL = 1\n"
    assert (tree["current"].mode, tree["current"].data) == ("link", b"app/main.py")
    assert tree["bin/start"].mode == "exec"
    assert set(archive.read(tree["plugin.zip"].data)) == {"__init__.py", "form.py"}
    assert "app/__pycache__/main.cpython-311.pyc" in tree
    assert "tools/generate.py" not in tree
    verified = bench.verify(made)
    assert verified.composition == made
    assert bench.ledger.row("evidence", verified.evidence) == {
        "artifact": made.artifact,
        "manifest": made.id,
    }
    kinds = [one.kind for one in bench.ledger.events()]
    assert kinds == ["composition.made", "verification.completed"]


def test_again_gives_the_same_digests_and_events(bench: Bench) -> None:
    first = bench.verify(bench.compose())
    second = bench.verify(bench.compose())
    assert (first.composition, first.evidence) == (second.composition, second.evidence)
    assert bench.ledger.head()[0] == 2
    (event, _) = bench.ledger.events()
    assert recall(event.facts, bench.depot, bench.statements) == first.composition


def test_a_file_of_next_is_refused_by_file_commit_line_and_planned_date(bench: Bench) -> None:
    made = bench.compose()
    tree = {**archive.read(bench.depot.get(made.artifact))}
    tree["app/host.py"] = file("file", b"HOST = 'the new host application'\nWAIT_SECONDS = 30\n")
    with pytest.raises(Contaminated) as caught:
        bench.compose(candidate=archive.write(tree))
    facts = caught.value.facts
    assert facts["class"] == "later"
    assert facts["file"] == "app/host.py"
    assert facts["commit"] == bench.world.commits["new-file"]
    assert (facts["line"], facts["planned"]) == ("next", "2012-02-12")
    assert (facts["author"], facts["owner"]) == ("developer three", "owner of next")
    assert len(json.loads(facts["findings"])) == 1
    refused = list(bench.ledger.events(kind="composition.refused"))
    assert refused[0].facts["code"] == "contaminated"


def test_the_door_shows_the_why_page(bench: Bench) -> None:
    made = bench.compose()
    tree = {**archive.read(bench.depot.get(made.artifact)), "app/x.py": file("file", b"X = 1\n")}
    with pytest.raises(Contaminated) as caught:
        bench.compose(candidate=archive.write(tree))
    assert "1 from no registered line" in words.told(caught.value)
    assert "登録されたどの開発系統にも" in words.told(caught.value, "ja")
