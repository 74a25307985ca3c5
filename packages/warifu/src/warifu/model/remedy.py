"""A remedy is two programs from one fix: a repair for the affected, an update for the rest."""

from __future__ import annotations

from dataclasses import dataclass

from warifu.model.verification import Verified
from warifu_wire.digest import Digest
from warifu_wire.errors import Mismatch, Refusal
from warifu_wire.manifest import Kind


@dataclass(frozen=True, slots=True)
class Remedy:
    """The bad release, and the repair and the corrected update that one fix commit gave."""

    bad: Digest
    repair: Verified
    corrected: Verified

    @property
    def fix(self) -> str:
        """The commit that both were composed from."""
        return self.repair.composition.source.commit


def remedy(bad: Digest, bad_tree: Digest, repair: Verified, corrected: Verified) -> Remedy:
    """Lay the two programs together; raises `Mismatch` unless they are one fix that changes it.

    `bad_tree` is the tree digest of the bad release: a remedy that installs the same tree is none.
    """
    if (repair.composition.kind, corrected.composition.kind) != (Kind.REPAIR, Kind.UPDATE):
        raise Refusal(
            "not-a-remedy",
            needed="one repair program and one update program",
            found=f"{repair.composition.kind} and {corrected.composition.kind}",
        )
    halves = {
        "commit": (repair.composition.source.commit, corrected.composition.source.commit),
        "tree": (repair.composition.manifest.tree, corrected.composition.manifest.tree),
    }
    for name, (one, other) in halves.items():
        if one != other:
            raise Mismatch("not-one-fix", needed=f"one {name}", repair=one, corrected=other)
    if repair.composition.manifest.tree == bad_tree:
        raise Refusal("nothing-fixed", needed="a tree that differs from the bad one", tree=bad_tree)
    return Remedy(bad, repair, corrected)
