"""After sign-off not a byte of a released archive may change: every door refuses, naming what.

Five hundred places in the gate, ten thousand at night.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.composition.bench import Bench
from tests.composition.world import World
from tests.flow.road import PRODUCT, Road
from warifu.flow.verify import same
from warifu.model import archive, gate
from warifu.model.approval import Approved
from warifu.model.composition import Composition
from warifu.model.recipe import Recipe
from warifu.model.tree import Tree
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Malformed, Mismatch
from warifu_wire.manifest import Kind

pytestmark = pytest.mark.repeats

EXAMPLES = 5 * settings().max_examples


@dataclass
class Signed:
    """A house in which a release is signed off, by two approvers, and not published yet."""

    road: Road
    approved: Approved
    tree: Tree
    archive: bytes

    @property
    def composition(self) -> Composition:
        """What was composed."""
        return self.approved.change.programs[0].composition

    def published(self) -> bool:
        """Whether anything was."""
        return (
            any(self.road.ledger.rows("publication"))
            or self.road.repository.current(PRODUCT).road is not None
            or any(self.road.ledger.events(kind="publication.ordered"))
        )


@pytest.fixture(scope="module")
def signed(world: World, tmp_path_factory: pytest.TempPathFactory) -> Signed:
    """The e-application tool, with its nested plug-in, its compiled and its large members."""
    bench = Bench(world, tmp_path_factory.mktemp("signed"))
    tree = archive.read(bench.depot.get(bench.compose().artifact))
    road = Road()
    approved = road.approved(road.change(road.program(Kind.UPDATE, "", files=tree)))
    found = Signed(road, approved, tree, archive.write(tree))
    assert road.depot.get(found.composition.artifact) == found.archive
    return found


def named_by_the_gate(signed: Signed, data: bytes) -> bool:
    """Handed in as if made elsewhere: a fault of the archive, a member, or at last the digest."""
    try:
        found = archive.read(data, gate.limits(signed.tree))
    except Malformed as refusal:
        return refusal.reason.startswith("archive-") and "member" in refusal.facts
    suspects = gate.compare(signed.tree, found, Recipe()).suspects
    return bool(suspects) or archive.write(found) != data


@settings(max_examples=EXAMPLES)
@given(st.data())
def test_a_byte_changed_anywhere_is_refused_at_every_door(
    signed: Signed, data: st.DataObject
) -> None:
    body = bytearray(signed.archive)
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    changed, wanted = bytes(body), signed.composition.artifact
    signed.road.depot._held[wanted] = changed
    door = data.draw(st.sampled_from([signed.road.order, signed.road.enact]))
    with pytest.raises(Mismatch, match="not-what-was-approved") as caught:
        door(signed.approved)
    assert caught.value.facts["approved"] == wanted
    assert caught.value.facts["found"] == of_bytes(changed)
    assert caught.value.facts["path"] == f"programs/{PRODUCT}/{wanted}.zip"
    with pytest.raises(Mismatch) as caught:
        same(signed.composition, changed)
    assert (caught.value.needed, caught.value.facts["found"]) == (wanted, of_bytes(changed))
    assert named_by_the_gate(signed, changed)
    assert not signed.published()


def test_the_unchanged_bytes_pass_the_same_doors() -> None:
    """The doors above are not shut for another reason."""
    road = Road()
    approved = road.approved(road.change(road.program(Kind.UPDATE, "print(1)")))
    road.order(approved)
    road.enact(approved)
    assert road.repository.current(PRODUCT).road is not None
