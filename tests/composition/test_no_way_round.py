"""No way to publish without a verification summary of those very bytes: any order of any verbs.

The whole road's verbs are tried in random order, with honest and forged halves, with direct writes
to the ledger and swapped bytes in between. Whatever happens, every published release rests on a
recorded summary that verifies.
"""

from __future__ import annotations

import contextlib
import dataclasses
from typing import ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from tests.contract.forms import a_place
from tests.flow.road import PRODUCT, Road
from warifu.flow import sign, stop
from warifu.model.approval import Approved, files_of
from warifu.model.ledger import Draft, Row
from warifu.model.ports_source import Outcome
from warifu.model.recipe import Suite
from warifu.model.verification import Verified
from warifu_wire import evidence
from warifu_wire.digest import Digest
from warifu_wire.errors import Fault, Mismatch, Refusal, SignoffMissing
from warifu_wire.manifest import Kind
from warifu_wire.stops import Halt

WHY = {"en": "it does not start", "ja": "起動しません"}
kinds = st.sampled_from(list(Kind))
texts = st.sampled_from(["print(1)", "print(2)", "print(3)"])


class Failing:
    """A suite that fails."""

    def run(self, artifact: bytes, suite: Suite) -> Outcome:
        """One test failed."""
        return Outcome(suite.name, ("a test",), ("another",), ())


