"""The audit and the signed export read from it: nothing of the past can be changed unnoticed."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest

from tests.ca import member
from tests.ca.conftest import Clock
from warifu_ca import audit, doors, export, issuing, keys, letters, names, revoking
from warifu_ca.authority import Authority
from warifu_wire import canonical, dsse
from warifu_wire.errors import Malformed, Refusal

ONE = names.Holder("0001", "会員 一号", "MEMBER 0001")


def lines(data: bytes) -> list[dict[str, Any]]:
    """The lines of an export."""
    envelope = dsse.parse(data, export.PAYLOAD_TYPE)
    found = [canonical.loads(line) for line in envelope.payload.splitlines()]
    assert all(isinstance(line, dict) for line in found)
    return found  # type: ignore[return-value]


def test_rows_of_the_past_can_be_neither_changed_nor_deleted(authority: Authority) -> None:
    private = member.key()
    made = issuing.from_csr(authority, ONE, member.csr(private))
    body = member.revocation(made.serial, private, authority.store.clock())
    assert doors.reply(authority, "POST", "/window/v1/revoke", body).status == 200
    db = authority.store.db
    for statement in (
        "UPDATE audit SET kind = 'nothing'",
        "DELETE FROM audit",
        "DELETE FROM certificate",
        "UPDATE certificate SET der = x'00'",
        "UPDATE certificate SET reference = NULL",
        "DELETE FROM revocation",
        "UPDATE revocation SET reason = 'superseded'",
        "DELETE FROM request",
        "UPDATE request SET envelope = x'00'",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            db.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET facts = replace(facts, '0001', '0002') WHERE kind = 'issued'",
        "UPDATE audit SET at = '2012-01-09T00:00:00Z' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 3",
        "UPDATE audit SET hash = 'x' || hash WHERE seq = 2",
        "UPDATE audit SET facts = '[]' WHERE seq = 1",
        "UPDATE audit SET facts = '{' WHERE seq = 1",
    ],
)
def test_a_change_made_behind_the_triggers_is_found(authority: Authority, statement: str) -> None:
    issuing.from_csr(authority, ONE, member.csr(member.key()))
    db = authority.store.db
    db.execute("DROP TRIGGER audit_is_not_changed")
    db.execute("DROP TRIGGER audit_is_not_shortened")
    list(audit.entries(db))
    db.execute(statement)
    with pytest.raises(Malformed):
        list(audit.entries(db))
    with pytest.raises(Malformed):
        export.export(authority)


def test_a_cut_off_end_does_not_fit_the_head_of_an_export(authority: Authority) -> None:
    issuing.from_csr(authority, ONE, member.csr(member.key()))
    [head, *_] = lines(export.export(authority))
    authority.store.db.execute("DROP TRIGGER audit_is_not_shortened")
    authority.store.db.execute("DELETE FROM audit WHERE seq = ?", (head["until"],))
    with pytest.raises(Refusal, match="since-unknown"):
        export.export(authority, head["until"])
    revoking.publish_list(authority)
    heads = {entry.seq: entry.hash for entry in audit.entries(authority.store.db)}
    assert heads[head["until"]] != head["head"]


def test_an_export_goes_on_where_the_last_one_ended(authority: Authority, clock: Clock) -> None:
    made = issuing.from_csr(authority, ONE, member.csr(member.key()))
    letters.write(authority, ONE)
    first = lines(export.export(authority))
    clock.advance(hours=1)
    revoking.revoke(authority, made.serial, "keyCompromise")
    second = lines(export.export(authority, first[0]["until"]))
    assert [line["kind"] for line in first] == ["head", "issued"]
    assert [line["kind"] for line in second] == ["head", "revoked"]
    assert second[1]["reason"] == "keyCompromise"
    assert second[1]["serial"] == first[1]["serial"] == made.serial
    assert second[1]["at"] == "2012-01-10T01:00:00Z"
    assert second[0]["since"] == first[0]["until"]
    assert lines(export.export(authority, second[0]["until"]))[0]["count"] == 0


def test_an_export_tells_of_members_only_and_one_bit_turned_breaks_it(
    authority: Authority,
) -> None:
    revoking.revoke(authority, f"{authority.certificates['tsa'].serial_number:x}")
    data = export.export(authority)
    assert [line["kind"] for line in lines(data)] == ["head"]
    envelope = dsse.parse(data, export.PAYLOAD_TYPE)
    key = keys.public_of(authority.certificates["export"])
    covered = dsse.pae(envelope.payload_type, envelope.payload)
    signature = envelope.signatures[0][1]
    assert keys.verifies(key, signature, covered)
    assert not keys.verifies(key, signature, covered[:-1] + bytes([covered[-1] ^ 1]))
    assert json.loads(data)["signatures"][0]["keyid"] == keys.spki(key)
