"""The law as types: `Verified --sign→ Approved`. A change is approved whole, with its routes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from warifu.model.verification import Verified, verified
from warifu_wire import dsse, policy, statements
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Malformed, Mismatch, Refusal, SignoffMissing
from warifu_wire.policy import People, Rules
from warifu_wire.routes import PAYLOAD_TYPE, Routes
from warifu_wire.statements import Predicate, Statement

APPROVER = "approver"


@dataclass(frozen=True, slots=True)
class Page:
    """The page a person was shown: digests of its facts and of its text, and its language."""

    facts: Digest
    text: Digest
    language: str


@dataclass(frozen=True, slots=True)
class Change:
    """A proposed change: the exact routes with their stage plans, and every program they offer."""

    routes: Routes
    programs: tuple[Verified, ...]

    @property
    def digest(self) -> Digest:
        """The sha256 of the routes payload; it covers the programs by id, file and evidence."""
        return of_bytes(self.routes.to_bytes())

    def envelope(self) -> Envelope:
        """The routes as the approvers sign them."""
        return dsse.seal(PAYLOAD_TYPE, self.routes.to_json())

    def files(self) -> dict[str, Digest]:
        """Every TUF target of the programs by path: manifests, archives, statements."""
        found: dict[str, Digest] = {}
        for program in self.programs:
            found |= files_of(program)
        return found


@dataclass(frozen=True, slots=True)
class Approved:
    """A change that M persons signed. Made by `approved` only, and again each time it is used."""

    change: Change
    routes: Envelope
    approvals: tuple[Envelope, ...]
    signed: frozenset[str]

    @property
    def product(self) -> str:
        """The product's name."""
        return self.change.routes.product

    @property
    def digest(self) -> Digest:
        """The digest that was signed."""
        return self.change.digest


@dataclass(frozen=True, slots=True)
class Published:
    """An approved change that was fetched back from the public address: version, and when."""

    approved: Approved
    timestamp: int
    at: str


def files_of(program: Verified) -> dict[str, Digest]:
    """The TUF targets of one program by path."""
    composition = program.composition
    product = composition.product
    told = {
        f"statements/{product}/{one.digest}.json": of_bytes(one.to_bytes())
        for one in program.statements
    }
    return told | release_files(product, composition.id, composition.artifact)


def release_files(product: str, release: Digest, archive: Digest) -> dict[str, Digest]:
    """What routes name of a release: its manifest and its archive by path."""
    return {
        f"manifests/{product}/{release}.json": release,
        f"programs/{product}/{archive}.zip": archive,
    }


def change(routes: Routes, programs: tuple[Verified, ...]) -> Change:
    """A change whose programs are exactly those its routes offer; raises `Mismatch`."""
    by_id = {one.composition.id: one for one in programs}
    if set(by_id) != {one.id for one in routes.offers}:
        raise Mismatch(
            "offers-unverified",
            needed="a verified program for every release the routes offer, and no other",
            offered=", ".join(sorted(one.id for one in routes.offers)),
            verified=", ".join(sorted(by_id)),
        )
    for offer in routes.offers:
        program = by_id[offer.id]
        found = program.composition
        told: dict[str, tuple[object, object]] = {
            "product": (routes.product, found.product),
            "kind": (offer.kind, found.kind),
            "labels": (dict(offer.labels), dict(found.labels)),
            "evidence": (offer.evidence, program.evidence),
            "files": (
                dict(offer.files),
                release_files(found.product, offer.id, found.artifact),
            ),
        }
        for name, (offered, verified_) in told.items():
            if offered != verified_:
                raise Mismatch(
                    "offer-differs",
                    needed=f"{name} as verified: {verified_}",
                    release=offer.id,
                    offered=offered,
                )
    return Change(routes, programs)


def approval(proposed: Change, rules: Rules, person: str, page: Page) -> Statement:
    """What a person states by signing: these programs, these routes, these rules, this page."""
    return Statement(
        {
            f"{kind}/{one.composition.id}": found
            for one in proposed.programs
            for kind, found in _halves(one).items()
        },
        Predicate.APPROVAL,
        {
            "evidence": [one.evidence for one in proposed.programs],
            "page": {"facts": page.facts, "language": page.language, "text": page.text},
            "person": person,
            "routes": proposed.digest,
            "rules": rules.digest,
            "verdicts": [one.verdict.digest for one in proposed.programs],
        },
    )


def approved(
    proposed: Change,
    routes: Envelope,
    approvals: tuple[Envelope, ...],
    rules: Rules,
    people: People,
) -> Approved:
    """An `Approved` change; every signature under it is verified again, each time it is loaded.

    Raises `SignoffMissing` below the threshold of distinct persons, `Mismatch` when anything
    signed names other bytes than the change, `Refusal` when a signer also built or verified.
    """
    programs = tuple(
        verified(one.composition, (*one.results, one.verdict, one.vsa), rules, people)
        for one in proposed.programs
    )
    again = change(proposed.routes, programs)
    envelope = dsse.parse(routes.to_bytes(), PAYLOAD_TYPE)
    if envelope.payload != again.routes.to_bytes():
        raise Mismatch("another-change", needed=again.digest, found=envelope.digest)
    threshold = rules.thresholds[APPROVER]
    signed = policy.need(envelope, people, APPROVER, threshold)
    stated = frozenset(_stated(one, again, rules, people) for one in approvals)
    if len(signed & stated) < threshold:
        raise SignoffMissing(
            needed=f"{threshold} persons who signed the routes and stated what they were shown",
            signed=", ".join(sorted(signed)),
            stated=", ".join(sorted(stated)) or "nobody",
        )
    _separate(signed, people)
    return Approved(again, envelope, approvals, signed & stated)


def again(found: Approved, rules: Rules, people: People) -> Approved:
    """The same approval, verified anew: an `Approved` built by hand does not pass."""
    return approved(found.change, found.routes, found.approvals, rules, people)


def _stated(envelope: Envelope, proposed: Change, rules: Rules, people: People) -> str:
    """The person whose approval statement this is; raises `Refusal` unless it fits the change."""
    statement = statements.read(
        dsse.parse(envelope.to_bytes(), statements.PAYLOAD_TYPE), Predicate.APPROVAL
    )
    person, page = _told(statement.predicate)
    if statement != approval(proposed, rules, person, page):
        raise Mismatch("approval-of-another", needed=proposed.digest, found=envelope.digest)
    if person not in people.signed(envelope, APPROVER):
        raise SignoffMissing("not-your-key", needed=f"a key of {person}", person=person)
    return person


def _told(predicate: Mapping[str, Json]) -> tuple[str, Page]:
    match predicate:
        case {
            "person": str(person),
            "page": {"facts": str(facts), "language": str(language), "text": str(text)},
        }:
            return person, Page(Digest(facts), Digest(text), language)
    raise Malformed("not-an-approval", needed="the person and the page")


def _separate(signed: frozenset[str], people: People) -> None:
    """Nobody approves what they built or verified, and no machine approves."""
    for one in people.people:
        if one.id in signed and (one.machine or one.roles & {"build", "rebuild", "verify"}):
            raise Refusal(
                "duties-not-separate",
                needed="approvers that are persons and neither build nor verify",
                person=one.id,
            )


def _halves(program: Verified) -> dict[str, Digest]:
    composition = program.composition
    return {"archive": composition.artifact, "manifest": composition.id}
