"""Our own web server's download log: what was sent, to which name of the day, and never more."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from warifu.engines.traffic.store import SqliteTraffic
from warifu.engines.traffic.weblog import WebLog
from warifu.model.downloads import Contents
from warifu.testing import memory_signer
from warifu.web.downloads import LoggedFiles
from warifu.web.files import Files, FolderShelf
from warifu_wire.digest import of_bytes
from warifu_wire.pseudonym import pseudonym

NOW = datetime(2012, 2, 5, 5, tzinfo=UTC)
DATA = bytes(range(256)) * 2_000
ARCHIVE = of_bytes(DATA)
PLACE = f"/targets/programs/tool/{ARCHIVE}.x.zip"


@pytest.fixture
def files(tmp_path: Path) -> LoggedFiles:
    """A tree with one archive."""
    path = tmp_path / "public" / PLACE[1:]
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA)
    (tmp_path / "public" / "metadata").mkdir()
    (tmp_path / "public" / "metadata" / "timestamp.json").write_text("{}")
    return LoggedFiles(Files(FolderShelf(tmp_path / "public"), 600), tmp_path / "log", lambda: NOW)


def ask(files: LoggedFiles, path: str = PLACE, machine: str = "", **told: str) -> Iterable[bytes]:
    """One request, its body not yet read."""
    asked = {"PATH_INFO": path, "REQUEST_METHOD": "GET", "HTTP_WARIFU_MACHINE": machine, **told}
    return files(dict[str, object](asked), lambda status, headers: (status, headers))


def lines(folder: Path) -> list[dict[str, str]]:
    """What was logged."""
    log = folder / "log"
    return [json.loads(one) for one in log.read_text().splitlines()] if log.exists() else []


def test_one_line_an_answer(tmp_path: Path, files: LoggedFiles) -> None:
    """Whole, in part, cut off by the other side, missing; checks for news leave no line."""
    assert b"".join(ask(files)) == DATA
    assert b"".join(ask(files, HTTP_RANGE="bytes=500000-")) == DATA[500_000:]
    left = iter(ask(files))
    next(left)
    left.close()  # type: ignore[attr-defined]
    b"".join(ask(files, "/blobs/00/none.zst"))
    b"".join(ask(files, "/metadata/timestamp.json"))
    found = [(one["status"], one["sent"], one["range"]) for one in lines(tmp_path)]
    assert found == [
        ("200", "512000", ""),
        ("206", "12000", "bytes 500000-511999/512000"),
        ("200", "0", ""),
        ("404", "0", ""),
    ]


def test_read_as_nginx_s_own(tmp_path: Path, files: LoggedFiles) -> None:
    """The reader resolves it to the machine: one download, after a restart in the middle."""
    traffic = SqliteTraffic(tmp_path / "traffic.sqlite")
    web = WebLog(tmp_path / "traffic.sqlite")
    mine = traffic.enrol(memory_signer("a").public.to_json(), NOW)
    name = pseudonym(mine, NOW)
    b"".join(ask(files, machine=name, HTTP_RANGE="bytes=0-299999"))
    b"".join(ask(files, machine=name, HTTP_RANGE="bytes=300000-"))
    assert web.read(tmp_path / "log").files == 2
    contents = Contents(ARCHIVE, frozenset())
    (found,) = web.downloads(contents, NOW, datetime(2012, 2, 6, tzinfo=UTC))
    assert (found.installation, found.at) == (mine, NOW)
    traffic.close()
    web.close()


def test_a_large_log_gives_way(tmp_path: Path, files: LoggedFiles) -> None:
    """It is renamed, and no line is lost to the reader."""
    web = WebLog(tmp_path / "traffic.sqlite")
    small = LoggedFiles(
        Files(FolderShelf(tmp_path / "public"), 600), tmp_path / "log", lambda: NOW, large=1_000
    )
    read = 0
    for _ in range(20):
        b"".join(ask(small))
        read += web.read(tmp_path / "log").lines
    assert read == 20
    assert (tmp_path / "log.1").exists()
    assert web.unresolved(ARCHIVE) == 20
    web.close()
