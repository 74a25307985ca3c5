"""The download window: redeem, receive, renew, revoke; each one change, each safe to repeat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from warifu_ca import codes, issuing, keys, letters, revoking
from warifu_ca.asked import Asked, malformed
from warifu_ca.authority import Authority
from warifu_ca.issuing import Issued
from warifu_ca.letters import Letter
from warifu_ca.store import Change
from warifu_wire import times
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Refusal

RENEWAL = timedelta(days=120)


@dataclass(frozen=True, slots=True)
class Handed:
    """What a redemption or a renewal hands over."""

    issued: Issued
    pkcs12: bytes | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """That a certificate arrived, and when this was first said."""

    issued: Issued
    at: str


def redeem(authority: Authority, asked: Asked) -> Handed:
    """The letter's certificate: made once, handed over as often as asked with the same key.

    A wrong PIN is refused after its count is on disk, so the refusal cannot undo it.
    """
    reference = _reference(asked)
    with authority.store.change() as change:
        letter = letters.find(change.db, reference)
        _usable(letter)
        refusal = None if asked.signed_by_letter(letter.verifier) else _wrong(change, letter)
        if refusal is None:
            return _redeem(change, authority, letter, asked)
    raise refusal


def receive(authority: Authority, asked: Asked) -> Receipt:
    """Record that the certificate arrived; a key made here is deleted with it."""
    with authority.store.change() as change:
        issued = _proven(change, asked)
        if (found := asked.text("certificate")) != issued.sha256:
            raise Refusal(
                "receipt-differs", needed="the bytes issued", issued=issued.sha256, found=found
            )
        if asked.fields["reference"] != issued.reference:
            raise malformed("reference")
        if issued.received_at is not None:
            return Receipt(issued, issued.received_at)
        at = times.spell(change.now)
        change.db.execute(
            "UPDATE certificate SET received_at = ? WHERE serial = ?", (at, issued.serial)
        )
        change.db.execute(
            "UPDATE letter SET received_at = ?, pkcs12 = NULL WHERE reference = ?",
            (at, issued.reference),
        )
        change.tell(
            "received",
            {
                "certificate": issued.sha256,
                "member": issued.holder.member,
                "serial": issued.serial,
            },
        )
        _keep(change, asked, issued)
    if issued.key == "authority":
        authority.store.forget()
    return Receipt(issued, at)


def renew(authority: Authority, asked: Asked) -> Handed:
    """A successor with a new key, asked for with the old one while that is valid."""
    with authority.store.change() as change:
        old = _proven(change, asked)
        public = issuing.request(_csr(asked), issuing.renewed_profile(old.profile).keys)
        if (made := issuing.successor(change.db, old.serial)) is not None:
            return _same(change, made, public)
        _renewable(change, old)
        successor = issuing.issue(
            change,
            authority,
            issuing.renewed_profile(old.profile),
            old.holder,
            public,
            made_by="member",
            renews=old.serial,
        )
        _keep(change, asked, successor)
        return Handed(successor, None)


def revoke(authority: Authority, asked: Asked) -> revoking.Revoked:
    """Revoke the certificate whose own key asks for it."""
    reason = asked.text("reason")
    if reason not in revoking.BY_MEMBER:
        raise malformed("reason")
    with authority.store.change() as change:
        issued = _proven(change, asked)
        if (before := revoking.find(change.db, issued.serial)) is not None:
            return before
        _keep(change, asked, issued)
        return revoking.record(change, issued.serial, reason)


def evidence(authority: Authority, serial: str) -> list[tuple[str, bytes]]:
    """What was signed about a certificate, as (action, envelope), in the order it came."""
    rows = authority.store.db.execute(
        "SELECT action, envelope FROM request WHERE serial = ? ORDER BY rowid", (serial,)
    )
    return [(row["action"], row["envelope"]) for row in rows]


def _keep(change: Change, asked: Asked, about: Issued) -> None:
    """Keep the member's own signature for what was done by it."""
    digest, action = of_bytes(asked.envelope), asked.text("action")
    change.db.execute(
        "INSERT INTO request VALUES (?, ?, ?, ?)", (digest, action, about.serial, asked.envelope)
    )
    change.tell("asked", {"action": action, "request": digest, "serial": about.serial})


