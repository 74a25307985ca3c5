"""The laws that the database itself holds: events stay, evidence stays, no VSA, no publication."""

from __future__ import annotations

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

KEPT = ("ledger_event", "ledger_evidence")

SQLITE_KEPT = """
CREATE TRIGGER {table}_kept_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
"""

SQLITE_EVIDENCE = """
CREATE TRIGGER ledger_publication_evidence_{verb} BEFORE {verb} ON ledger_publication
WHEN NOT EXISTS (
    SELECT 1 FROM ledger_evidence WHERE payload = NEW.evidence_id AND manifest = NEW.release
)
BEGIN SELECT RAISE(ABORT, 'nothing is published without a VSA of this release'); END
"""

POSTGRES = """
CREATE FUNCTION ledger_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;

CREATE TRIGGER ledger_event_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_event
FOR EACH STATEMENT EXECUTE FUNCTION ledger_kept();

CREATE TRIGGER ledger_evidence_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_evidence
FOR EACH STATEMENT EXECUTE FUNCTION ledger_kept();

CREATE FUNCTION ledger_evidenced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM ledger_evidence WHERE payload = NEW.evidence_id AND manifest = NEW.release
    ) THEN
        RAISE EXCEPTION 'nothing is published without a VSA of this release';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER ledger_publication_evidence BEFORE INSERT OR UPDATE ON ledger_publication
FOR EACH ROW EXECUTE FUNCTION ledger_evidenced();
"""


def lay_down(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Create the triggers in this database's own tongue."""
    del apps
    if editor.connection.vendor == "postgresql":
        editor.execute(POSTGRES, params=None)
        return
    for verb in ("UPDATE", "DELETE"):
        for table in KEPT:
            editor.execute(SQLITE_KEPT.format(table=table, verb=verb), params=None)
    for verb in ("INSERT", "UPDATE"):
        editor.execute(SQLITE_EVIDENCE.format(verb=verb), params=None)


class Migration(migrations.Migration):
    """One way only: a law is not taken back by a migration."""

    dependencies = [("ledger", "0001_initial")]
    operations = [migrations.RunPython(lay_down)]
