"""The sandbox and what is done in it: no network, no repository, no trace; and bad endings."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.composition.bench import Bench
from tests.composition.stage import Stage
from warifu.engines.build import difference, sandbox, suites, workfolder
from warifu.engines.build.builder import SandboxBuilder
from warifu.model import archive
from warifu.model.ports_source import Rendered
from warifu.model.recipe import Recipe, Step, Suite
from warifu.model.tree import file
from warifu_wire.digest import Digest
from warifu_wire.errors import Fault, Malformed, Refusal
from warifu_wire.manifest import Kind

PROBE = """
import os, pathlib, socket
told = []
for name in ('/home', '/var', '/etc/hostname', '/old', os.environ['OUTSIDE']):
    told += [name] * bool(os.path.exists(name) and (not os.path.isdir(name) or os.listdir(name)))
try:
    socket.create_connection(('192.0.2.1', 80), timeout=3)
    told.append('network')
except OSError:
    pass
for name in ('/usr/planted', '/planted-by-nobody/x'):
    try:
        pathlib.Path(name).write_text('x')
        told.append(name)
    except OSError:
        pass
told += [key for key in os.environ if key.startswith('SECRET')]
print(told, len(os.listdir('/tmp')), len([one for one in os.listdir('/proc') if one.isdigit()]))
"""


def test_nothing_of_this_machine_is_seen_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "of the house")
    (tmp_path / "work").mkdir()
    outside = tmp_path / "outside"
    outside.write_text("a repository")
    ran = sandbox.run(
        sandbox.filled(["{python}", "-c", PROBE]),
        tmp_path / "work",
        seconds=60,
        settings={"OUTSIDE": str(outside)},
    )
    # Where this checkout lies in /tmp, its own interpreter is the one thing seen there.
    there = int(any(one.startswith("/tmp/") for one in (sys.prefix, sys.base_prefix)))
    assert (ran.code, ran.log) == (0, f"[] {there} 1\n")


@pytest.mark.parametrize("name", ["仕事 一", "tab\there", "back\\slash", "#1", "\\040"])
def test_a_work_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    work = tmp_path / name
    work.mkdir()
    ran = sandbox.run(["/bin/sh", "-c", "echo made > here"], work, seconds=60, settings={})
    assert (ran.code, (work / "here").read_text()) == (0, "made\n")


def test_a_suite_may_speak_to_its_own_server_only(tmp_path: Path) -> None:
    code = "import socket; a = socket.create_server(('127.0.0.1', 0)); b = a.getsockname(); "
    code += "socket.create_connection(b); print('heard')"
    command = [sys.executable, "-c", code]
    inside = sandbox.run(command, tmp_path, seconds=60, settings={}, loopback=True)
    assert inside.log == "heard\n"
    assert sandbox.run(command, tmp_path, seconds=60, settings={}).code


def test_a_command_that_does_not_end_is_ended(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="step-too-slow"):
        sandbox.run(["/bin/sleep", "600"], tmp_path, seconds=1, settings={})


def test_without_a_sandbox_nothing_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Fault, match="no sandbox can be made"):
        sandbox.run(["/bin/true"], tmp_path / "not there", seconds=9, settings={})
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(Fault, match="unshare is not installed"):
        sandbox.run(["/bin/true"], tmp_path, seconds=9, settings={})
    assert difference.difference(b"a", b"b") is None


SOURCE = Rendered(
    "c" * 40, {"a.txt": file("file", b"a"), "go": file("exec", b"x")}, 1_328_000_000, {}
)


def _built(*script: str) -> dict[str, bytes]:
    step = Step("make", ("/bin/sh", "-c", "; ".join(script)), ("made",))
    tree = SandboxBuilder("urn:one").build(SOURCE, Recipe(steps=(step,)))
    return {path: one.data for path, one in tree.items()}


def test_a_step_sees_the_source_the_epoch_and_nothing_else() -> None:
    made = _built("ls -A > made", "stat -c %Y a.txt >> made", "echo $SOURCE_DATE_EPOCH >> made")
    assert made["made"] == b"a.txt\ngo\nmade\n1328000000\n1328000000\n"
    assert _built("ln -s a.txt made")["made"] == b"a.txt"
    assert _built("mkdir made", "ln -s /usr made/folder")["made/folder"] == b"/usr"


def test_bad_steps_are_refused() -> None:
    with pytest.raises(Refusal, match="step-failed") as caught:
        _built("echo told; exit 3")
    assert caught.value.facts["log"] == "told\n"
    with pytest.raises(Refusal, match="strange-file"):
        _built("mkfifo made")
    with pytest.raises(Refusal, match="path-not-utf8"):
        _built("touch $(printf 'made\\377')")


def test_what_a_step_says_without_end_is_kept_to_its_end(tmp_path: Path) -> None:
    """A gigabyte of words: what is told is bounded, and so is the memory it takes."""
    code = (
        "import resource, sys; from pathlib import Path\n"
        "resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))\n"
        "from warifu.engines.build import sandbox\n"
        "talk = 'import sys; [sys.stdout.write(\"word \" * 200_000) for _ in range(600)]'\n"
        "ran = sandbox.run([sys.executable, '-c', talk + '; print(\"end\")'], Path(sys.argv[1]),\n"
        "                  seconds=60, settings={})\n"
        "print(ran.code, len(ran.log), ran.log[-8:])"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "0 4000 ord end\n\n", done.stderr


def test_a_build_has_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workfolder, "_LIMIT", 10)
    with pytest.raises(Refusal, match="build-too-large"):
        _built("echo more than ten bytes > made")


def test_a_tree_cannot_leave_its_folder(tmp_path: Path) -> None:
    for path in ("../x", "a//b", "./a", "/etc/x"):
        with pytest.raises(Malformed, match="path-outside-tree"):
            workfolder.spread({path: file("file", b"x")}, tmp_path)
    tree = {"link": file("link", b"/etc"), "link2": file("link", b"link")}
    workfolder.spread(tree, tmp_path)
    assert workfolder.collect(tmp_path) == tree


ARTIFACT = archive.write({"a.txt": file("file", b"a")})


def _suite(code: str) -> Suite:
    return Suite("unit", ("{python}", "-c", code, "{junit}", "{tree}"), 60)


REPORT = (
    "<testsuites><testsuite><testcase classname='c' name='good'/><testcase name='bad'><error/>"
    "</testcase><testcase name='left'><skipped/></testcase></testsuite></testsuites>"
)


def test_a_report_is_read_and_a_bad_exit_is_a_failure() -> None:
    code = f"import sys; open(sys.argv[1], 'w').write({REPORT!r}); sys.exit(4)"
    found = suites.SandboxSuites().run(ARTIFACT, _suite(code))
    assert found.passed == ("c::good",)
    assert found.failed == ("bad", "exit code 4")
    assert (found.skipped, found.good) == (("left",), False)


@pytest.mark.parametrize(
    "code",
    [
        "pass",
        "import os, sys; os.symlink('/usr/share/dict', sys.argv[1])",
        "import sys; open(sys.argv[1], 'w').write('no xml')",
        "import sys; open(sys.argv[1], 'wb').truncate((16 << 20) + 1)",
    ],
)
def test_a_suite_without_a_readable_report_is_refused(code: str) -> None:
    with pytest.raises(Refusal, match="no-result"):
        suites.SandboxSuites().run(ARTIFACT, _suite(code))


def test_a_suite_runs_on_the_unpacked_artifact() -> None:
    code = "import sys, os; assert os.listdir(sys.argv[2]) == ['a.txt']; "
    code += "open(sys.argv[1], 'w').write('<testcase name=\"one\"/>')"
    assert suites.SandboxSuites().run(ARTIFACT, _suite(code)).good


def test_a_differing_binary_is_looked_at_closely(bench: Bench, tmp_path: Path) -> None:
    stage = Stage(bench, Kind.UPDATE, tmp_path)
    bench.workshop = dataclasses.replace(bench.workshop, look=difference.difference)
    with pytest.raises(Refusal) as caught:
        bench.compose(candidate=stage.with_("icon.bin"))
    report = bench.depot.get(Digest(caught.value.facts["difference"])).decode()
    assert "c7c6 c5c4" in report
    assert len(report) <= difference.BYTES


def _slow(*_: object, **__: object) -> sandbox.Ran:
    raise Refusal("step-too-slow", needed="less")


def _silent(*_: object, **__: object) -> sandbox.Ran:
    return sandbox.Ran(0, "")


@pytest.mark.parametrize("run", [_slow, _silent])
def test_a_look_that_gives_nothing_is_left_out(
    run: Callable[..., sandbox.Ran], bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(bench, Kind.UPDATE, tmp_path)
    bench.workshop = dataclasses.replace(bench.workshop, look=difference.difference)
    monkeypatch.setattr(sandbox, "run", run)
    with pytest.raises(Refusal) as caught:
        bench.compose(candidate=stage.with_("icon.bin"))
    assert "difference" not in caught.value.facts
