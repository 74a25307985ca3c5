"""What stands around the road: step commands, background units, support report, launcher."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import warifu_client
import warifu_wire
from tests.client.conftest import Made
from tests.client.provider import PRODUCT, Provider, Release, release
from tests.client.serving import Site
from warifu_client import applying, background, cli, health, launcher, lock, support
from warifu_client.layout import Layout
from warifu_client.machine import Machine
from warifu_client.pointer import FilePointer, LinkPointer, Pointer
from warifu_wire.manifest import Kind

GOOD = b"raise SystemExit(0)\n"
FIRST = release({"start.py": GOOD, "main.py": b"print('first')\n"}, kind=Kind.INSTALL)
SECOND = release({"start.py": GOOD, "main.py": b"print('second')\n"})
LAUNCHER = Path(launcher.__file__)


# the TUF steps


def steps(site: Site, folder: Path, step: str, *words: str) -> int:
    where = () if step == "init" else ("--metadata-url", f"{site.address}/metadata/")
    return cli.main(["tuf", step, *words, *where, "--metadata-dir", str(folder)])


def test_the_steps_of_the_tuf_workflow(
    today: tuple[Provider, Site], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    provider, site = today
    provider.publish(FIRST)
    root, kept, targets = tmp_path / "root.json", tmp_path / "trusted", tmp_path / "targets"
    root.write_bytes(provider.root)
    assert steps(site, kept, "refresh") == 1
    assert steps(site, kept, "init", str(root)) == 0
    assert steps(site, kept, "refresh") == 0
    assert (kept / "timestamp.json").is_file()
    name = f"manifests/{PRODUCT}/{FIRST.id}.json"
    told = ("--target-base-url", f"{site.address}/targets/", "--target-dir", str(targets))
    for _ in range(2):
        assert steps(site, kept, "download", *told, "--target-name", name) == 0
    assert [one.read_bytes() for one in targets.iterdir()] == [FIRST.manifest.to_bytes()]
    assert steps(site, kept, "download", *told, "--target-name", "routes/none.json") == 1
    (provider.folder / "metadata" / "timestamp.json").write_bytes(b"{}")
    assert steps(site, kept, "refresh") == 1
    assert "Traceback" not in capsys.readouterr().err


def test_options_may_stand_before_the_step_and_only_trusted_roles_are_json(
    today: tuple[Provider, Site], tmp_path: Path
) -> None:
    """As other people's suites drive a client: they read each `.json` as the role of its name."""
    provider, site = today
    provider.publish(FIRST)
    root, kept, targets = tmp_path / "root.json", tmp_path / "trusted", tmp_path / "targets"
    root.write_bytes(provider.root)
    where = ("tuf", "--metadata-dir", str(kept), "--metadata-url", f"{site.address}/metadata/")
    assert cli.main([*where, "init", str(root)]) == 0
    assert [one.name for one in kept.glob("*.json")] == ["root.json"]
    assert cli.main([*where, "refresh"]) == 0
    names = {one.stem for one in kept.glob("*.json")}
    assert names == {"root", "timestamp", "snapshot", "targets"}
    two = (f"manifests/{PRODUCT}/{FIRST.id}.json", f"routes/{PRODUCT}.json")
    told = [word for name in two for word in ("--target-name", name)]
    base = ("--target-base-url", f"{site.address}/targets/", "--target-dir", str(targets))
    assert cli.main([*where, *told, *base, "download"]) == 0
    assert len(list(targets.iterdir())) == 2


@pytest.mark.parametrize("words", [["refresh"], ["--metadata-dir", "x", "download"]])
def test_a_step_without_its_options_is_wrong_use(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["tuf", *words]) == 2
    assert "--metadata-url" in capsys.readouterr().err


def test_what_is_no_root_is_not_trusted(tmp_path: Path) -> None:
    root = tmp_path / "root.json"
    root.write_bytes(b'{"signed": {}}')
    assert cli.main(["tuf", "init", str(root), "--metadata-dir", str(tmp_path / "kept")]) == 1
    assert not (tmp_path / "kept" / "first.root").exists()


# the background mode


def test_units_name_the_folder_and_scatter_the_machines(machine: Machine, tmp_path: Path) -> None:
    updater = tmp_path / "with space" / "warifu-update"
    written = background.install(machine, updater, tmp_path / "units")
    texts = {one.suffix: one.read_text() for one in written}
    assert f'ExecStart="{updater}" repair --folder {machine.layout.root}' in texts[".service"]
    assert "OnCalendar=*-*-* 0/6:00:00" in texts[".timer"]
    assert "RandomizedDelaySec=2700s" in texts[".timer"]
    assert "SuccessExitStatus=1 3 4 5" in texts[".service"]


# the support report


