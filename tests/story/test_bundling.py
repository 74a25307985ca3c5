"""A bundle from the provider's command to a member's machine that reaches nobody."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.story import small as smalls
from tests.story.small import NOW, Small
from warifu.app import road
from warifu.cli import main
from warifu_client import cli, looking, machine
from warifu_wire.routes import Tree


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """One program on offer; its server has gone away."""
    made = smalls.found(tmp_path_factory.mktemp("bundling"))
    smalls.signed(made)
    assert not road.publish(made.house(), NOW)
    made.end()
    return made


def run(small: Small, *words: str, code: int = 0) -> dict[str, object]:
    """One command in this process; what it told."""
    done = CliRunner().invoke(main, ["-C", str(small.source), "--json", *words])
    assert done.exit_code == code, (done.output, done.exception)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def member(small: Small, folder: Path) -> list[str]:
    """A machine whose provider is out of reach; the words that name it."""
    root = folder / "root.json"
    root.write_bytes((small.state / "public" / "metadata" / "1.root.json").read_bytes())
    told = ["--address", "http://127.0.0.1:9", "--root", str(root), "--product", "small"]
    at = ["--folder", str(folder / "updater")]
    assert cli.main(["init", *told, *at]) == 0
    return at


def test_two_approvers_sign_and_a_machine_out_of_reach_installs(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release = smalls.release(small.house())
    file = tmp_path / "small.bundle"
    made = run(small, "bundle", "make", release, "--out", str(file))
    assert (made["signed"], made["needed"]) == ([], 2)
    at = member(small, tmp_path)
    for person in ("approver-1", "approver-2"):
        capsys.readouterr()
        assert cli.main(["bundle", str(file), "--confirm", "--json", *at]) == 1
        assert json.loads(capsys.readouterr().out)["code"] == "signoff-missing"
        signed = run(small, "bundle", "sign", str(file), "--as", person)
    assert signed["signed"] == ["approver-1", "approver-2"]
    assert signed["bundle"] == made["bundle"]
    assert cli.main(["bundle", str(file), "--confirm", *at]) == 5
    look = looking.current(machine.opened(tmp_path / "updater"))
    assert (look.release, look.tree) == (release, Tree.INTACT)
    kinds = [one.kind for one in small.house().ledger.events()]
    assert kinds.count("consent.recorded") == 2


def test_nothing_else_is_signed(small: Small, tmp_path: Path) -> None:
    release = smalls.release(small.house())
    file = tmp_path / "small.bundle"
    assert run(small, "bundle", "make", release, "--days", "8", code=1)["code"] == "lease-too-long"
    run(small, "bundle", "make", release, "--out", str(file))
    sign = ("bundle", "sign", str(file), "--as")
    assert run(small, *sign, "oncall-1", code=1)["code"] == "not-your-key"
    whole = file.read_bytes()
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("blobs/more", b"more")
    assert run(small, *sign, "approver-1", code=1)["code"] == "another-bundle"
    for damage in (b"MZ", whole[:-40]):
        file.write_bytes(damage)
        assert run(small, *sign, "approver-1", code=1)["code"] == "not-a-bundle"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", b"no lease")
    assert run(small, *sign, "approver-1", code=1)["code"] == "not-a-bundle"
    file.write_bytes(whole)
    done = CliRunner().invoke(
        main, ["-C", str(small.source), "stop", release, "--as", "oncall-1", "--why", "it hangs"]
    )
    assert done.exit_code in {0, 3}, done.output
    assert run(small, *sign, "approver-1", code=1)["code"] == "release-stopped"
    out = ("--out", str(tmp_path / "two.bundle"))
    assert run(small, "bundle", "make", release, *out, code=1)["code"] == "release-stopped"
    assert not (tmp_path / "two.bundle").exists()
