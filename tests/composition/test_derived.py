"""Compiled members of other lines, and archives in another wrapping."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.composition.bench import Bench
from tests.composition.caught import Lying
from tests.composition.stage import Stage, rewrapped
from warifu.model.tree import file
from warifu_wire.errors import Contaminated, Mismatch
from warifu_wire.manifest import Kind


@pytest.fixture
def stage(bench: Bench, tmp_path: Path) -> Stage:
    """The clean build and the next line's."""
    return Stage(bench, Kind.INSTALL, tmp_path)


def named(stage: Stage, candidate: bytes | None) -> dict[str, str]:
    """The facts of the refusal."""
    with pytest.raises(Contaminated) as caught:
        stage.bench.compose(candidate=candidate)
    return caught.value.facts


def test_a_member_made_by_an_earlier_commit_of_next_is_named(stage: Stage) -> None:
    """The tip of next makes something else; the commit that made this is found further back."""
    member = "app/__pycache__/main.cpython-311.pyc"
    tree = stage.built(stage.commits["hunks"])
    assert tree[member] not in (stage.good[member], stage.later[member])
    facts = named(stage, stage.changed({member: tree[member]}))
    assert (facts["class"], facts["commit"]) == ("derived-from", stage.commits["hunks"])


def test_a_made_member_that_no_line_makes_is_untracked(stage: Stage) -> None:
    facts = named(stage, stage.changed({"app/forms.py": file("file", b"FORM_0 = 'by hand'\n")}))
    assert facts["class"] == "untracked"


def test_a_made_member_that_is_missing_is_missing(stage: Stage) -> None:
    assert named(stage, stage.changed({"app/forms.py": None}))["class"] == "missing"


def test_a_step_may_write_only_what_it_declares(stage: Stage) -> None:
    shop = stage.bench.workshop
    extra = {"app/extra.py": file("file", b"WRITTEN = 'without being declared'\n")}
    lying = Lying(stage.good, extra)
    stage.bench.workshop = dataclasses.replace(shop, builder=lying, rebuilder=lying)
    assert named(stage, None)["file"] == "app/extra.py"


def test_another_wrapping_must_be_declared(stage: Stage) -> None:
    with pytest.raises(Mismatch, match="another-archive"):
        stage.bench.compose(candidate=rewrapped(stage.packed(), order=True))
