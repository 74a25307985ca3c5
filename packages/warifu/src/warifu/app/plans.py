"""The stage plan of a release, drafted from `[rollout]` of warifu.toml: own, volunteers, shares."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from warifu.app.config import Rollout
from warifu_wire.digest import Digest
from warifu_wire.plan import Audience, Plan, Stage, circle
from warifu_wire.stops import WHOLE

PADDED = 32


def draft(rollout: Rollout, since: int, own: Iterable[str], volunteers: Iterable[str]) -> Plan:
    """A plan from our own machines outward; salts are random, circles padded to 32 hashes."""
    volunteers = list(volunteers)
    counts = (*rollout.stages, rollout.members)
    stages = (
        Stage("own", Audience.OWN, 0, 0, 0, 0, 0),
        *(
            (Stage("volunteers", Audience.CANARY, 0, len(volunteers), rollout.soak, 1, 0),)
            if volunteers
            else ()
        ),
        *(
            Stage(f"to-{count}", Audience.SHARE, _share(count, rollout.members), count,
                  rollout.soak, finished, finished // 10)
            for count, finished in zip(rollout.stages, rollout.finished, strict=True)
            if count < rollout.members
        ),
        Stage("all", Audience.SHARE, WHOLE, counts[-1], 0, 0, 0),
    )  # fmt: skip
    return Plan(
        secrets.token_hex(16),
        since,
        circle(secrets.token_hex(16), own, _padding()),
        circle(secrets.token_hex(16), volunteers, _padding()),
        stages,
    )


def _share(count: int, members: int) -> int:
    return min(WHOLE, count * WHOLE // members)


def _padding() -> list[Digest]:
    return [Digest(secrets.token_hex(32)) for _ in range(PADDED)]
