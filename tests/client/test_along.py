"""What a member without Python gets: set up without typing, started by the launcher alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.conftest import Made
from tests.client.provider import PRODUCT, Provider, release
from tests.client.serving import Site
from warifu_client import along, cli, launcher, settings
from warifu_client.layout import Layout
from warifu_wire.errors import Fault, Malformed
from warifu_wire.manifest import Kind

STAND_IN = '#!/bin/sh\necho "$@"\n'


@pytest.fixture
def came(tmp_path: Path, provider: Provider, site: Site, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as `make bundle-update` makes it, its programs stood in for; this updater's own."""
    folder = tmp_path / "it's here"
    for name in ("warifu-update", "warifu-launch"):
        (folder / name).mkdir(parents=True)
        (folder / name / name).write_text(STAND_IN)
        (folder / name / name).chmod(0o755)
    (folder / "setup").mkdir()
    told = {"address": site.address, "product": PRODUCT, "updater": f"{PRODUCT}-updater"}
    (folder / "setup" / "provider.json").write_text(json.dumps(told))
    (folder / "setup" / "root.json").write_bytes(provider.root)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(folder / "warifu-update" / "warifu-update"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return folder


def test_nothing_is_typed_and_two_folders_are_made(
    came: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["init", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    own = Layout(settings.usual(f"{PRODUCT}-updater"))
    found = settings.read(own)
    assert found.host == str(settings.usual(PRODUCT))
    assert found.legacy == str(came / "warifu-update")
    assert settings.read(Layout(settings.usual(PRODUCT))).product == PRODUCT
    # the command goes by the launcher, which lies where no release comes, quotes and all
    command = Path(told["command"])
    done = subprocess.run([command, "check"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{own.root} {{tree}}/warifu-update check"
    # once more: what is there stays, also the launcher
    (settings.home() / "warifu-launch" / "mark").touch()
    assert cli.main(["init"]) == 0
    assert (settings.home() / "warifu-launch" / "mark").exists()
    # the timer starts that command, the updater's own folder first
    capsys.readouterr()
    units = came / "units"
    assert cli.main(["background", "--product", PRODUCT, "--units", str(units)]) == 0
    lines = (units / f"warifu-update-{PRODUCT}.service").read_text().splitlines()
    starts = [line for line in lines if line.startswith("ExecStart=")]
    assert [line.split(" --folder ")[1].split()[0] for line in starts] == [
        str(own.root),
        str(settings.usual(PRODUCT)),
    ]
    assert str(command) in starts[0]


def test_damage_and_absence_are_told_apart(came: Path) -> None:
    assert along.found() is not None
    (came / "setup" / "provider.json").write_text('{"address": 1}')
    with pytest.raises(Malformed):
        along.found()
    (came / "setup" / "provider.json").write_text("torn")
    with pytest.raises(Malformed):
        along.found()
    (came / "setup" / "provider.json").unlink()
    assert along.found() is None


def test_a_launcher_that_did_not_come_is_said(came: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(exist_ok=True)
    found = along.found()
    assert found is not None
    (came / "warifu-launch" / "warifu-launch").unlink()
    (came / "warifu-launch").rmdir()
    with pytest.raises(Fault, match="cannot copy"):
        along.settle(found, tmp_path / "home", tmp_path / "own")


def test_a_package_brings_nothing_along() -> None:
    assert along.found() is None


def test_nobody_looks_after_a_tool_alone(made: Made, provider: Provider) -> None:
    provider.publish(release({"start.py": b""}, kind=Kind.INSTALL))
    tool, other = made("tool"), made("other")
    other.layout.settings.write_bytes(b"torn")
    assert along.looks_after(tool.layout.root) is None
    updater = made("updater", host=str(tool.layout.root))
    assert along.looks_after(tool.layout.root) == updater.layout.root


def test_what_a_frozen_program_starts_has_its_own_libraries(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/ours/_internal")
    monkeypatch.setenv("_PYI_ARCHIVE_FILE", "/ours/warifu-update")
    assert launcher.surroundings()["LD_LIBRARY_PATH"] == "/ours/_internal"
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert "LD_LIBRARY_PATH" not in launcher.surroundings()
    assert not [name for name in launcher.surroundings() if name.startswith("_PYI_")]
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/theirs")
    assert launcher.surroundings()["LD_LIBRARY_PATH"] == "/theirs"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert launcher.interpreter() == ""


def test_a_program_that_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"{'a' * 64}.1"
    (tmp_path / "releases" / name).mkdir(parents=True)
    (tmp_path / "current").symlink_to(f"releases/{name}")
    assert launcher.main([str(tmp_path), "{tree}/none"]) == launcher.MISSING
    assert "none" in capsys.readouterr().err
