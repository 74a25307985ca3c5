"""Story three, only production shows it: production's host is a newer one than staging's."""

from __future__ import annotations

from warifu.model.verification import Verified
from warifu_replay.hosts import Edition
from warifu_replay.told import Seen, Verdict
from warifu_replay.town import Town
from warifu_wire.errors import Fault

STORY = "Only production shows it"


def tell(town: Town, program: Verified) -> Verdict:
    """The probe fails on what is published, and the release is held before any share opens."""
    release = program.composition.id
    town.waited("probe.failed", release)
    failed = next(town.house.ledger.events(kind="probe.failed", subject=release))
    town.told(f"the production probe fails: {failed.facts['failure']!s:.100}")
    town.waited("stop.in-force", release)
    opened = list(town.house.ledger.events(kind="gate.opened", subject=release))
    if opened:
        raise Fault("a share was opened", needed="share 0 until the probe passes")
    if offered := town.offered():
        raise Fault(f"offered to {offered}", needed="nobody offered")
    town.told(f"held at once; offered to 0 of {len(town.members)} machines")
    published = next(town.house.ledger.events(kind="publication.opened"))
    in_force = next(town.house.ledger.events(kind="stop.in-force", subject=release))
    seen = Seen(
        detected=(failed.at - published.at).total_seconds(),
        stopped=(in_force.at - published.at).total_seconds(),
    )
    figures: dict[str, object] = {
        "host": f"production {Edition.NEXT}, staging {Edition.TODAY}",
        "failure": f"{failed.facts['failure']!s:.60}",
    }
    wrong = "production's host is a newer one in which the plug-in does not load"
    return Verdict(STORY, wrong, "the probe, before any share", seen, figures)
