"""Letters: a reference number and a PIN for one member and one certificate, for 30 days."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from warifu_ca import codes, issuing, keys, profiles, revoking
from warifu_ca.authority import Authority
from warifu_ca.names import Holder
from warifu_ca.profiles import Profile
from warifu_ca.store import Change
from warifu_wire import times
from warifu_wire.errors import Refusal
from warifu_wire.times import Instant

JAPAN = timezone(timedelta(hours=9), "JST")
WINDOW = 30  # whole days after the day the letter is sent
TRIES = 5


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter as the authority remembers it: the PIN is not among it."""

    reference: str
    holder: Holder
    profile: Profile
    verifier: bytes
    sent_at: Instant
    closes_at: Instant
    wrong: int
    locked_at: str | None
    void_at: str | None
    received_at: str | None
    pkcs12: bytes | None

    @property
    def remaining(self) -> int:
        """Wrong PINs left before the lock."""
        return TRIES - self.wrong


@dataclass(frozen=True, slots=True)
class Sealed:
    """A fresh letter with the PIN to print; it exists nowhere else."""

    reference: str
    pin: str
    holder: Holder
    profile: Profile
    sent_at: Instant
    closes_at: Instant


def closing(sent: Instant) -> Instant:
    """The end of the 30th day, in Japan, after the day the letter is sent."""
    day = sent.astimezone(JAPAN).date() + timedelta(days=WINDOW + 1)
    return datetime(day.year, day.month, day.day, tzinfo=JAPAN)


def write(
    authority: Authority,
    who: Holder,
    profile: str = issuing.DEFAULT,
    kind: str = "rsa-2048",
) -> Sealed:
    """A letter for one member; an earlier unused one becomes void. Raises `Refusal`.

    With a compatibility profile the key (`kind`) and its certificate are made now.
    """
    rules = profiles.load(profile)
    if not rules.holder:
        raise Refusal("profile-not-allowed", needed="a profile for members", profile=profile)
    draft = _draft(rules, who, kind)
    with authority.store.change() as change:
        return _write(change, authority, draft)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found: keys deleted, certificates revoked."""

    deleted: int
    revoked: int


def sweep(authority: Authority) -> Swept:
    """Delete keys made here once their window closed; revoke what nobody ever fetched."""
    with authority.store.change() as change:
        rows = change.db.execute(
            "SELECT reference, fetched_at FROM letter WHERE pkcs12 IS NOT NULL AND closes_at <= ?",
            (times.spell(change.now),),
        ).fetchall()
        unfetched = [row["reference"] for row in rows if row["fetched_at"] is None]
        for reference in unfetched:
            _void(change, reference)
        for row in rows:
            if row["fetched_at"] is not None:
                change.db.execute(
                    "UPDATE letter SET pkcs12 = NULL WHERE reference = ?", (row["reference"],)
                )
                change.tell("key-deleted", {"reference": row["reference"]})
    if rows:
        authority.store.forget()
    return Swept(len(rows), len(unfetched))


def find(db: sqlite3.Connection, reference: str) -> Letter:
    """The letter of this reference number; raises `Refusal` (reference-unknown)."""
    row = db.execute("SELECT * FROM letter WHERE reference = ?", (reference,)).fetchone()
    if row is None:
        raise Refusal("reference-unknown", needed="the reference number printed in the letter")
    return Letter(
        reference=row["reference"],
        holder=Holder(row["member"], row["name"], row["roman"]),
        profile=profiles.load(row["profile"]),
        verifier=row["verifier"],
        sent_at=times.read(row["sent_at"]),
        closes_at=times.read(row["closes_at"]),
        wrong=row["wrong"],
        locked_at=row["locked_at"],
        void_at=row["void_at"],
        received_at=row["received_at"],
        pkcs12=row["pkcs12"],
    )


@dataclass(frozen=True, slots=True)
class _Draft:
    """What takes time is made before the transaction: the verifier, and a key where we make it."""

    reference: str
    pin: str
    verifier: bytes
    holder: Holder
    profile: Profile
    key: keys.PrivateKey | None


def _draft(profile: Profile, who: Holder, kind: str) -> _Draft:
    reference, pin = codes.new_reference(), codes.new_pin()
    if profile.authority_key and kind not in profile.keys:
        raise Refusal("key-not-allowed", needed=" | ".join(profile.keys), found=kind)
    key = keys.make(kind) if profile.authority_key else None
    return _Draft(reference, pin, codes.verifier(reference, pin), who, profile, key)


def _write(change: Change, authority: Authority, draft: _Draft) -> Sealed:
    db, who = change.db, draft.holder
    for row in db.execute(
        """SELECT reference FROM letter LEFT JOIN certificate USING (reference)
           WHERE letter.member = ? AND void_at IS NULL
             AND (serial IS NULL OR (pkcs12 IS NOT NULL AND fetched_at IS NULL))""",
        (who.member,),
    ).fetchall():
        _void(change, row["reference"])
    closes = closing(change.now)
    db.execute(
        """INSERT INTO letter
             (reference, member, name, roman, profile, verifier, sent_at, closes_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            draft.reference,
            who.member,
            who.name,
            who.roman,
            draft.profile.id,
            draft.verifier,
            times.spell(change.now),
            times.spell(closes),
        ),
    )
    change.tell(
        "letter",
        {
            "closes": times.spell(closes),
            "member": who.member,
            "profile": draft.profile.id,
            "reference": draft.reference,
        },
    )
    if draft.key is not None:
        _with_key(change, authority, draft, draft.key)
    return Sealed(draft.reference, draft.pin, who, draft.profile, change.now, closes)


def _with_key(change: Change, authority: Authority, draft: _Draft, key: keys.PrivateKey) -> None:
    """The compatibility profile: certificate now, key kept under the letter's PIN until receipt."""
    made = issuing.issue(
        change,
        authority,
        draft.profile,
        draft.holder,
        key.public_key(),
        made_by="authority",
        reference=draft.reference,
    )
    change.db.execute(
        "UPDATE letter SET pkcs12 = ? WHERE reference = ?",
        (issuing.bundle(authority, key, made, draft.pin.encode("ascii")), draft.reference),
    )


def _void(change: Change, reference: str) -> None:
    """An unused letter ends; a key made for it is deleted and its certificate revoked."""
    change.db.execute(
        "UPDATE letter SET void_at = ?, pkcs12 = NULL WHERE reference = ?",
        (times.spell(change.now), reference),
    )
    change.tell("letter-void", {"reference": reference})
    if (made := issuing.by_reference(change.db, reference)) is not None:
        revoking.record(change, made.serial, "cessationOfOperation")
