"""Moving a whole ledger to another database: the same chain, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from django.db import models as orm
from django.db import transaction

from warifu.engines.ledger import database, models
from warifu.engines.ledger.store import DatabaseLedger
from warifu_wire.errors import Mismatch, Refusal

BATCH = 1_000
KEYED: tuple[type[orm.Model], ...] = (models.Event, models.Evidence, models.Publication)
NUMBERED: tuple[type[orm.Model], ...] = (models.Row, models.Work)
"""Their numbers are the new database's own, so that its counters go on from there."""


def move(source: DatabaseLedger, target: DatabaseLedger) -> int:
    """Copy everything in one transaction and verify the copy; the number of events.

    Nobody may write meanwhile: the house is stopped. Raises `Refusal` when the target is not empty,
    `Mismatch` when the source's chain does not hold or the copy differs.
    """
    count = source.verify()
    if target.head()[0] or source.alias == target.alias:
        raise Refusal("not-empty", needed="an empty database", events=target.head()[0])
    with database.faults(target.alias), transaction.atomic(using=target.alias, durable=True):
        for kind in (*KEYED, *NUMBERED):
            for batch in _batches(kind, source.alias):
                kind._default_manager.using(target.alias).bulk_create(batch)
        if target.verify() != count or target.head() != source.head():
            raise Mismatch("moved-otherwise", needed=source.head()[1], found=target.head()[1])
    return count


def _batches(kind: type[orm.Model], alias: str) -> Iterator[list[orm.Model]]:
    records = kind._default_manager.using(alias).order_by("pk").iterator(BATCH)
    while batch := list(islice(records, BATCH)):
        for one in batch:
            one._state.adding, one._state.db = True, None
            if kind in NUMBERED:
                one.pk = None
        yield batch
