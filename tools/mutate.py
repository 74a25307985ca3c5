"""The night's mutation run: change nouns and verbs one place at a time and see which test notices.

One covered run tells which tests run which line, and how long each takes. Each mutant is then tried
in a forked child, the quickest tests first; it has third parties loaded already and none of ours,
and its importer compiles the changed tree, so that nothing in the checkout is touched. What no test
noticed is listed in `out/survivors.txt`, with the lines that no test runs.

Usage: python -m tools.mutate [--every N] [--again] [--tests PATH] ... [MODULE ...]
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import json
import multiprocessing
import multiprocessing.connection
import os
import sys
import tempfile
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

import coverage
import pytest

from tools.gate import ROOT
from tools.mutants import Mutant, mutants, mutated
from tools.tree import Module, modules

WORKERS = 2
PATIENCE = 5.0  # how many times as long as unchanged until a mutant counts as noticed: it hangs
START = 60.0  # seconds on top of it: a child imports all of ours first
SAID = 60.0  # seconds between two lines of progress
MOST_TESTS = 80  # tests tried on one mutant
UNCHANGED = -1
LOADED = ""  # the context of what is run before any test: modules being loaded
LIST = ROOT / "out" / "survivors.txt"
OURS = ("warifu", "tests", "tools", "conftest")
_FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True, slots=True)
class Trial:
    """One mutant of one module, with the tests that run its line."""

    module: Module
    mutant: Mutant
    tests: tuple[str, ...]
    seconds: float  # that the tests take on the unchanged module

    def __str__(self) -> str:
        path = self.module.path.relative_to(ROOT)
        return f"{path}:{self.mutant.line}: {self.mutant.what} ({len(self.tests)} tests)"


@dataclass(frozen=True, slots=True)
class Covered:
    """What one covered run tells: file -> line -> tests that run it; test -> seconds it takes."""

    lines: dict[str, dict[str, list[str]]]
    seconds: dict[str, float]

    def by(self, file: Path, line: int) -> list[str]:
        """The tests that run a line: quick files first, for a file's tests share what it lays.

        What is run when the module is loaded is every test's that runs anything of the module.
        """
        files: dict[str, float] = defaultdict(float)
        here = self.lines.get(str(file), {})
        found = here.get(str(line), [])
        if found == [LOADED]:
            found = list(dict.fromkeys(test for tests in here.values() for test in tests))
        tests = [test for test in found if test != LOADED]
        for test in tests:
            files[_file(test)] += self.seconds[test]
        return sorted(tests, key=lambda test: (files[_file(test)], _file(test), self.seconds[test]))


def _file(test: str) -> str:
    return test.partition("::")[0]


class _Contexts:
    """A pytest plug-in that books covered lines, and time, on the test that runs them."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self.measured = measured
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.measured.switch_context(item.nodeid)
        since = time.monotonic()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = time.monotonic() - since


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports one module from a changed tree; every other import goes its usual way."""

    def __init__(self, module: Module, number: int) -> None:
        self.module, self.number = module, number

    def find_spec(self, fullname: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.module.name:
            return None
        path = str(self.module.path)
        spec = importlib.machinery.ModuleSpec(
            fullname, self, origin=path, is_package=self.module.is_package
        )
        spec.has_location = True
        return spec

    def is_package(self, _fullname: str) -> bool:
        return self.module.is_package

    def get_source(self, _fullname: str) -> str:
        return self.module.text

    def get_code(self, _fullname: str) -> CodeType:
        text, number = self.module.text, self.number
        tree = ast.parse(text) if number == UNCHANGED else mutated(text, number)
        return compile(tree, str(self.module.path), "exec", dont_inherit=True)


def _cover(packages: Sequence[str], tests: Sequence[str], report: Path) -> None:
    """In a child: run the tests under coverage, write who ran what; exit with pytest's status."""
    measured = coverage.Coverage(data_file=None, config_file=False, source_pkgs=list(packages))
    measured.start()
    contexts = _Contexts(measured)
    status = pytest.main(["-q", "-p", "no:cacheprovider", *tests], plugins=[contexts])
    measured.stop()
    data = measured.get_data()
    lines = {file: data.contexts_by_lineno(file) for file in data.measured_files()}
    roots = sorted({name.partition(".")[0] for name in sys.modules})
    told = {"lines": lines, "seconds": contexts.seconds, "roots": roots}
    report.write_text(json.dumps(told), "utf-8")
    os._exit(int(status))


