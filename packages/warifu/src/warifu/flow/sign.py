"""Sign-off: a change is proposed whole, and persons sign exactly that digest, or nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from warifu.model.approval import Approved, Change, Page, approval, approved
from warifu.model.ledger import Draft, Event, Row
from warifu.model.ports import Ledger, Signer, Statements
from warifu_wire import times
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Malformed, Mismatch, Refusal, SignoffMissing, Stale
from warifu_wire.policy import People, Rules
from warifu_wire.routes import Routes
from warifu_wire.times import Instant


def propose(
    ledger: Ledger, change: Change, before: Routes | None, *, by: str, now: Instant
) -> Event:
    """Open a change for sign-off; it replaces, and so voids, an earlier proposal of the product."""
    routes = change.routes
    expected = 1 if before is None else before.seq + 1
    if routes.seq != expected:
        raise Stale("routes-not-next", needed=f"seq {expected}", found=routes.seq)
    if not routes.issued <= now < routes.sign_by:
        raise Stale("proposal-over", needed="a new proposal", until=times.spell(routes.sign_by))
    releases: list[Json] = [one.id for one in routes.offers]
    facts: dict[str, Json] = {
        "product": routes.product,
        "releases": releases,
        "routes_seq": routes.seq,
    }
    row = Row(
        "proposal", routes.product, {**facts, "digest": change.digest, "routes": routes.to_json()}
    )
    return ledger.append(
        Draft(
            "change.proposed",
            change.digest,
            now,
            by,
            facts,
            key=f"change.proposed/{change.digest}",
            rows=(row,),
        )
    )[0]


def sign(
    ledger: Ledger,
    statements: Statements,
    change: Change,
    page: Page,
    signer: Signer,
    rules: Rules,
    people: People,
    *,
    person: str,
    now: Instant,
) -> Event:
    """Record one person's signature over the open change and the page they were shown."""
    is_open(ledger, change)
    if now >= change.routes.sign_by:
        until = times.spell(change.routes.sign_by)
        raise Stale("proposal-over", needed="a new proposal", until=until)
    keyid = signer.public.keyid
    routes = change.envelope().signed(keyid, signer.sign)
    stated = approval(change, rules, person, page).envelope().signed(keyid, signer.sign)
    for one in (routes, stated):
        if person not in people.signed(one, "approver"):
            needed = f"an approver's key of {person}"
            raise SignoffMissing("not-your-key", needed=needed, person=person, key=keyid)
    statements.put(stated)
    row = Row(
        "signoff",
        f"{change.digest}/{person}",
        {
            "approval": stated.digest,
            "digest": change.digest,
            "keyid": keyid,
            "person": person,
            "sig": base64.b64encode(routes.signatures[0][1]).decode(),
        },
    )
    return ledger.append(
        Draft(
            "signoff.recorded",
            change.digest,
            now,
            person,
            {"approval": stated.digest, "language": page.language, "page": page.text},
            key=f"signoff.recorded/{change.digest}/{person}",
            rows=(row,),
        )
    )[0]


def consent(
    ledger: Ledger,
    statements: Statements,
    envelope: Envelope,
    signer: Signer,
    people: People,
    *,
    subject: str,
    facts: Mapping[str, Json],
    person: str,
    now: Instant,
) -> Envelope:
    """Add one approver's signature to what is signed beside a change; all signatures so far.

    Raises `SignoffMissing` for a key that is not this approver's.
    """
    keyid = signer.public.keyid
    signed = envelope.signed(keyid, signer.sign)
    if person not in people.signed(signed, "approver"):
        needed = f"an approver's key of {person}"
        raise SignoffMissing("not-your-key", needed=needed, person=person, key=keyid)
    statements.put(signed)
    whole: dict[str, Json] = {**facts, "payload": envelope.digest, "type": envelope.payload_type}
    key = f"consent.recorded/{envelope.digest}/{person}"
    ledger.append(Draft("consent.recorded", subject, now, person, whole, key=key))
    return statements.get(envelope.digest)


def gather(
    ledger: Ledger, statements: Statements, change: Change, rules: Rules, people: People
) -> Approved:
    """The approved change as the ledger's sign-offs prove it now; raises `SignoffMissing`."""
    is_open(ledger, change)
    envelope = change.envelope()
    signatures: list[tuple[str, bytes]] = []
    stated: list[Envelope] = []
    for key, row in ledger.rows("signoff"):
        if not key.startswith(f"{change.digest}/"):
            continue
        match row:
            case {"keyid": str(keyid), "sig": str(sig), "approval": str(payload)}:
                signatures.append((keyid, base64.b64decode(sig)))
                stated.append(statements.get(Digest(payload)))
            case _:
                raise Malformed("not-a-signoff", needed="keyid, sig and approval", row=key)
    whole = Envelope(envelope.payload_type, envelope.payload, tuple(signatures))
    return approved(change, whole, tuple(stated), rules, people)


def is_open(ledger: Ledger, change: Change) -> None:
    """Raises unless this very change is the product's open proposal: an edit voids sign-offs."""
    row = ledger.row("proposal", change.routes.product)
    if row is None:
        raise Refusal("nothing-proposed", needed="a proposal", product=change.routes.product)
    if row["digest"] != change.digest:
        raise Mismatch(
            "proposal-replaced",
            needed=f"sign-offs of the open proposal {row['digest']}",
            found=change.digest,
        )
