"""The ledger on a database: one append is one transaction, one writer at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import transaction
from django.db.models import QuerySet

from warifu.engines.ledger import database, models, record, tables
from warifu.model import chain
from warifu.model.ledger import GENESIS, Draft, Due, Event
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest

PAGE = 500


def clock() -> datetime:
    """The time now, UTC."""
    return datetime.now(UTC)


class DatabaseLedger:
    """`ports.Ledger` on SQLite (a path) or PostgreSQL (a `postgresql://` DSN)."""

    def __init__(self, where: str | Path, *, now: Callable[[], datetime] = clock) -> None:
        self.alias = database.connect(str(where))
        self._now = now

    def append(self, *drafts: Draft) -> tuple[Event, ...]:
        """Append in order, all or none; durable on return."""
        with self._writing():
            if database.is_postgres(self.alias):
                with database.connection(self.alias).cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [database.APPEND_LOCK])
            head, recorded = self._head(), self._now()
            appended = []
            for draft in drafts:
                known = self._events().filter(key=draft.key).first()
                if known is not None:
                    appended.append(chain.repeat(record.event(known), draft))
                    continue
                event = chain.link(draft, head, recorded)
                self._write(event, draft)
                head = (event.seq, event.digest)
                appended.append(event)
            return tuple(appended)

    def events(
        self, *, kind: str | None = None, subject: str | None = None, after: int = 0
    ) -> Iterator[Event]:
        """Events in order of seq, from `after` (exclusive)."""
        return (record.event(one) for one in self._pages(kind, subject, after))

    def head(self) -> tuple[int, Digest]:
        """The last event's seq and digest."""
        with database.faults(self.alias):
            return self._head()

    def row(self, table: str, key: str) -> Mapping[str, Json] | None:
        """One row for reading, or None."""
        with database.faults(self.alias):
            return tables.read(self.alias, table, key)

    def rows(self, table: str) -> Iterator[tuple[str, Mapping[str, Json]]]:
        """All rows of a table by key order."""
        with database.faults(self.alias):
            return iter(tables.read_all(self.alias, table))

    def claim(
        self, now: datetime, *, limit: int = 1, lease: int = 60, verbs: Collection[str] = ()
    ) -> Sequence[Due]:
        """Work due at `now`, of these verbs or of any; hidden from others for `lease` seconds."""
        with self._writing():
            free = models.Work.objects.using(self.alias).filter(visible__lte=now)
            if verbs:
                free = free.filter(verb__in=list(verbs))
            if database.is_postgres(self.alias):
                free = free.select_for_update(skip_locked=True)
            taken = list(free.order_by("visible", "id")[:limit])
            for one in taken:
                one.tries += 1
                one.visible = now + timedelta(seconds=lease)
            models.Work.objects.using(self.alias).bulk_update(taken, ["tries", "visible"])
            return [record.due(one) for one in taken]

    def done(self, due: Due) -> None:
        """The work is finished, whoever finished it: work is idempotent."""
        with self._writing():
            models.Work.objects.using(self.alias).filter(pk=due.number).delete()

    def again(self, due: Due, at: datetime, why: str) -> None:
        """The work is due again at `at`, unless its lease ran out and another worker has it."""
        with self._writing():
            mine = models.Work.objects.using(self.alias).filter(pk=due.number, tries=due.tries)
            mine.update(visible=at, why=why)

    def verify(self) -> int:
        """Re-hash the chain from the start; raises `Mismatch` at the first broken link."""
        pages = self._pages(None, None, 0)
        return chain.walk((record.event(one), Digest(one.digest)) for one in pages)

    def close(self) -> None:
        """Give this thread's connection back."""
        database.connection(self.alias).close()

    def _write(self, event: Event, draft: Draft) -> None:
        record.of_event(event).save(using=self.alias, force_insert=True)
        for row in draft.rows:
            tables.write(self.alias, row)
        models.Work.objects.using(self.alias).bulk_create(
            record.of_work(one, event.seq) for one in draft.work
        )

    def _head(self) -> tuple[int, Digest]:
        last = self._events().order_by("-seq").values_list("seq", "digest").first()
        return (0, GENESIS) if last is None else (last[0], Digest(last[1]))

    def _events(self) -> QuerySet[models.Event]:
        return models.Event.objects.using(self.alias)

    def _pages(self, kind: str | None, subject: str | None, after: int) -> Iterator[models.Event]:
        """Up to the head of now, page by page: no cursor stays open while the caller writes."""
        last = self.head()[0]
        asked: dict[str, str] = {}
        if kind is not None:
            asked["kind"] = kind
        if subject is not None:
            asked["subject"] = subject
        while after < last:
            with database.faults(self.alias):
                found = self._events().filter(seq__gt=after, seq__lte=last, **asked)
                page = list(found.order_by("seq")[:PAGE])
            yield from page
            after = page[-1].seq if len(page) == PAGE else last

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction; on SQLite it begins IMMEDIATE, so there is one writer."""
        with database.faults(self.alias), transaction.atomic(using=self.alias, durable=True):
            yield