def _reference(asked: Asked) -> str:
    try:
        return codes.reference(asked.text("reference"))
    except Refusal as error:
        raise malformed("reference") from error


def _usable(letter: Letter) -> None:
    if letter.locked_at is not None:
        raise Refusal("letter-locked", needed="a new letter", at=letter.locked_at)
    if letter.void_at is not None:
        raise Refusal("letter-void", needed="the newer letter", at=letter.void_at)


def _wrong(change: Change, letter: Letter) -> Refusal:
    """Count a wrong PIN; the fifth locks."""
    wrong = letter.wrong + 1
    locked = times.spell(change.now) if wrong == letters.TRIES else None
    change.db.execute(
        "UPDATE letter SET wrong = ?, locked_at = ? WHERE reference = ?",
        (wrong, locked, letter.reference),
    )
    change.tell("pin-wrong", {"reference": letter.reference, "wrong": wrong})
    if locked is not None:
        change.tell("letter-locked", {"reference": letter.reference})
    return Refusal("pin-wrong", needed="the PIN of the letter", remaining=letters.TRIES - wrong)


def _redeem(change: Change, authority: Authority, letter: Letter, asked: Asked) -> Handed:
    made = issuing.by_reference(change.db, letter.reference)
    if letter.profile.authority_key:
        return _hand_key(change, letter, made, asked)
    public = issuing.request(_csr(asked), letter.profile.keys)
    if made is not None:
        return _same(change, made, public)
    _open(change, letter)
    made = issuing.issue(
        change,
        authority,
        letter.profile,
        letter.holder,
        public,
        made_by="member",
        reference=letter.reference,
    )
    _keep(change, asked, made)
    return Handed(made, None)


def _hand_key(change: Change, letter: Letter, made: Issued | None, asked: Asked) -> Handed:
    if made is None or asked.fields["csr"] is not None:
        raise malformed("csr")
    if letter.received_at is not None:
        raise Refusal(
            "already-received", needed="a new letter", serial=made.serial, at=letter.received_at
        )
    _open(change, letter)
    change.db.execute(
        "UPDATE letter SET fetched_at = coalesce(fetched_at, ?) WHERE reference = ?",
        (times.spell(change.now), letter.reference),
    )
    change.tell("key-fetched", {"reference": letter.reference, "serial": made.serial})
    return Handed(made, letter.pkcs12)


def _same(change: Change, made: Issued, public: keys.PublicKey) -> Handed:
    """The certificate again, when it is asked for with the key it has: a transfer is finished."""
    if made.spki != keys.spki(public):
        raise Refusal(
            "already-issued",
            needed="the key of the first request, or a new letter",
            serial=made.serial,
            at=times.spell(made.not_before),
        )
    change.tell("handed-again", {"serial": made.serial})
    return Handed(made, None)


def _open(change: Change, letter: Letter) -> None:
    if change.now >= letter.closes_at:
        raise Refusal("window-closed", needed="a new letter", closed=times.spell(letter.closes_at))


def _proven(change: Change, asked: Asked) -> Issued:
    """The certificate a request names, when its key signed the request."""
    issued = issuing.by_serial(change.db, asked.text("serial"))
    if not asked.signed_by(keys.public_of(issued.certificate)):
        raise Refusal("signature-wrong", needed="a signature by the certificate's own key")
    return issued


def _csr(asked: Asked) -> bytes:
    found = asked.binary("csr")
    if found is None:
        raise malformed("csr")
    return found


def _renewable(change: Change, old: Issued) -> None:
    if (gone := revoking.find(change.db, old.serial)) is not None:
        raise Refusal("certificate-revoked", needed="a new letter", at=gone.at)
    ends = times.spell(old.not_after)
    if change.now > old.not_after:
        raise Refusal("certificate-expired", needed="a new letter", not_after=ends)
    if change.now < (opens := old.not_after - RENEWAL):
        raise Refusal(
            "renewal-too-early",
            needed="a date within 120 days of the end",
            not_after=ends,
            opens=times.spell(opens),
        )
