"""Rows for reading. Two tables are real ones, because the database guards them (evidence law)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from warifu.engines.ledger import models, record
from warifu.model import chain
from warifu.model.ledger import Row
from warifu_wire.canonical import Json


def read(alias: str, table: str, key: str) -> Mapping[str, Json] | None:
    """The value of one row, or None."""
    found: models.Evidence | models.Publication | models.Row | None
    match table:
        case chain.EVIDENCE:
            found = models.Evidence.objects.using(alias).filter(payload=key).first()
        case chain.PUBLICATION:
            found = models.Publication.objects.using(alias).filter(release=key).first()
        case _:
            found = models.Row.objects.using(alias).filter(table=table, key=key).first()
    return None if found is None else record.mapping(found.value)


def read_all(alias: str, table: str) -> list[tuple[str, Mapping[str, Json]]]:
    """All rows of a table, by the code points of their keys on every database."""
    found: Iterable[tuple[str, str]]
    match table:
        case chain.EVIDENCE:
            found = models.Evidence.objects.using(alias).values_list("payload", "value")
        case chain.PUBLICATION:
            found = models.Publication.objects.using(alias).values_list("release", "value")
        case _:
            rows = models.Row.objects.using(alias).filter(table=table)
            found = rows.values_list("key", "value")
    return [(key, record.mapping(value)) for key, value in sorted(found)]


def write(alias: str, row: Row) -> None:
    """Make the row's value the one that is read; None takes it away. Raises `Refusal`."""
    match row.table:
        case chain.EVIDENCE:
            _write_evidence(alias, row)
        case chain.PUBLICATION:
            _write_publication(alias, row)
        case _:
            _write_row(alias, row)


def _write_row(alias: str, row: Row) -> None:
    rows = models.Row.objects.using(alias)
    if row.value is None:
        rows.filter(table=row.table, key=row.key).delete()
        return
    rows.bulk_create(
        [models.Row(table=row.table, key=row.key, value=record.text(row.value))],
        update_conflicts=True,
        unique_fields=["table", "key"],
        update_fields=["value"],
    )


def _write_evidence(alias: str, row: Row) -> None:
    value = chain.evidence(row, read(alias, chain.EVIDENCE, row.key))
    if value is not None:
        models.Evidence.objects.using(alias).create(
            payload=row.key,
            artifact=str(value["artifact"]),
            manifest=str(value["manifest"]),
            value=record.text(value),
        )


def _write_publication(alias: str, row: Row) -> None:
    rows = models.Publication.objects.using(alias)
    if row.value is None:
        rows.filter(release=row.key).delete()
        return
    named = chain.rests_on(row.value)
    chain.published(row, read(alias, chain.EVIDENCE, named))
    rows.bulk_create(
        [models.Publication(release=row.key, evidence_id=named, value=record.text(row.value))],
        update_conflicts=True,
        unique_fields=["release"],
        update_fields=["evidence", "value"],
    )
