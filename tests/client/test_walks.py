"""Four editions that are all labelled Ver1.10: whatever happens, each machine has the right one.

Random walks of publications, stops, lifts, breakages, member's edits and updates, against a model
of three lines: a machine's next release is what the routes say for the digest it has.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.client import tally
from tests.client.conftest import Clock
from tests.client.provider import PRODUCT, SAID, Provider, Release, release
from tests.client.serving import serving
from warifu_client import applying, health, looking, settings, transport
from warifu_client.ended import End
from warifu_client.layout import Layout
from warifu_client.machine import Machine, Means
from warifu_client.settings import Settings
from warifu_client.starting import Started
from warifu_wire.digest import Digest
from warifu_wire.errors import Refusal, Stopped
from warifu_wire.manifest import Kind, Manifest
from warifu_wire.routes import Route, Tree

pytestmark = pytest.mark.repeats

LABEL = "Ver1.10"
TRIED: Counter[str] = Counter()
"""What every run of the updater came to, in all walks."""


def edition(text: str, kind: Kind, *, starts: bool = True) -> Release:
    files = {"starts": b"yes" if starts else b"no", "edition": text.encode(), "same": b"same"}
    return release(files, label=LABEL, kind=kind, start=("{tree}/starts",))


OLD = edition("as released", Kind.INSTALL)
BAD = edition("contaminated", Kind.UPDATE, starts=False)
REPAIR = edition("repair", Kind.REPAIR)
CORRECTED = edition("corrected", Kind.UPDATE)
EDITIONS = (OLD, BAD, REPAIR, CORRECTED)
RANKS = {one.id: rank for rank, one in enumerate(EDITIONS, 1)}


def start(told: Settings, manifest: Manifest, tree: Path) -> Started:
    """Only what is whole and says so starts."""
    del told
    whole = all((tree / one.path).is_file() for one in manifest.members)
    good = whole and (tree / "starts").read_bytes() == b"yes"
    return Started("" if good else "plugin-not-loaded")


class Walk(RuleBasedStateMachine):
    """One machine and its provider; the model is `offers` and `stopped`."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm")
        place = Path(self.folder.name)
        self.clock = Clock()
        self.provider = Provider(place / "site", self.clock.now)
        self.serving = serving(self.provider.folder)
        site = self.serving.__enter__()
        told = Settings(site.address, PRODUCT)
        settings.write(Layout(place / "machine"), told, self.provider.root)
        means = Means(self.clock, transport.of(told), start)
        self.machine = Machine(Layout(place / "machine"), told, means)
        self.stopped: set[Digest] = set()
        self.offers: dict[Digest | None, Digest] = {None: OLD.id, OLD.id: BAD.id}
        self.tried: list[Digest] = []
        self._publish()

    def teardown(self) -> None:
        if hasattr(self, "serving"):
            self.serving.__exit__(None, None, None)
            self.folder.cleanup()
            tally.note("8 contaminated release", "random walks, four editions Ver1.10", TRIED)

    @rule(
        installed=st.sampled_from([one.id for one in EDITIONS]),
        offered=st.sampled_from([one.id for one in EDITIONS]),
    )
    def lead(self, installed: Digest, offered: Digest) -> None:
        """The approvers lead one edition to a higher one."""
        if RANKS[offered] > RANKS[installed]:
            self.offers[installed] = offered
            self._publish()

    @rule(which=st.sampled_from([one.id for one in EDITIONS]))
    def stop(self, which: Digest) -> None:
        """Somebody on call stops an edition."""
        self.provider.stop(which)
        self.stopped.add(which)

    @precondition(lambda self: self.stopped)
    @rule()
    def lift(self) -> None:
        """The approvers lift all there is."""
        self.stopped.clear()
        self._publish()

    @precondition(lambda self: looking.current(self.machine).release is not None)
    @rule()
    def edit(self) -> None:
        """The member edits a program file."""
        (self.machine.layout.current / "edition").write_bytes(b"edited")

    @rule()
    def update(self) -> None:
        """One run of the updater: it does what the model says, or says why not."""
        before = looking.current(self.machine)
        wanted = self.offers.get(before.release)
        refused = health.refused(self.machine)
        try:
            ended = applying.apply(self.machine)
        except Stopped:
            TRIED["stopped"] += 1
            assert wanted in self.stopped
            assert looking.current(self.machine).release == before.release
            return
        except Refusal as refusal:
            TRIED[refusal.reason] += 1
            self._did_not_start(refusal.reason, wanted, refused)
            return
        after = looking.current(self.machine)
        TRIED[ended.code or ended.end.value] += 1
        if ended.end is End.INSTALLED:
            assert after.release == wanted
            assert wanted not in self.stopped
            assert (after.tree, after.health.value) == (Tree.INTACT, "ok")
        else:
            assert ended.end is End.NOTHING
            assert wanted is None or wanted in refused

    @rule()
    def update_until_there_is_no_more(self) -> None:
        """There are three steps up at most: a fourth run has nothing to do, or says why not."""
        for _ in range(4):
            before = looking.current(self.machine).release
            self.update()
        assert looking.current(self.machine).release == before

    @rule()
    def repair(self) -> None:
        """The member asks for a repair: afterwards the tree is whole, or a stop says why not."""
        before = looking.current(self.machine)
        try:
            applying.repair(self.machine)
        except Refusal:
            return
        after = looking.current(self.machine)
        assert after.tree is Tree.INTACT or before.release is None

    @rule(seconds=st.integers(1, 200))
    def wait(self, seconds: int) -> None:
        """Time goes by, and the lease is signed anew."""
        self.clock.pass_(seconds)
        self.provider.lease()

    @invariant()
    def never_the_bad_one(self) -> None:
        """What does not start is never in use, and is tried once at most."""
        if hasattr(self, "machine"):
            assert looking.current(self.machine).release != BAD.id
            assert len(self.tried) <= 1

    def _did_not_start(
        self, reason: str, wanted: Digest | None, refused: frozenset[Digest]
    ) -> None:
        assert (wanted, reason) == (BAD.id, "plugin-not-loaded")
        assert BAD.id not in refused
        self.tried.append(BAD.id)

    def _publish(self) -> None:
        lifted = frozenset()
        if not self.stopped:
            lifted = frozenset(one.digest for one in self.provider.stops.entries)
        ways = tuple(
            Route(installed, None, None, offered, SAID)
            for installed, offered in self.offers.items()
            if installed is not None
        )
        first = Route(None, Tree.FOREIGN, None, self.offers[None], SAID)
        self.provider.publish(*EDITIONS, route=(*ways, first), lifted=lifted)


TestWalk = Walk.TestCase
TestWalk.settings = examples(
    max_examples=10 if examples.get_current_profile_name() == "gate" else 300,
    stateful_step_count=20,
)
