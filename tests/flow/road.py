"""A house on memory engines, with small programs of its own: the road's rules without a disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from warifu.flow import compose, publish, sign, stop, verify
from warifu.model import people
from warifu.model.approval import Approved, Change, Page, change
from warifu.model.classes import Origin, Suspect, Witness
from warifu.model.lines import ApprovedSource, Survey
from warifu.model.lines import Change as Commit
from warifu.model.ports import Signer
from warifu.model.ports_source import Outcome, Rendered, Tools, Workshop
from warifu.model.program import Program
from warifu.model.recipe import Recipe, Suite
from warifu.model.routing import Fleet, draft, offer
from warifu.model.tree import Tree, file
from warifu.model.verification import Verified
from warifu.testing import MemoryDepot, MemoryKeyring, MemoryLedger, MemoryStatements
from warifu.testing_targets import MemoryRepository
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.manifest import Kind
from warifu_wire.plan import Audience, Plan, Stage, circle
from warifu_wire.stops import WHOLE, Halt

PRODUCT = "tool"
TREE = "1" * 40
BASE = "2" * 40
START = datetime(2012, 2, 4, 9, 0, tzinfo=UTC)
PAGE = Page(of_bytes(b"facts"), of_bytes(b"text"), "ja")
PERSONS = people.persons(2)
WHY = {"en": "it does not start", "ja": "起動しません"}


class Source:
    """One commit whose files are given."""

    def __init__(self) -> None:
        self.files: Tree = {}

    def survey(self, program: Program) -> Survey:
        """Only what is approved."""
        commits = tuple(Commit(one, TREE, one, "an author", "") for one in program.approved.changes)
        return Survey(TREE, (), commits, commits, (), {})

    def render(self, program: Program, commit: str) -> Rendered:
        """The given files."""
        return Rendered(commit, self.files, 1_328_000_000, dict.fromkeys(self.files, TREE))

    def origins(self, program: Program, paths: Sequence[str]) -> dict[str, Origin]:
        """Nothing is known of them."""
        return {}

    def witnesses(self, program: Program, suspects: Sequence[Suspect]) -> tuple[Witness, ...]:
        """Nothing is known of them."""
        return tuple(Witness() for _ in suspects)


@dataclass(frozen=True)
class Builder:
    """Takes the files as they are."""

    name: str

    @property
    def tools(self) -> Tools:
        """Its name."""
        return Tools(self.name, "none", of_bytes(self.name.encode()))

    def build(self, source: Rendered, recipe: Recipe) -> Tree:
        """The same files."""
        return source.files


class Suites:
    """A suite that passes."""

    def run(self, artifact: bytes, suite: Suite) -> Outcome:
        """One test passed."""
        return Outcome(suite.name, ("a test",), (), ())


@dataclass
class Road:
    """Everything the stations are given."""

    ledger: MemoryLedger = field(init=False)
    depot: MemoryDepot = field(default_factory=MemoryDepot)
    statements: MemoryStatements = field(default_factory=MemoryStatements)
    keyring: MemoryKeyring = field(init=False)
    repository: MemoryRepository = field(default_factory=MemoryRepository)
    source: Source = field(default_factory=Source)
    now: datetime = START

    def __post_init__(self) -> None:
        self.ledger = MemoryLedger(now=lambda: self.now)
        self.keyring = MemoryKeyring(*people.key_names(PERSONS))
        self.rules = people.rules(2, 600, 86_400)
        self.people = people.everybody(PERSONS, self.keyring.public)
        self.repository.create(self.rules, self.people, [PRODUCT], self.now)
        self.workshop = Workshop(self.source, Builder("one"), Builder("two"), Suites())

    def later(self, **time: float) -> None:
        """Time passes."""
        self.now += timedelta(**time)

    def program(
        self, kind: Kind, text: str, commit: str = "3" * 40, files: Tree | None = None
    ) -> Verified:
        """Compose and verify a program with one file, or with these files."""
        self.source.files = files or {"tool/main.py": file("file", text.encode())}
        labels = {"edition": commit[:4], "version": "Ver1.10"}
        program = Program(
            PRODUCT, labels, ".", (), ("{tree}/main",), (),
            ApprovedSource(commit, TREE, BASE, (commit,)), Recipe(),
            (Suite("suite", ("run",), 60),),
        )  # fmt: skip
        made = compose.compose(
            self.ledger, self.depot, self.statements, self.keyring, self.workshop, program, kind,
            by="engineer", now=self.now,
        )  # fmt: skip
        return verify.verify(
            self.ledger, self.depot, self.statements, self.keyring, self.workshop, program, made,
            self.rules, self.people, by="verify", now=self.now,
        )  # fmt: skip

    def change(self, *programs: Verified, fleet: Fleet = Fleet()) -> Change:
        """A change that offers these programs to everybody, after our own machines."""
        current = self.repository.current(PRODUCT)
        before = current.road
        seq = 1 if before is None else before.seq + 1
        ranks = {} if before is None else {one.id: one.rank for one in before.offers}
        offers = tuple(
            offer(one, ranks.get(one.composition.id, seq * 10), plan(seq)) for one in programs
        )
        routes = draft(PRODUCT, before, current.stops, offers, fleet, self.now)
        return change(routes, programs)

    def propose(self, proposed: Change) -> None:
        """Open it."""
        before = self.repository.current(PRODUCT).road
        sign.propose(self.ledger, proposed, before, by="engineer", now=self.now)

    def sign(self, proposed: Change, person: str, key: str = "") -> None:
        """One person signs."""
        self.sign_with(proposed, person, self.keyring.signer(key or person))

    def sign_with(self, proposed: Change, person: str, signer: Signer) -> None:
        """One person signs with a key of their own, wherever it lives."""
        sign.sign(
            self.ledger, self.statements, proposed, PAGE, signer, self.rules, self.people,
            person=person, now=self.now,
        )  # fmt: skip

    def approved(self, proposed: Change) -> Approved:
        """Propose it, let both sign, gather."""
        self.propose(proposed)
        for person in ("approver-1", "approver-2"):
            self.sign(proposed, person)
        return sign.gather(self.ledger, self.statements, proposed, self.rules, self.people)

    def order(self, approved: Approved) -> None:
        """Order its publication."""
        publish.publish(
            self.ledger, self.depot, approved, self.rules, self.people, by="engineer", now=self.now
        )

    def enact(self, approved: Approved) -> None:
        """Enact it."""
        publish.enact(
            self.ledger, self.depot, self.repository, self.repository, approved, self.rules,
            self.people, now=self.now,
        )  # fmt: skip

    def halt(self, release: Digest, state: Halt = Halt.STOPPED, share: int = 0) -> None:
        """Somebody on call stops, holds or caps a release; it is recorded, not in force."""
        stop.stop(
            self.ledger, self.repository, product=PRODUCT, release=release, state=state,
            by="oncall-1", why=WHY, now=self.now, max_share=share,
        )  # fmt: skip

    def published(self, *programs: Verified, fleet: Fleet = Fleet()) -> Approved:
        """The whole way."""
        approved = self.approved(self.change(*programs, fleet=fleet))
        self.order(approved)
        self.enact(approved)
        return approved


def plan(since: int) -> Plan:
    """Our own machine, then everybody."""
    own = Stage("own", Audience.OWN, 0, 0, 0, 0, 0)
    everybody = Stage("all", Audience.SHARE, WHOLE, 10, 0, 0, 0)
    circles = circle("own", ("our machine",), ()), circle("canary", (), ())
    return Plan(f"ramp {since}", since, *circles, (own, everybody))


def with_changed(proposed: Change, **fields: object) -> Change:
    """The same programs under edited routes."""
    return Change(replace(proposed.routes, **fields), proposed.programs)  # type: ignore[arg-type]
