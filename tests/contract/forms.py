"""Which forms of an engine a contract suite runs on, and a fresh one of each."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from warifu.engines.depot.folder import FolderDepot
from warifu.engines.ledger.store import DatabaseLedger
from warifu.model.ports import Depot, Ledger
from warifu.testing import MemoryDepot, MemoryLedger

LEDGERS = ["memory", "sqlite"]
DEPOTS = ["memory", "folder"]


@dataclass
class Place:
    """Where the real forms live during one test."""

    folder: Path
    opened: list[DatabaseLedger] = field(default_factory=list)

    def ledger(self, form: str, *, now: Callable[[], datetime]) -> Ledger:
        """An empty ledger of a form."""
        if form == "memory":
            return MemoryLedger(now=now)
        made = DatabaseLedger(self.folder / f"{secrets.token_hex(4)}.sqlite", now=now)
        self.opened.append(made)
        return made

    def depot(self, form: str) -> Depot:
        """An empty depot of a form."""
        if form == "memory":
            return MemoryDepot()
        return FolderDepot(self.folder / secrets.token_hex(4))


@contextmanager
def a_place() -> Iterator[Place]:
    """A place that is gone afterwards, its databases given back."""
    with tempfile.TemporaryDirectory() as folder:
        made = Place(Path(folder))
        try:
            yield made
        finally:
            for ledger in made.opened:
                ledger.close()
