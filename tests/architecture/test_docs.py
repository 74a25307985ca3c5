"""The documentation under test: commands exist, links lead somewhere, packages have a reason."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

from tools.gate import ROOT
from tools.tree import tracked

PAGES = [path for path in tracked(ROOT) if path.suffix == ".md"]
OURS = ("warifu", "warifu-update", "warifu-sign", "warifu-host", "warifu-ca", "warifu-replay")


def commands() -> Iterator[tuple[str, list[str]]]:
    """(page, words) of every command line in the pages' console blocks."""
    for page in PAGES:
        for block in re.findall(r"^```console\n(.*?)^```", page.read_text("utf-8"), re.M | re.S):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line.removeprefix("$ "), comments=True)
                if words and (words[0] == "make" or Path(words[0]).name in OURS):
                    yield str(page.relative_to(ROOT)), words


def test_make_targets_named_in_pages_exist() -> None:
    listed = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    targets = {line.split()[1] for line in listed.splitlines() if line.strip()}
    named = {(page, word) for page, words in commands() if words[0] == "make" for word in words[1:]}
    assert named
    assert {
        (page, word) for page, word in named if "=" not in word and word not in targets
    } == set()


def test_our_commands_in_pages_parse() -> None:
    wrong = [
        f"{page}: {' '.join(words)}: {fault}"
        for page, words in commands()
        if words[0] != "make" and (fault := _fault(words))
    ]
    assert wrong == []


def _fault(words: list[str]) -> str | None:
    """Why the command's own help does not know these words; None when it knows them all."""
    path = [Path(words[0]).name]
    text = _help(*path)
    for word in words[1:]:
        if word.startswith("-") or not re.search(rf"^\s+{re.escape(word)}(\s|$)", text, re.M):
            break
        path.append(word)
        text = _help(*path)
    options = [word.partition("=")[0] for word in words[1:] if re.match(r"--[a-z]", word)]
    unknown = [option for option in options if option not in text]
    return f"no option {unknown[0]}" if unknown else None


@cache
def _help(program: str, *path: str) -> str:
    """What the installed command's own entry point prints for `--help`."""
    (entry,) = metadata.entry_points(group="console_scripts", name=program)
    run = entry.load()
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr(sys, "argv", [program, *path, "--help"])
        with pytest.raises(SystemExit) as ended:
            run()
    assert not ended.value.code, path
    return said.getvalue()


def test_links_inside_the_tree_lead_somewhere() -> None:
    lost = [
        f"{page.relative_to(ROOT)}: {name}"
        for page in PAGES
        for name in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text("utf-8"))
        if not (page.parent / name).exists()
    ]
    assert lost == []


def test_decisions_have_a_number_of_their_own_and_a_status() -> None:
    pages = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
    numbers = [page.name[:4] for page in pages]
    assert len(set(numbers)) == len(numbers) > 0
    for page in pages:
        text = page.read_text("utf-8")
        assert text.startswith(f"# {page.name[:4]} "), page
        assert re.search(r"^Status: (accepted|replaced)", text, re.M), page


def named(list_name: str) -> set[str]:
    """Packages named in one requirements file, without versions."""
    lines = (ROOT / "requirements" / list_name).read_text("utf-8").splitlines()
    return {re.split(r"[=<>~! ]", line)[0] for line in lines if re.match(r"\w", line)}


def test_every_package_has_its_reason() -> None:
    page = (ROOT / "docs/dependencies.md").read_text("utf-8")
    given = re.findall(r"^\| ([\w.\[\]-]+) \| .{10,}\|$", page, re.M)
    given = [name for name in given if name != "package"]
    assert len(given) == len(set(given))
    assert set(given) == named("run.in") | named("dev.in") | named("tools.in")


# Packages that are named in a string or run as a program, with the words that show it.
SAID = {
    "psycopg": "django.db.backends.postgresql",
    "granian": "granian",
    "hatchling": "hatchling.build",
    "editables": "hatchling.build",  # its part for editable installs
}


def test_every_running_package_is_used() -> None:
    sources = [path for path in tracked(ROOT) if path.is_relative_to(ROOT / "packages")]
    text = "\n".join(p.read_text("utf-8") for p in sources if p.suffix in {".py", ".toml"})
    modules_of: dict[str, set[str]] = {}
    for module, owners in metadata.packages_distributions().items():
        for owner in owners:
            modules_of.setdefault(owner.lower().replace("_", "-"), set()).add(module)
    unused = []
    for name in sorted(named("run.in")):
        plain = name.partition("[")[0].replace("_", "-")
        roots = modules_of.get(plain, modules_of.get(plain.replace(".", "-"), set()))
        imported = any(re.search(rf"^\s*(?:from|import) {root}\b", text, re.M) for root in roots)
        if not imported and SAID.get(plain, "\0") not in text:
            unused.append(name)
    assert unused == []
