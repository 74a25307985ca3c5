"""What the ledger tells of, loaded again and verified anew: compositions, programs, changes."""

from __future__ import annotations

from warifu.app.wiring import House
from warifu.model.approval import Change, change
from warifu.model.composition import Composition, recall
from warifu.model.downloads import Contents
from warifu.model.ledger import Event
from warifu.model.verification import Verified, verified
from warifu_wire import canonical, manifest, routes
from warifu_wire.digest import Digest, digest
from warifu_wire.errors import Refusal
from warifu_wire.fields import rows
from warifu_wire.manifest import Kind


def composed(house: House, kind: Kind) -> Composition:
    """The last composition of a kind from the commit that warifu.toml approves."""
    wanted = house.config.program
    for event in reversed(list(house.ledger.events(kind="composition.made"))):
        made = recall(event.facts, house.depot, house.statements)
        here = (made.product, made.kind, made.source) == (wanted.product, kind, wanted.approved)
        if here and dict(made.labels) == dict(wanted.labels):
            return made
    raise Refusal("not-composed", needed=f"`warifu compose --kind {kind}` first", kind=kind)


def contents(house: House, release: Digest) -> Contents | None:
    """What tells a release at a web server from the others; None when it was never published."""
    files: dict[str, set[Digest]] = {}
    archive = None
    for key, row in house.ledger.rows("publication"):
        found = manifest.parse(house.depot.get(digest(key)))
        files[key] = {one.sha256 for one in found.members}
        archive = digest(row["artifact"]) if key == release else archive
    if archive is None:
        return None
    others = (had for key, had in files.items() if key != release)
    return Contents(archive, frozenset(files[release].difference(*others)))


def program(house: House, release: Digest) -> Verified:
    """A verified program by its release id; every signature under it is checked again."""
    made = _last(house, "composition.made", release)
    checked = _last(house, "verification.completed", release)
    composition = recall(made.facts, house.depot, house.statements)
    facts = checked.facts
    named = [*rows(facts["results"]), facts["verdict"], facts["evidence"]]
    current = house.repository.current(house.product)
    return verified(
        composition,
        [house.statements.get(digest(one)) for one in named],
        current.rules,
        current.people,
    )


def proposal(house: House) -> Change:
    """The open proposal of the product, with its programs; raises `Refusal` when there is none."""
    row = house.ledger.row("proposal", house.product)
    if row is None:
        raise Refusal("nothing-proposed", needed="`warifu sign` to propose", product=house.product)
    found = routes.read(canonical.dumps(row["routes"]), house.product)
    return change(found, tuple(program(house, one.id) for one in found.offers))


def proposed(house: House, wanted: Digest) -> Change:
    """The proposal of that digest, while it is the open one."""
    found = proposal(house)
    if found.digest != wanted:
        raise Refusal("proposal-replaced", needed=found.digest, found=wanted)
    return found


def _last(house: House, kind: str, release: Digest) -> Event:
    found = list(house.ledger.events(kind=kind, subject=release))
    if not found:
        raise Refusal("not-verified", needed=f"an event {kind} of it", release=release)
    return found[-1]
