"""The real web process on a folder, for tests: `python -m tests.web.server FOLDER PORT`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from warifu.model.outcomes import Receipt
from warifu.web.files import App, Files, FolderShelf
from warifu.web.gate import Gate
from warifu.web.serve import serve
from warifu_wire import atomic, canonical
from warifu_wire.canonical import Json
from warifu_wire.digest import of_bytes
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Refusal


class FileIntake:
    """Reports as files, one each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def enrol(self, key: Json, now: datetime) -> str:
        """An id that follows from the key."""
        return of_bytes(canonical.dumps(key))[:32]

    def accept(self, envelopes: Sequence[Envelope], now: datetime) -> tuple[Receipt, ...]:
        """Write each one."""
        if not envelopes:
            raise Refusal("nothing-sent", needed="at least one report")
        for one in envelopes:
            atomic.write(self.folder / f"{one.digest}.json", one.to_bytes())
        return tuple(Receipt(one.digest) for one in envelopes)


def build(root: Path) -> App:
    """The gate over `root/public`, reports to `root/reports`."""
    (root / "reports").mkdir(exist_ok=True)
    return Gate(
        Files(FolderShelf(root / "public"), 600),
        FileIntake(root / "reports"),
        lambda: datetime.now(UTC),
    )


def main() -> None:
    """Serve until terminated; a refusal is one line and exit code 1."""
    root, port = Path(sys.argv[1]), int(sys.argv[2])
    address = sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1"
    try:
        serve(address, port, partial(build, root), trial=True)
    except Refusal as refusal:
        sys.exit(refusal.reason)


if __name__ == "__main__":
    main()