def covering(packages: Sequence[str], tests: Sequence[str]) -> Covered:
    """Run the tests once, covered; load into this process what third parties they use."""
    with tempfile.TemporaryDirectory(prefix="warifu-night-") as folder:
        report = Path(folder) / "report.json"
        child = _FORK.Process(target=_cover, args=(packages, tests, report))
        child.start()
        child.join()
        if child.exitcode:
            raise SystemExit(f"the tests must pass before they are tried: status {child.exitcode}")
        found: dict[str, Any] = json.loads(report.read_text("utf-8"))
    for root in found["roots"]:
        if not root.startswith(OURS) and root.isidentifier():
            with contextlib.suppress(ImportError):
                importlib.import_module(root)
    return Covered(found["lines"], found["seconds"])


def trials(names: Sequence[str], tests: Sequence[str], every: int) -> list[Trial]:
    """Every mutant of the named modules and packages, or every Nth of them."""
    covered = covering(names, tests)
    found = []
    for module in modules(ROOT):
        if any(f"{module.name}.".startswith(f"{name}.") for name in names):
            for mutant in mutants(module.text):
                by = covered.by(module.path, mutant.line)[:MOST_TESTS]
                seconds = sum(covered.seconds[test] for test in by)
                found.append(Trial(module, mutant, tuple(by), seconds))
    return found[::every]


def _try(changed: Sequence[_Changed], tests: Sequence[str]) -> None:
    """In a child: run the tests on what is changed; exit 0 when none of them noticed."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    sys.meta_path[:0] = changed
    quiet = ["-x", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no"]
    os._exit(int(pytest.main([*quiet, *tests])))


def survivors(all_trials: Sequence[Trial]) -> list[Trial]:
    """Trials that no test noticed, in order, each said at once; a few at a time."""
    waiting, survived = list(reversed(all_trials)), []
    since_said = time.monotonic()

    def survives(trial: Trial) -> None:
        survived.append(trial)
        print(f"survived: {trial}", flush=True)

    running: dict[int, tuple[Any, Trial, float]] = {}
    while waiting or running:
        while waiting and len(running) < WORKERS:
            trial = waiting.pop()
            if not trial.tests:
                survives(trial)
                continue
            changed = [_Changed(trial.module, trial.mutant.number)]
            child = _FORK.Process(target=_try, args=(changed, trial.tests))
            child.start()
            running[child.sentinel] = (child, trial, time.monotonic())
        for sentinel in multiprocessing.connection.wait(list(running), timeout=1.0):
            child, trial, _ = running.pop(int(str(sentinel)))
            child.join()
            if child.exitcode == 0:
                survives(trial)
        for child, trial, since in running.values():
            if time.monotonic() - since > START + PATIENCE * trial.seconds:
                child.kill()
        if time.monotonic() - since_said > SAID:
            since_said = time.monotonic()
            ended = len(all_trials) - len(waiting) - len(running)
            print(f"{ended} of {len(all_trials)} tried, {len(survived)} survived", flush=True)
    order = {trial: place for place, trial in enumerate(all_trials)}
    return sorted(survived, key=lambda trial: order[trial])


def control(all_trials: Sequence[Trial]) -> None:
    """All modules, unchanged but imported the same way, must survive: else nothing is proven."""
    changed = [_Changed(one, UNCHANGED) for one in {trial.module: None for trial in all_trials}]
    tests = sorted({test for trial in all_trials for test in trial.tests})
    child = _FORK.Process(target=_try, args=(changed, tests))
    child.start()
    child.join()
    if child.exitcode:
        raise SystemExit("the tests fail on the unchanged modules")


def _place(told: str) -> str:
    """A mutant as it is told, without how many tests were tried on it."""
    return told.rpartition(" (")[0]


def main(arguments: list[str]) -> int:
    """Print how many mutants were tried and noticed; the list is `out/survivors.txt`."""
    night = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["warifu"]["night"]
    parser = argparse.ArgumentParser(prog="python -m tools.mutate", description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="try every Nth mutant only")
    parser.add_argument("--tests", action="append", help="a folder of tests that may notice")
    parser.add_argument("--again", action="store_true", help="only those that survived last time")
    parser.add_argument("modules", nargs="*", default=night["mutate"])
    asked = parser.parse_args(arguments)
    sys.path.insert(0, str(ROOT))
    os.chdir(ROOT)
    listed = (
        {_place(line) for line in LIST.read_text("utf-8").splitlines()} if asked.again else None
    )
    found = trials(asked.modules, asked.tests or night["tests"], asked.every)
    found = [one for one in found if listed is None or _place(str(one)) in listed]
    if not found:
        raise SystemExit("nothing to change in what was asked for")
    control(found)
    left = survivors(found)
    LIST.parent.mkdir(exist_ok=True)
    LIST.write_text("".join(f"{trial}\n" for trial in left), "utf-8")
    noticed = len(found) - len(left)
    print(f"{len(found)} mutants tried, {noticed} noticed, {len(left)} survived: {LIST.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