class AnyOrder(RuleBasedStateMachine):
    """The verbs, in any order, over one form of the ledger."""

    form: ClassVar[str] = "memory"
    programs: Bundle[Verified] = Bundle("programs")

    def __init__(self) -> None:
        super().__init__()
        self.road = Road()
        self.tries = 0
        self._open = contextlib.ExitStack()
        if self.form != "memory":
            place = self._open.enter_context(a_place())
            made = place.ledger(self.form, now=lambda: self.road.now)
            self.road.ledger = made  # type: ignore[assignment]

    def teardown(self) -> None:
        """The database is gone with the run."""
        self._open.close()

    @rule(target=programs, kind=kinds, text=texts)
    def verify(self, kind: Kind, text: str) -> Verified:
        """Compose and verify honestly."""
        return self.road.program(kind, text)

    @rule(kind=kinds, text=texts)
    def verify_in_vain(self, kind: Kind, text: str) -> None:
        """The suite fails, so there is no summary."""
        good = self.road.workshop
        self.road.workshop = dataclasses.replace(good, suites=Failing())
        with pytest.raises(Refusal, match="tests-failed"):
            self.road.program(kind, text + "  # untested")
        self.road.workshop = good

    @rule(target=programs, one=programs, other=programs, way=st.integers(0, 4))
    def forge(self, one: Verified, other: Verified, way: int) -> Verified:
        """Put halves together that were never verified together."""
        forged = [
            dataclasses.replace(one, vsa=other.vsa),
            dataclasses.replace(one, composition=other.composition),
            dataclasses.replace(one, results=()),
            dataclasses.replace(one, vsa=dataclasses.replace(one.vsa, signatures=())),
            dataclasses.replace(one, verdict=other.verdict, results=other.results),
        ]
        return forged[way]

    @rule(target=programs, one=programs, text=texts)
    def swap(self, one: Verified, text: str) -> object:
        """Other bytes under the approved digest, behind the store's back."""
        held = self.road.depot._held
        held[one.composition.artifact] = text.encode()
        return multiple()

    @rule(one=programs, other=programs)
    def write_row(self, one: Verified, other: Verified) -> None:
        """Straight into the ledger, past every verb."""
        self.tries += 1
        row = Row("publication", one.composition.id, {"evidence": other.evidence, "by": "hand"})
        draft = Draft("by.hand", "x", self.road.now, "nobody", {}, f"k{self.tries}", rows=(row,))
        known = self.road.ledger.row("evidence", other.evidence)
        if known is not None and known["manifest"] == one.composition.id:
            self.road.ledger.append(draft)
            return
        with pytest.raises(Refusal, match="evidence"):
            self.road.ledger.append(draft)

    @rule(chosen=st.lists(programs, min_size=1, max_size=2))
    def publish(self, chosen: list[Verified]) -> None:
        """The whole way, or as far as it goes."""
        self.road.later(seconds=1)
        with contextlib.suppress(Refusal, Fault):
            self.road.published(*chosen)

    @rule(one=programs, person=st.sampled_from(["approver-1", "approver-2"]))
    def publish_with_one_signature(self, one: Verified, person: str) -> None:
        """One approver is not two, however often they sign."""
        self.road.later(seconds=1)
        try:
            proposed = self.road.change(one)
            self.road.propose(proposed)
        except Refusal:  # forged halves are refused even earlier
            return
        for _ in range(2):
            self.road.sign(proposed, person)
        with pytest.raises(Refusal):  # forged halves are refused before signatures are counted
            sign.gather(
                self.road.ledger, self.road.statements, proposed, self.road.rules, self.road.people
            )

    @rule(one=programs, key=st.sampled_from(["verify", "build", "publisher", "oncall-1"]))
    def sign_with_a_machines_key(self, one: Verified, key: str) -> None:
        """Nobody signs for an approver, and no other duty counts as one."""
        self.road.later(seconds=1)
        try:
            proposed = self.road.change(one)
            self.road.propose(proposed)
        except Refusal:
            return
        with pytest.raises(SignoffMissing, match="not-your-key"):
            self.road.sign(proposed, "approver-2", key)

    @rule(one=programs, other=programs)
    def edit_after_signing(self, one: Verified, other: Verified) -> None:
        """What was signed is replaced by another change: the signatures are worth nothing."""
        self.road.later(seconds=1)
        try:
            first = self.road.approved(self.road.change(one))
            self.road.later(seconds=1)
            self.road.propose(self.road.change(other))
        except Refusal:
            return
        with pytest.raises(Mismatch, match="proposal-replaced"):
            sign.gather(
                self.road.ledger, self.road.statements, first.change, self.road.rules,
                self.road.people,
            )  # fmt: skip

    @rule(one=programs)
    def put_into_the_tree(self, one: Verified) -> None:
        """Straight into the served tree, without an approval."""
        road = self.road
        with pytest.raises(Refusal):
            road.repository.enact(road.change(one).envelope(), files_of(one), road.depot, road.now)

    @rule(one=programs, state=st.sampled_from([Halt.STOPPED, Halt.HELD]))
    def stop(self, one: Verified, state: Halt) -> None:
        """Stopped where it was published; a stop publishes nothing."""
        with contextlib.suppress(Refusal):
            stop.stop(
                self.road.ledger, self.road.repository, product=PRODUCT,
                release=one.composition.id, state=state, by="oncall-1", why=WHY,
                now=self.road.now,
            )  # fmt: skip

    @rule(one=programs)
    def take_evidence_away(self, one: Verified) -> None:
        """Evidence that was recorded stays."""
        if self.road.ledger.row("evidence", one.evidence) is None:
            return
        self.tries += 1
        row = Row("evidence", one.evidence, None)
        draft = Draft("by.hand", "x", self.road.now, "nobody", {}, f"k{self.tries}", rows=(row,))
        with pytest.raises(Refusal, match="evidence-kept"):
            self.road.ledger.append(draft)

    @rule(one=programs)
    def publish_by_hand(self, one: Verified) -> None:
        """An `Approved` that nobody approved."""
        proposed = self.road.change(one)
        with pytest.raises(Refusal):
            self.road.order(Approved(proposed, proposed.envelope(), (), frozenset()))

    @invariant()
    def everything_published_was_verified(self) -> None:
        """Every row, and everything that is served, rests on a summary that verifies now."""
        rests = {key: row["evidence"] for key, row in self.road.ledger.rows("publication")}
        road = self.road.repository.current(PRODUCT).road
        if road is not None:
            rests |= {one.id: one.evidence for one in road.offers}
        for release, summary in rests.items():
            vsa = self.road.statements.get(Digest(str(summary)))
            found = {
                digest
                for kind in Kind
                for digest in self._vouched(vsa.to_bytes(), Digest(str(summary)), kind)
            }
            assert release in found
            events = self.road.ledger.events(kind="verification.completed", subject=release)
            assert summary in {one.facts["evidence"] for one in events}

    def _vouched(self, vsa: bytes, wanted: Digest, kind: Kind) -> frozenset[Digest]:
        resource = f"urn:warifu:{PRODUCT}:{kind.value}"
        try:
            return evidence.subjects(vsa, wanted, resource, self.road.rules, self.road.people)
        except Refusal:
            return frozenset()


class AnyOrderInSqlite(AnyOrder):
    """The same over the embedded database."""

    form = "sqlite"


class AnyOrderInPostgres(AnyOrder):
    """The same over the scale-out database."""

    form = "postgres"


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(
    max_examples=max(10, settings().max_examples // 5), stateful_step_count=16, deadline=None
)
TestAnyOrderInSqlite = AnyOrderInSqlite.TestCase
TestAnyOrderInPostgres = AnyOrderInPostgres.TestCase
TestAnyOrderInSqlite.settings = TestAnyOrderInPostgres.settings = settings(
    max_examples=max(2, settings().max_examples // 50), stateful_step_count=16, deadline=None
)


def test_bytes_that_were_swapped_are_never_served() -> None:
    road = Road()
    one = road.program(Kind.UPDATE, "print(1)")
    approved = road.approved(road.change(one))
    road.depot._held[one.composition.artifact] = b"print(2)"
    for verb in (road.order, road.enact):
        with pytest.raises(Refusal, match=one.composition.artifact):
            verb(approved)
    assert not list(road.ledger.rows("publication"))
