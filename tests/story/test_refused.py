"""Bad input at the command line: one clear message, the right exit code, nothing half done."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.forks import Said, command
from tests.story import small as smalls
from tests.story.killing import alone
from tests.story.small import NOW, Small, git
from warifu import cli
from warifu.app import config as configs
from warifu.app import founding

pytestmark = pytest.mark.programs_repeat


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """A house with a signed, unpublished program."""
    made = smalls.found(tmp_path_factory.mktemp("small"))
    alone(lambda: smalls.signed(made))
    made.keep("signed")
    yield made
    made.end()


@pytest.fixture(autouse=True)
def fresh(small: Small) -> None:
    """Every test begins with the same state."""
    small.lay("signed")


def said(folder: Path, *words: str) -> Said:
    """What a command says."""
    return command(cli.main, "-C", str(folder), *words, XDG_DATA_HOME=str(folder / "data"))


def warifu(folder: Path, *words: str) -> tuple[int, str]:
    """Exit code and the one clear message on standard error."""
    return _clear(said(folder, *words))


def _clear(said: Said) -> tuple[int, str]:
    told = [line for line in said.err.splitlines() if not line.startswith("  ")]
    assert "Traceback" not in said.err, said.err
    assert 1 <= len(told) <= 3, said.err
    return said.code, "\n".join(told)


def test_no_repository(tmp_path: Path) -> None:
    code, told = warifu(tmp_path, "init")
    assert code == 1
    assert "git repository" in told
    assert list(tmp_path.iterdir()) == []


def test_no_house(tmp_path: Path) -> None:
    for words in (("compose",), ("publish",), ("serve",), ("status",)):
        code, told = warifu(tmp_path, *words)
        assert (code, "warifu.toml" in told) == (1, True)


def test_unknown_ref(small: Small, tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(small.source), str(folder))
    (folder / configs.NAME).unlink(missing_ok=True)
    for words in (("--commit", "nothing"), ("--next", "nothing"), ("--base", "nothing")):
        code, told = warifu(folder, "init", *words)
        assert (code, "nothing" in told) == (1, True), told
        assert not (folder / configs.NAME).exists()


def test_a_branch_the_registry_does_not_know(small: Small) -> None:
    git(small.source, "branch", "stranger")
    git(small.source, "commit", "--quiet", "--allow-empty", "--message", "beyond")
    git(small.source, "branch", "--force", "stranger")
    git(small.source, "reset", "--quiet", "--hard", "HEAD~1")
    try:
        code, told = warifu(small.source, "compose")
        assert (code, "stranger" in told) == (1, True), told
    finally:
        git(small.source, "branch", "--quiet", "-D", "stranger")


def test_a_dirty_work_tree_is_not_what_is_composed(small: Small) -> None:
    place = small.source / "program" / "main.py"
    kept = place.read_bytes()
    place.write_text("print('dirty')\n")
    try:
        done = said(small.source, "compose")
        assert done.code == 0, done.err
        assert smalls.release(small.house()) in done.out
    finally:
        place.write_bytes(kept)


def test_a_key_of_another_role(small: Small) -> None:
    code, told = warifu(small.source, "sign", "--as", "oncall-1")
    assert (code, "oncall-1 does not approve" in told) == (1, True)
    assert "approver-1, approver-2" in told


def test_an_unknown_person(small: Small) -> None:
    code, told = warifu(small.source, "sign", "--as", "nobody")
    assert (code, "nobody" in told) == (1, True)


def test_a_wrong_passphrase(small: Small) -> None:
    for place in (small.state / "keys").glob("*.pass"):
        place.write_text("another passphrase")
    code, told = warifu(small.source, "sign", "--as", "approver-1")
    assert (code, "passphrase" in told.lower()) == (1, True), told


def test_a_port_that_is_taken(small: Small) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, told = warifu(small.source, "serve", "--port", port)
    assert (code, port in told) == (1, True)


def test_trial_keys_beyond_this_machine(small: Small) -> None:
    code, told = warifu(small.source, "serve", "--bind", "0.0.0.0", "--port", "8471")
    assert (code, "Trial keys" in told) == (1, True)


def test_an_unknown_key_in_the_configuration(small: Small) -> None:
    place = small.source / configs.NAME
    kept = place.read_text()
    try:
        for more in ("[service2]\n", "[policy]\nlaese = 3\n", "not toml\n"):
            place.write_text(kept.replace("[policy]\nlease = 86400\n", "") + more)
            code, told = warifu(small.source, "compose")
            assert (code, "warifu.toml" in told) == (1, True), told
    finally:
        place.write_text(kept)


def test_a_full_disk(small: Small) -> None:
    shutil.rmtree(small.state / "depot")
    (small.state / "depot").mkdir()
    setup = f'mount -t tmpfs -o size=4k tmpfs "{small.state / "depot"}" && exec "$@"'
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", setup, "sh",
         sys.executable, "-m", "warifu.cli", "-C", str(small.source), "compose"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    code, told = _clear(Said(done.returncode, done.stdout, done.stderr))
    assert (code, "space" in told.lower()) == (3, True), told
    assert not list(small.house().ledger.events(kind="publication.ordered"))
    assert said(small.source, "compose").code == 0


def test_no_worker_and_no_server(small: Small) -> None:
    place = small.source / configs.NAME
    kept = place.read_text()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    try:
        here = f"127.0.0.1:{small.server.server_port}"
        place.write_text(kept.replace(here, f"127.0.0.1:{port}"))
        done = said(small.source, "publish")
        assert done.code == 3
        assert "recorded, not in force" in done.out
        assert "Traceback" not in done.err
    finally:
        place.write_text(kept)


def test_an_expired_role(small: Small, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    git(tmp_path, "clone", "--quiet", str(small.source), str(folder))
    given = founding.Given(product="old", suite=("{python}", "-c", smalls.SUITE, "{junit}"))
    text = founding.describe(folder, given) + f'\n[service]\nstate = "{tmp_path / "state"}"\n'
    (folder / configs.NAME).write_text(text)
    past = NOW - timedelta(days=200)
    alone(lambda: founding.init(folder, given, past, lambda _: None) and None)
    for words in (("compose",), ("verify",), ("sign", "--as", "approver-1")):
        said(folder, *words)
    done = said(folder, "sign", "--as", "approver-2")
    if done.code == 0:
        done = said(folder, "publish")
    told = done.out + done.err
    assert done.code in (1, 3), told
    assert "expire" in told, told
    assert "root" in told or "targets" in told, told
    assert "Traceback" not in told
