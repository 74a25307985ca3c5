"""Why compose refused, wherever a person looks: the terminal, a file to be sent, the console."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.console.test_console import Shape
from tests.story import small as stories
from tests.story.small import NOW, Small, git
from warifu.app import refusals, road
from warifu.cli import main
from warifu.model import archive
from warifu.model.tree import Tree, file
from warifu.web.pages import pages
from warifu_wire.errors import Refusal
from warifu_wire.manifest import Kind


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """A house whose repository has a branch of its own, and that refused twice."""
    made = stories.found(tmp_path_factory.mktemp("small"))
    git(made.source, "checkout", "--quiet", "-b", "next")
    (made.source / "program" / "host.py").write_text("HOST = 'the new <host>'\n")
    (made.source / "icon.bin").write_bytes(bytes(range(64)))
    git(made.source, "add", "program", "icon.bin")
    git(made.source, "commit", "--quiet", "--message", "the new <host>")
    git(made.source, "checkout", "--quiet", "main")
    stories.describe(made, "Ver1.00")
    house = made.house()
    clean = road.compose(house, Kind.INSTALL, NOW)
    tree = archive.read(house.depot.get(clean.artifact))
    bad: Tree = {**tree, "program/host.py": file("file", b"HOST = 'the new <host>'\n")}
    binary: Tree = {**tree, "program/main.py": file("file", bytes(range(64)))}
    for one in (binary, bad):
        with contextlib.suppress(Refusal):
            road.compose(house, Kind.UPDATE, NOW, archive.write(one))
    yield made
    made.end()


def said(small: Small, *words: str) -> Result:
    """What the command line answers."""
    return CliRunner().invoke(main, ["-C", str(small.source), *words])


def seqs(small: Small) -> list[int]:
    """The numbers of the refusals, newest first."""
    return [one.seq for one in refusals.recent(small.house(), 5)]


def shown(small: Small, path: str) -> tuple[str, str]:
    """(status, text) of a page of the console."""
    told: list[str] = []
    path, _, query = path.partition("?")
    environ: dict[str, object] = {
        "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "wsgi.input": io.BytesIO(),
    }  # fmt: skip
    answer = pages(small.house())(environ, lambda status, _headers: told.append(status))
    text = b"".join(answer).decode()
    shape = Shape()
    shape.feed(text)
    assert shape.open == []
    return told[0], text


def test_the_last_refusal_is_told_again(small: Small) -> None:
    done = said(small, "why")
    assert done.exit_code == 0
    assert "small: not composed. One file is not the approved bytes." in done.output
    assert "program/host.py" in done.output
    assert "next, commit" in done.output
    assert "承認内容と異なる" in said(small, "--lang", "ja", "why").output


def test_one_refusal_is_told_by_its_number(small: Small) -> None:
    newest, older = seqs(small)
    assert "program/main.py" in said(small, "why", str(older)).output
    facts = json.loads(said(small, "--json", "why", str(newest)).output)
    assert (facts["seq"], facts["code"]) == (newest, "contaminated")
    for number in ("1", "9999"):
        done = said(small, "why", number)
        assert (done.exit_code, "no refusal of compose or verify" in done.output) == (1, True)


def test_the_page_is_written_to_a_file_to_be_sent(small: Small, tmp_path: Path) -> None:
    place = tmp_path / "why.html"
    assert said(small, "--lang", "ja", "why", "--html", str(place)).exit_code == 0
    text = place.read_text("utf-8")
    Shape().feed(text)
    assert text.startswith("<!doctype html>")
    assert "the new &lt;host&gt;" in text
    assert '<html lang="ja">' in text


def test_a_closer_look_at_a_binary_is_kept(small: Small) -> None:
    newest, older = seqs(small)
    assert "warifu why --look" in said(small, "why", str(older)).output
    assert "@@" in said(small, "why", str(older), "--look").output
    done = said(small, "why", str(newest), "--look")
    assert (done.exit_code, "No closer look" in done.output) == (1, True)


@pytest.mark.parametrize(("language", "what"), [("ja", "対処"), ("en", "What to do")])
def test_the_console_shows_refusals_and_leads_to_each(
    small: Small, language: str, what: str
) -> None:
    status, home = shown(small, f"/?lang={language}")
    assert status.startswith("200")
    for seq in seqs(small):
        assert f"/refusals/{seq}?lang={language}" in home
        status, text = shown(small, f"/refusals/{seq}?lang={language}")
        assert (status[:3], what in text, "update" in text) == ("200", True, True)
    assert shown(small, "/refusals/1")[0].startswith("404")


def test_a_refusal_without_findings_is_told_in_its_words(small: Small) -> None:
    with pytest.raises(Refusal, match="archive-end"):
        road.compose(small.house(), Kind.REPAIR, NOW, b"no archive at all, and too short for one")
    seq = seqs(small)[0]
    assert "There is something behind the end" in said(small, "why").output
    _, text = shown(small, f"/refusals/{seq}")
    assert "書庫の終わり" in text
    assert "<table" not in text
