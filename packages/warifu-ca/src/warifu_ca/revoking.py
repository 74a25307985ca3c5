"""Revocation: once, never taken back; and the lists that say so (RFC 5280 section 5)."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from warifu_ca import keys
from warifu_ca.authority import Authority
from warifu_ca.profiles import Issuer
from warifu_ca.store import Change
from warifu_wire import atomic, times
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Refusal

BY_MEMBER = ("keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation")
REASONS = (*BY_MEMBER, "cACompromise", "privilegeWithdrawn", "unspecified")
LIFETIME: dict[Issuer, timedelta] = {"issuing": timedelta(hours=48), "root": timedelta(days=180)}


@dataclass(frozen=True, slots=True)
class Revoked:
    """A certificate that ended before its time."""

    serial: str
    at: str
    reason: str


def find(db: sqlite3.Connection, serial: str) -> Revoked | None:
    """The revocation of a serial number, if any."""
    row = db.execute("SELECT * FROM revocation WHERE serial = ?", (serial,)).fetchone()
    return None if row is None else Revoked(row["serial"], row["at"], row["reason"])


def revoke(authority: Authority, serial: str, reason: str = "unspecified") -> Revoked:
    """Revoke a certificate by order of the authority; repeating returns the first revocation."""
    with authority.store.change() as change:
        return record(change, serial, reason)


def record(change: Change, serial: str, reason: str) -> Revoked:
    """Record inside the caller's change; raises `Refusal` (serial-unknown, reason-unknown)."""
    if reason not in REASONS:
        raise Refusal("reason-unknown", needed=" | ".join(REASONS), reason=reason)
    row = change.db.execute("SELECT * FROM certificate WHERE serial = ?", (serial,)).fetchone()
    if row is None:
        raise Refusal("serial-unknown", needed="a serial number of this authority", serial=serial)
    if (before := find(change.db, serial)) is not None:
        return before
    made = Revoked(serial, times.spell(change.now), reason)
    change.db.execute("INSERT INTO revocation VALUES (?, ?, ?)", (made.serial, made.at, reason))
    change.tell(
        "revoked",
        {
            "certificate": row["sha256"],
            "member": row["member"],
            "reason": reason,
            "serial": serial,
        },
    )
    return made


def publish_list(authority: Authority, issuer: Issuer = "issuing") -> bytes:
    """Sign, record and write a new CRL (DER) as `<issuer>.crl`; its number only ever rises.

    The number is at least the time in seconds, so a store brought back from a copy does not fall
    behind the lists it signed before.
    """
    with authority.store.change() as change:
        number = _next_number(change, issuer)
        der, count = _signed(change, authority, issuer, number)
        change.db.execute(
            "INSERT INTO crl VALUES (?, ?, ?, ?, ?, ?)",
            (
                issuer,
                number,
                times.spell(change.now),
                times.spell(change.now + LIFETIME[issuer]),
                count,
                of_bytes(der),
            ),
        )
        change.tell("crl", {"issuer": issuer, "number": number, "revoked": count})
        atomic.write(authority.folder / f"{issuer}.crl", der)
    return der


def _next_number(change: Change, issuer: Issuer) -> int:
    row = change.db.execute("SELECT max(number) FROM crl WHERE issuer = ?", (issuer,)).fetchone()
    return max((row[0] or 0) + 1, int(change.now.timestamp()))


def _signed(change: Change, authority: Authority, issuer: Issuer, number: int) -> tuple[bytes, int]:
    key, certificate = authority.signer(issuer, change.now)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(certificate.subject)
        .last_update(change.now)
        .next_update(change.now + LIFETIME[issuer])
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(keys.public_of(certificate)), False
        )
        .add_extension(x509.CRLNumber(number), False)
    )
    rows = change.db.execute(
        """SELECT revocation.* FROM revocation JOIN certificate USING (serial)
           WHERE issuer = ? ORDER BY revocation.serial""",
        (issuer,),
    ).fetchall()
    for row in rows:
        builder = builder.add_revoked_certificate(_entry(row))
    made = builder.sign(key, keys.hash_for(key))
    return made.public_bytes(Encoding.DER), len(rows)


def _entry(row: sqlite3.Row) -> x509.RevokedCertificate:
    entry = (
        x509.RevokedCertificateBuilder()
        .serial_number(int(row["serial"], 16))
        .revocation_date(times.read(row["at"]))
    )
    if row["reason"] != "unspecified":  # RFC 5280 section 5.3.1: absent instead
        entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags(row["reason"])), False)
    return entry.build()


def refresh(authority: Authority) -> None:
    """Publish the issuing list when it is missing, lacks a revocation, or has lived half its life.

    The root's key is for people: its list is made by `init` and by `crl --root`.
    """
    if _due(authority, "issuing"):
        publish_list(authority, "issuing")


def _due(authority: Authority, issuer: Issuer) -> bool:
    db, now = authority.store.db, authority.store.now()
    row = db.execute(
        "SELECT * FROM crl WHERE issuer = ? ORDER BY number DESC LIMIT 1", (issuer,)
    ).fetchone()
    if row is None or not (authority.folder / f"{issuer}.crl").exists():
        return True
    revoked = db.execute(
        "SELECT count(*) FROM revocation JOIN certificate USING (serial) WHERE issuer = ?",
        (issuer,),
    ).fetchone()[0]
    half = times.read(row["at"]) + LIFETIME[issuer] / 2
    return bool(revoked != row["revoked"] or now >= half)
