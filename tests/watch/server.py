"""The real web process with its own log and traffic: `python -m tests.watch.server FOLDER PORT`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from warifu.engines.traffic.store import SqliteTraffic
from warifu.web.downloads import LoggedFiles
from warifu.web.files import App, Files, FolderShelf
from warifu.web.gate import Gate
from warifu.web.serve import serve


def clock() -> datetime:
    """The time now."""
    return datetime.now(UTC)


def build(folder: Path) -> App:
    """The gate over `folder/public`, logging to `folder/downloads.log`."""
    files = LoggedFiles(Files(FolderShelf(folder / "public"), 600), folder / "downloads.log", clock)
    return Gate(files, SqliteTraffic(folder / "traffic.sqlite"), clock)


if __name__ == "__main__":
    serve("127.0.0.1", int(sys.argv[2]), partial(build, Path(sys.argv[1])), trial=True)
