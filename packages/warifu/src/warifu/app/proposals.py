"""The proposal a person finds when signing: the open one, or one of what is verified."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from warifu.app import probing, recall, road, which
from warifu.app.house import House
from warifu.app.road import Circles
from warifu.model.approval import Change
from warifu_wire.errors import Refusal
from warifu_wire.manifest import Kind


def usual(house: House) -> tuple[Kind, ...]:
    """The kinds a release has: install, and update once there is something to update."""
    published = house.repository.current(house.product).road is not None
    return (Kind.INSTALL, Kind.UPDATE) if published else (Kind.INSTALL,)


def proposal(house: House, kinds: Iterable[Kind], lift: Iterable[str], now: datetime) -> Change:
    """The open proposal; where there is none (or it is published), one of the verified programs."""
    resumed = [which.release(house, one) for one in lift]
    road_now = house.repository.current(house.product).road
    try:
        found = recall.proposal(house)
        if not resumed and (road_now is None or found.routes.seq > road_now.seq):
            return found
    except Refusal as refusal:
        if refusal.reason != "nothing-proposed":
            raise
    own = probing.own_machine(house, now)
    fresh = [recall.composed(house, kind).id for kind in kinds]
    releases = resumed or fresh
    return road.propose(house, releases, now, circles=Circles(own=(own,)), lift=resumed)
