"""The lines that `warifu init` writes: every branch by its name, what it is, and for when."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.composition.repo import Repo
from warifu.app import founding
from warifu.app.founding import Given
from warifu.model.program import program
from warifu_wire.errors import Refusal


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """Two releases on main, a branch of the first, one that is planned, one in work."""
    made = Repo(tmp_path / "tool")
    made.commit("one", {"a.py": "A = 1\n"})
    made.git("branch", "release-1.0")
    made.commit("two", {"a.py": "A = 2\n"})
    for name in ("develop", "try/it"):
        made.git("checkout", "-q", "-b", name, "main")
        made.commit(name, {"b.py": f"B = {name!r}\n"}, author="developer three")
    made.git("checkout", "-q", "main")
    return made


def lines(folder: Path, **given: Any) -> dict[str, dict[str, Any]]:
    """The lines of the file that would be written; the program can be read from it."""
    content = tomllib.loads(founding.describe(folder, Given(**given)))
    assert program(content).approved.commit == content["lines"]["approved"]["commit"]
    found: dict[str, dict[str, Any]] = content["lines"]
    return found


def test_branches_are_lines_of_their_names(repo: Repo) -> None:
    found = lines(repo.folder, next=("develop=2012-02-12",))
    assert found["approved"]["ref"] == "refs/heads/main"
    assert found["release-1.0"] == {"kind": "released", "ref": "refs/heads/release-1.0"}
    assert found["develop"] == {
        "kind": "next",
        "ref": "refs/heads/develop",
        "planned": "2012-02-12",
        "owner": "developer three",
    }
    assert found["try/it"] == {"kind": "wip", "ref": "refs/heads/try/it"}
    assert set(found) == {"approved", "release-1.0", "develop", "try/it"}


def test_work_after_the_approved_commit_belongs_to_its_own_branch(repo: Repo) -> None:
    approved = repo.head
    repo.commit("after the approval", {"a.py": "A = 3\n"})
    found = lines(repo.folder, commit=approved, next=("develop",))
    assert found["approved"]["ref"] == "refs/heads/main"
    assert "main" not in found
    assert "planned" not in found["develop"]
    repo.git("checkout", "-q", "--detach")
    found = lines(repo.folder, commit=approved)
    assert "ref" not in found["approved"]
    assert found["main"]["kind"] == "wip"


def test_a_branch_may_be_called_approved(repo: Repo) -> None:
    repo.git("branch", "approved")
    found = lines(repo.folder)
    assert found["branch approved"]["ref"] == "refs/heads/approved"


def test_a_clone_knows_the_branches_of_its_remote(repo: Repo, tmp_path: Path) -> None:
    repo.git("clone", "-q", str(repo.folder), str(tmp_path / "clone"))
    found = lines(tmp_path / "clone", next=("develop=2012-02-12",))
    assert found["origin/develop"]["ref"] == "refs/remotes/origin/develop"
    assert found["origin/try/it"]["kind"] == "wip"
    assert set(found) == {"approved", "origin/develop", "origin/try/it"}


@pytest.mark.parametrize("said", ["nowhere", "develop=tomorrow", "nowhere=2012-02-12"])
def test_what_is_no_branch_or_no_day_is_refused(repo: Repo, said: str) -> None:
    with pytest.raises(Refusal, match=r"unknown-ref|not-a-date"):
        lines(repo.folder, next=(said,))
