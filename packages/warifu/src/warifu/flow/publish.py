"""Publication: takes an `Approved` and nothing else, enacts exactly the digest signed."""

from __future__ import annotations

import io

from warifu.model.approval import Approved, Published, again
from warifu.model.ledger import Draft, Event, Row, Work
from warifu.model.ports import Depot, Ledger, Origin, Repository
from warifu.model.tally import match
from warifu.model.verification import Verified
from warifu_wire import times
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.fields import whole
from warifu_wire.policy import People, Rules
from warifu_wire.times import Instant


def publish(
    ledger: Ledger,
    depot: Depot,
    approved: Approved,
    rules: Rules,
    people: People,
    *,
    by: str,
    now: Instant,
) -> Event:
    """Order the publication of an approved change; the approval is verified again first.

    Raises `Mismatch` naming both digests when the depot's bytes are not the approved ones.
    """
    sure = again(approved, rules, people)
    store_statements(depot, sure)
    match(files(sure), held(depot, sure))
    return ledger.append(
        Draft(
            "publication.ordered",
            sure.digest,
            now,
            by,
            {
                "product": sure.product,
                "releases": _releases(sure),
                "routes_seq": sure.change.routes.seq,
                "signed": list[Json](sorted(sure.signed)),
            },
            key=f"publication.ordered/{sure.digest}",
            work=(Work("enact", sure.digest, now, {"product": sure.product}),),
        )
    )[0]


def enact(
    ledger: Ledger,
    depot: Depot,
    repository: Repository,
    origin: Origin,
    approved: Approved,
    rules: Rules,
    people: People,
    *,
    now: Instant,
) -> Published:
    """Sign it into the tree, fetch it back from the public address, and say that it is open.

    Idempotent: what is already enacted is only fetched back.
    """
    sure = again(approved, rules, people)
    wanted = files(sure)
    match(wanted, held(depot, sure))
    repository.enact(sure.routes, wanted, depot, now)
    path = f"routes/{sure.product}.json"
    match({path: of_bytes(sure.routes.to_bytes())}, {path: _served(origin, path)})
    event = _opened(ledger, repository, sure, now)
    return Published(sure, whole(event.facts["tuf_version"]), times.spell(event.at))


def _opened(ledger: Ledger, repository: Repository, sure: Approved, now: Instant) -> Event:
    """The event of the opening: the first one, whatever the tree's version is by now."""
    for known in ledger.events(kind="publication.opened", subject=sure.digest):
        return known
    return ledger.append(
        Draft(
            "publication.opened",
            sure.digest,
            now,
            "publisher",
            {
                "issued": times.spell(sure.change.routes.issued),
                "product": sure.product,
                "releases": _releases(sure),
                "routes_seq": sure.change.routes.seq,
                "tuf_version": repository.current(sure.product).timestamp,
            },
            key=f"publication.opened/{sure.digest}",
            rows=tuple(_row(one, sure.digest) for one in sure.change.programs),
        )
    )[0]


def condense(
    ledger: Ledger, depot: Depot, repository: Repository, *, product: str, now: Instant
) -> Event:
    """Make patches to what is offered now, for those who hold something earlier.

    A release is published without them and complete: they only save members bytes. Idempotent.
    """
    road = repository.current(product).road
    seq = 0 if road is None else road.seq
    for known in ledger.events(kind="publication.condensed", subject=product):
        if known.facts["routes_seq"] == seq:
            return known
    made = repository.condense(product, depot, now)
    facts: dict[str, Json] = {"deltas": len(made), "product": product, "routes_seq": seq}
    key = f"publication.condensed/{product}/{seq}"
    return ledger.append(Draft("publication.condensed", product, now, "publisher", facts, key=key))[
        0
    ]


def files(approved: Approved) -> dict[str, Digest]:
    """Every target of the change by path, approval statements included."""
    product = approved.product
    stated = {
        f"statements/{product}/{one.digest}.json": of_bytes(one.to_bytes())
        for one in approved.approvals
    }
    return approved.change.files() | stated


def held(depot: Depot, approved: Approved) -> dict[str, Digest | None]:
    """What the depot really holds under each approved digest, hashed anew."""
    return {path: depot.found(wanted) for path, wanted in files(approved).items()}


def store_statements(depot: Depot, approved: Approved) -> None:
    """Lay the manifests and the envelopes beside the archives, under the digest of their bytes."""
    laid = [one.to_bytes() for one in approved.approvals]
    for program in approved.change.programs:
        laid.append(program.composition.manifest.to_bytes())
        laid += [one.to_bytes() for one in program.statements]
    for data in laid:
        depot.put(of_bytes(data), io.BytesIO(data))


def _served(origin: Origin, path: str) -> Digest | None:
    data = origin.read(path)
    return None if data is None else of_bytes(data)


def _releases(approved: Approved) -> list[Json]:
    return [one.composition.id for one in approved.change.programs]


def _row(program: Verified, change: Digest) -> Row:
    """A published release rests on its VSA: the ledger refuses the row where that is missing."""
    made = program.composition
    return Row(
        "publication",
        made.id,
        {
            "artifact": made.artifact,
            "change": change,
            "evidence": program.evidence,
            "kind": made.kind.value,
            "labels": dict(made.labels),
            "product": made.product,
        },
    )
