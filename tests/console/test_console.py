"""The console over HTTP, from a real `warifu serve`: what is published, and what is not well."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.web.running import ask, free_port, running

VOID = {"meta", "link", "br"}


class Shape(HTMLParser):
    """Refuses a page whose elements are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program in git, published by the road's own commands."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "program.py").write_text("print('it starts')\n")
    git = ["git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=n@example.org"]
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "first")):
        subprocess.run([*git, *words], check=True)
    return folder


@pytest.fixture(scope="module")
def address(source: Path) -> Iterator[str]:
    """The running house of that program."""
    port = free_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(source.parent / "data"))
        warifu = [sys.executable, "-m", "warifu.cli", "-C", str(source)]
        start = ["--start", "{python}", "--start", "program.py"]
        own = f"http://127.0.0.1:{port}"
        subprocess.run([*warifu, "init", *start, "--address", own], check=True)
        with running(*warifu, "serve", "--port", str(port), port=port):
            yield own


def page(address: str, path: str) -> str:
    status, headers, body = ask(address, path)
    assert status == 200, body
    assert headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in headers["content-security-policy"]
    text = body.decode()
    shape = Shape()
    shape.feed(text)
    assert shape.open == []
    assert "script" not in text
    return text


@pytest.mark.parametrize("path", ["/", "/ledger", "/keys"])
def test_every_page_is_in_two_languages_and_says_trial(address: str, path: str) -> None:
    japanese, english = page(address, path), page(address, f"{path}?lang=en")
    assert '<html lang="ja">' in japanese
    assert '<html lang="en">' in english
    assert "試用の鍵" in japanese
    assert "trial keys" in english


def test_a_living_worker_is_not_called_dead(address: str) -> None:
    for _ in range(100):
        if 'role="alert"' not in page(address, "/?lang=en"):
            return
        time.sleep(0.1)
    pytest.fail("the worker beats, and the page says it does not")


def test_keys_are_shown_with_state_and_owner(address: str) -> None:
    text = page(address, "/keys?lang=en")
    assert re.search(r"approver-1 <code>trial-[0-9a-f]{16}</code></td><td>active", text)


def test_what_is_not_there_says_why(address: str) -> None:
    for path in (f"/releases/{'0' * 64}", f"/incidents/{'0' * 64}", "/releases/short"):
        status, _, body = ask(address, f"{path}?lang=en")
        assert status == 404
        assert "Needed:" in body.decode()
        assert "Traceback" not in body.decode()


def test_pages_are_read_only(address: str) -> None:
    for path in ("/", "/ledger", "/keys"):
        assert ask(address, path, "POST", b"")[0] == 405


def test_files_come_before_pages(address: str) -> None:
    status, headers, _ = ask(address, "/metadata/timestamp.json")
    assert (status, headers["content-type"]) == (200, "application/json")
    status, headers, body = ask(address, "/console.css")
    assert (status, headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert len(body) < 4_000