def test_the_support_report_tells_the_state_and_not_the_member(
    machine: Machine, provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.publish(FIRST)
    applying.apply(machine)
    (machine.layout.current / "main.py").write_bytes(b"edited")
    found = support.report(machine)
    assert found["tree"] == "modified"
    assert found["wrong"] == {"count": 1, "first": ["main.py"]}
    installation = machine.layout.installation.read_text()
    assert installation not in json.dumps(found)
    assert support.report(machine)["pseudonym"] != found["pseudonym"]
    machine.layout.floors.write_bytes(b"torn")
    assert support.report(machine)["floors"] == "not-json"
    assert cli.main(["support-report", "--folder", str(machine.layout.root)]) == 0
    assert '"product"' in capsys.readouterr().out


# the command line


def test_wrong_use_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], machine: Machine
) -> None:
    assert cli.main(["check"]) == 1
    assert cli.main(["init", "--address", "http://x", "--root", "none"]) == 1
    gone = ["init", "--address", "http://x", "--root", str(tmp_path / "none"), "--product", "p"]
    assert cli.main([*gone, "--folder", str(tmp_path / "u")]) == 3
    assert cli.main(["status", "--folder", str(machine.layout.root), "--language", "en"]) == 1
    with pytest.raises(SystemExit) as stopped:
        cli.main(["fly"])
    assert stopped.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_again_forgives_what_did_not_start(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    health.refuse(machine, FIRST.id)
    assert cli.main(["apply", "--again", "--folder", str(machine.layout.root)]) in {1, 3}
    assert health.refused(machine) == frozenset()


# pointer and launcher


@pytest.mark.parametrize("form", [LinkPointer, FilePointer])
def test_both_forms_of_the_pointer_do_the_same(
    form: type[LinkPointer | FilePointer], tmp_path: Path
) -> None:
    pointer: Pointer = form(tmp_path / "current")
    one, two = (f"{digit * 64}.1" for digit in "ab")
    assert pointer.read() is None
    pointer.point(one)
    pointer.point(two)
    assert pointer.read() == two
    folder = tmp_path / "releases" / two
    folder.mkdir(parents=True)
    assert launcher.tree(tmp_path) == folder
    pointer.drop()
    pointer.drop()
    assert pointer.read() is None
    assert [one.name for one in tmp_path.iterdir()] == ["releases"]


@pytest.mark.parametrize("form", [LinkPointer, FilePointer])
def test_a_pointer_to_elsewhere_names_nothing(
    form: type[LinkPointer | FilePointer], tmp_path: Path
) -> None:
    path = tmp_path / "current"
    path.symlink_to("/etc") if form is LinkPointer else path.write_bytes(b"../../etc\xff")
    assert form(path).read() is None
    assert launcher.tree(tmp_path) is None


def launched(folder: Path) -> str:
    command = [sys.executable, str(LAUNCHER), str(folder), "{python}", "{tree}/main.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else f"exit {done.returncode}"


def test_the_launcher_starts_the_release_in_use_and_no_unseen_one(
    made: Made, provider: Provider
) -> None:
    machine = made()
    assert launched(machine.layout.root) == "exit 3"
    provider.publish(FIRST)
    applying.apply(machine)
    assert launched(machine.layout.root) == "first"
    provider.publish(FIRST, SECOND)
    seen: list[str] = []

    def look(step: str) -> None:
        if step in {"switched", "journal-trial"}:
            seen.append(launched(machine.layout.root))

    applying.apply(made(checkpoint=look))
    # between the rename and the look at the clocks the old one starts, from then on the new one
    assert seen[:2] == ["first", "second"]
    assert launched(machine.layout.root) == "second"
    machine.layout.current.unlink()
    assert launched(machine.layout.root) == "first"


def test_the_launcher_needs_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert launcher.main([]) == 2
    assert "FOLDER COMMAND" in capsys.readouterr().err


# the updater updates itself


def updater(tmp_path: Path, *, broken: bool = False, label: str = "1") -> dict[str, bytes]:
    """The updater's own program: the packages as they are, and a line that starts them."""
    files = {"run.py": b"import sys\nfrom warifu_client.cli import main\nsys.exit(main())\n"}
    for package in (warifu_client, warifu_wire):
        folder = Path(package.__file__).parent
        for path in (*folder.rglob("*.py"), *folder.rglob("*.json")):
            files[f"{folder.name}/{path.relative_to(folder)}"] = path.read_bytes()
    files["label.txt"] = label.encode()
    if broken:
        del files["warifu_client/session.py"]
    return files


def test_the_updater_takes_only_an_updater_that_completes_a_full_check(
    today: tuple[Provider, Site], tmp_path: Path
) -> None:
    provider, site = today
    provider.publish(FIRST)
    root = tmp_path / "root.json"
    root.write_bytes(provider.root)
    told = ("--address", site.address, "--root", str(root), "--product", PRODUCT)
    tool, own = tmp_path / "tool", tmp_path / "updater"
    assert cli.main(["init", *told, "--folder", str(tool)]) == 0
    # the updater is a product of its own; its start test is a whole signed check of the tool
    assert cli.main(["init", *told, "--folder", str(own), "--host", str(tool)]) == 0
    start = ("{python}", "{tree}/run.py", "check", "--as-start-test", "--folder", "{host}")

    def edition(label: str, *, broken: bool = False) -> Release:
        files = updater(tmp_path, broken=broken, label=label)
        return release(files, kind=Kind.INSTALL, start=start)

    one, two, three = edition("1"), edition("2", broken=True), edition("3")
    provider.publish(one)
    assert cli.main(["apply", "--folder", str(own)]) == 0
    assert cli.main(["check", "--folder", str(tool)]) == 0
    provider.publish(one, two)
    assert cli.main(["apply", "--folder", str(own)]) == 1
    assert Layout(own).current.readlink().name.startswith(one.id)
    provider.publish(one, two, three)
    # while the tool is being updated nothing can be learnt: that is not held against the updater
    with lock.held(Layout(tool).lock):
        assert cli.main(["apply", "--folder", str(own)]) == 1
    assert cli.main(["apply", "--folder", str(own)]) == 0
    assert Layout(own).previous.read_text().startswith(one.id)
    # and it is started through the launcher, like any other program
    words = [sys.executable, str(LAUNCHER), str(own), "{python}", "{tree}/run.py"]
    done = subprocess.run(
        [*words, "check", "--folder", str(tool), "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert json.loads(done.stdout)["end"] == "offered"
