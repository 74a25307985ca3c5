"""Somebody else's program: from `warifu init` to a probed release, as the README shows it.

Pygments from three of its own source distributions: released, approved, and the last as `next`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.composition import sdists
from tests.composition.sdists import PINS, Files, Pin
from tests.story.small import git
from warifu_replay.running import free_port

pytestmark = pytest.mark.repeats

README = Path(__file__).parents[2] / "README.md"
LIMIT = 10


def commands() -> list[str]:
    """The commands of the README's section on one's own program."""
    section = README.read_text("utf-8").partition("## Your own program")[2].partition("\n## ")[0]
    block = re.search(r"```console\n(.*?)```", section, re.DOTALL)
    assert block is not None
    joined = block[1].replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.startswith("warifu ")]


def releases() -> list[Files]:
    """The three source distributions, by their hashes."""
    found = []
    for number in (1, 2, 3):
        listed = PINS / f"application-{number}.txt"
        pin = Pin(*sdists._PIN.findall(listed.read_text())[0])
        if not pin.path.exists():
            sdists._download(listed)
        found.append(pin.files())
    return found


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody's repository, with nothing of ours in it."""
    folder = tmp_path_factory.mktemp("pygments") / "pygments"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    old: Files = {}
    for name, files in zip(("2.17.2", "2.18.0", "2.19.2"), releases(), strict=True):
        if name == "2.19.2":
            git(folder, "checkout", "--quiet", "-b", "next")
        for path in old.keys() - files.keys():
            (folder / path).unlink()
        for path, (_, data) in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        git(folder, "add", "--all", "--force")
        git(folder, "commit", "--quiet", "--message", f"Pygments {name}")
        git(folder, "tag", name)
        old = files
    git(folder, "checkout", "--quiet", "main")
    return folder


def run(command: str, source: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """A command of the README in that folder."""
    return subprocess.run(
        [sys.executable, "-m", *shlex.split(command.replace("warifu ", "warifu.cli ", 1))],
        cwd=source,
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        check=False,
    )


def test_in_at_most_ten_commands(source: Path, tmp_path: Path) -> None:
    lines = commands()
    assert 5 <= len(lines) <= LIMIT
    data = {"XDG_DATA_HOME": str(tmp_path)}
    serving = None
    try:
        for line in lines:
            if line.startswith("warifu init"):
                line += f" --address http://127.0.0.1:{free_port()}"
            if line.endswith("&"):
                serving = subprocess.Popen(
                    [sys.executable, "-m", "warifu.cli", *line.split()[1:-1]],
                    cwd=source, env={**os.environ, **data},
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
                time.sleep(3)
                continue
            done = run(line, source, **data)
            assert done.returncode == 0, (line, done.stdout, done.stderr)
        for _ in range(120):
            told = json.loads(run("warifu --json status", source, **data).stdout)
            (release,) = told["releases"]
            if release["probed"] != "–":
                break
            time.sleep(1)
        assert release["probed"] == "passed", told
        assert release["stops"] == []
    finally:
        if serving is not None:
            serving.send_signal(signal.SIGINT)
            serving.wait(timeout=15)
    assert git(source, "status", "--porcelain") == "?? warifu.toml"
    manifest = json.loads(run("warifu --json ledger show", source, **data).stdout.splitlines()[0])
    assert manifest["kind"] == "composition.made"
