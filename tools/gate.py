"""The gate: style, types, import rules, tests, coverage floors. `make test` runs all of it.

Every step runs even when an earlier one failed, so one run shows everything there is to mend.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree as ET

from tools.figures import figures
from tools.floors import Floors, below

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.prefix) / "bin"
STATIC = (
    ("style", "ruff", "check", "-q", "."),
    ("form", "ruff", "format", "-q", "--check", "."),
    ("types", "mypy"),
    ("import rules", "lint-imports", "--no-logo"),
)


SHARED = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
"""Three workers, for two cores: one waits for a program at any time. A file to one of them, in the
order of collection: the long ones first."""


def static() -> list[str]:
    """Run the checks that execute nothing of ours; give the names of those that failed."""
    failed = []
    for name, tool, *rest in STATIC:
        start = time.monotonic()
        done = subprocess.run(
            [str(BIN / tool), *rest], cwd=ROOT, capture_output=True, text=True, check=False
        )
        good = done.returncode == 0
        told = f"{'ok  ' if good else 'FAIL'} {name} ({time.monotonic() - start:.1f} s)\n"
        if not good:
            told += f"{done.stdout}{done.stderr}\n"
            failed.append(name)
        sys.stdout.write(told)  # whole: the tests' lines come from another thread
        sys.stdout.flush()
    return failed


def rewritten() -> None:
    """Collect the tests once: their rewritten assertions then lie ready for every worker.

    Also where Python is told to keep no bytecode. What is wrong with a test, the run itself says.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(
        [str(BIN / "python"), "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider"],
        cwd=ROOT, env=kept, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def tests(folder: Path) -> tuple[list[str], str]:
    """Run pytest under coverage, on three workers; give (what failed, pytest's closing line)."""
    environment = {**os.environ, "COVERAGE_FILE": str(folder / "data")}
    command = [str(BIN / "coverage"), "run", "-m", "pytest", "-q", *SHARED]
    closing = "no test ran"
    with subprocess.Popen(
        [*command, "--durations=10", f"--junitxml={folder / 'tests.xml'}"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        for line in running.stdout or ():
            print(line, end="", flush=True)
            if re.search(r"\b\d+ (passed|failed|error)", line):
                closing = line.strip()
    return (["tests"] if running.returncode else []), closing


def times(folder: Path) -> None:
    """Print where the time went, by folder of tests."""
    seconds: dict[str, float] = defaultdict(float)
    for case in ET.parse(folder / "tests.xml").iter("testcase"):
        seconds[".".join(case.get("classname", "").split(".")[:2])] += float(case.get("time", 0))
    spent = sorted(seconds.items(), key=lambda item: -item[1])
    print("seconds by folder:", ", ".join(f"{name} {total:.0f}" for name, total in spent))


def coverage(folder: Path) -> list[str]:
    """Combine what every process measured and hold each room to its floor."""
    environment = {**os.environ, "COVERAGE_FILE": str(folder / "data")}
    report = folder / "report.json"
    for command in (
        ["combine", "-q"],
        ["json", "-q", "-i", "--include=packages/*", "-o", str(report)],
    ):
        subprocess.run([str(BIN / "coverage"), *command], cwd=ROOT, env=environment, check=True)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    figures = settings["tool"]["warifu"]["gate"]
    floors = Floors(figures["floor"], figures["full"], figures["platform_only"])
    lines, low = below(json.loads(report.read_text("utf-8")), floors)
    print("coverage, lines and branches, by room", *lines, sep="\n")
    for name in floors.platform_only:
        print(f"  not counted here, another platform's: {name}")
    for line in low:
        print(f"FAIL below the floor: {line}")
    return ["coverage"] if low else []


def main(arguments: list[str]) -> int:
    """Exit 0 when everything holds; pytest's closing line is the last but one."""
    print(figures(ROOT), flush=True)
    closing = ""
    if "--no-tests" in arguments:
        failed = static()
    else:
        with (
            ThreadPoolExecutor(1) as beside,
            tempfile.TemporaryDirectory(prefix="warifu-gate-") as name,
        ):
            checked = beside.submit(static)
            rewritten()
            folder = Path(name)
            outcome, closing = tests(folder)
            times(folder)
            failed = checked.result() + outcome + coverage(folder)
    print(f"gate: failed: {', '.join(failed)}" if failed else "gate: all good")
    if closing:
        print(closing)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
