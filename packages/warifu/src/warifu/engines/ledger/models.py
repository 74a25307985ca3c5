"""The ledger's tables. Rows have no rules in them; triggers in the migrations hold the law."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

DIGEST = 64


class Event(models.Model):
    """One link of the chain; UPDATE and DELETE are refused by the database itself."""

    seq = models.BigIntegerField(primary_key=True)
    prev = models.CharField(max_length=DIGEST, unique=True)
    digest = models.CharField(max_length=DIGEST, unique=True)
    key = models.TextField(unique=True)
    kind = models.TextField()
    subject = models.TextField()
    by = models.TextField()
    source = models.CharField(max_length=1)
    at = models.DateTimeField()
    recorded = models.DateTimeField()
    facts = models.TextField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["kind", "seq"], name="event_kind"),
            models.Index(fields=["subject", "seq"], name="event_subject"),
        ]


class Row(models.Model):
    """What doors read: the latest value of a key in a named table, as canonical JSON."""

    table = models.TextField()
    key = models.TextField()
    value = models.TextField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["table", "key"], name="row_once")]


class Work(models.Model):
    """A side effect owed by an event; `visible` is when a worker may take it (again)."""

    event = models.ForeignKey(Event, on_delete=models.PROTECT, db_index=False)
    verb = models.TextField()
    subject = models.TextField()
    due = models.DateTimeField()
    facts = models.TextField()
    visible = models.DateTimeField()
    tries = models.IntegerField(default=0)
    why = models.TextField(default="")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["visible", "id"], name="work_visible")]


class Evidence(models.Model):
    """A recorded VSA: its payload digest, and the artifact and manifest it is about."""

    payload = models.CharField(max_length=DIGEST, primary_key=True)
    artifact = models.CharField(max_length=DIGEST)
    manifest = models.CharField(max_length=DIGEST)
    value = models.TextField()


class Publication(models.Model):
    """A published release; it cannot exist without the evidence of this very release."""

    release = models.CharField(max_length=DIGEST, primary_key=True)
    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT)
    value = models.TextField()
