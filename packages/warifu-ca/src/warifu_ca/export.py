"""The issuance export: who was issued what, when; JSON Lines, signed (docs/ca-protocol.md)."""

from __future__ import annotations

from warifu_ca import audit, keys
from warifu_ca.authority import Authority
from warifu_wire import canonical, dsse, times
from warifu_wire.canonical import Json
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Refusal

PAYLOAD_TYPE = "application/vnd.warifu.issuance.v1+jsonl"
KINDS = ("issued", "received", "revoked")


def export(authority: Authority, since: int = 0) -> bytes:
    """The signed envelope of every event after audit entry `since`; the whole audit is re-hashed.

    Raises `Refusal` (since-unknown) when `since` lies beyond the audit, `Malformed` (audit-broken).
    """
    entries = list(audit.entries(authority.store.db))
    if not 0 <= since <= len(entries):
        raise Refusal("since-unknown", needed=f"a number up to {len(entries)}", since=since)
    told = [
        entry
        for entry in entries[since:]
        if entry.kind in KINDS and entry.facts["member"] is not None
    ]
    now = authority.store.now()
    head: dict[str, Json] = {
        "at": times.spell(now),
        "authority": of_bytes(authority.der("issuing")),
        "count": len(told),
        "format": 1,
        "head": entries[-1].hash,
        "kind": "head",
        "since": since,
        "until": len(entries),
    }
    lines = [head, *(_line(entry) for entry in told)]
    payload = b"".join(canonical.dumps(line) + b"\n" for line in lines)
    key, certificate = authority.signer("export", now)
    return (
        dsse.Envelope(PAYLOAD_TYPE, payload, ())
        .signed(keys.spki(keys.public_of(certificate)), lambda data: keys.sign(key, data))
        .to_bytes()
    )


def _line(entry: audit.Entry) -> dict[str, Json]:
    return {**entry.facts, "at": times.spell(entry.at), "kind": entry.kind, "seq": entry.seq}
