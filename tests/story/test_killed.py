"""Compose, sign, publish and stop, killed at every durable step: never half, and ending alike."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.forks import fork, leave, left
from tests.night import NIGHT
from tests.story import small as smalls
from tests.story.killing import alone, killed
from tests.story.small import NOW, Small
from warifu.app import halting, recall, road
from warifu.engines.probe.origin import PublicOrigin
from warifu.model.ledger import Event
from warifu_wire import canonical, stops
from warifu_wire.canonical import Json
from warifu_wire.manifest import Kind
from warifu_wire.stops import Halt

pytestmark = pytest.mark.repeats

WHY = {"en": "it does not start", "ja": "起動しません"}
STRIDES = {"compose": 7, "sign": 3, "publish": 11, "stop": 5}
"""In the gate every such point is tried; at night all of them."""
FLEETING = {"tuf_version"}
"""Facts that depend on how often the tree was signed."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """The states before each verb, kept under the verb's name."""
    made = smalls.found(tmp_path_factory.mktemp("small"))
    made.keep("compose")
    alone(lambda: _verified(made))
    made.keep("sign")
    alone(lambda: _sign(made))
    made.keep("publish")
    alone(lambda: _publish(made))
    made.keep("stop")
    yield made
    made.end()


def _verified(small: Small) -> None:
    house = small.house()
    road.compose(house, Kind.INSTALL, NOW)
    made = road.verify(house, Kind.INSTALL, NOW)
    road.propose(house, [made.composition.id], NOW)


def _compose(small: Small) -> None:
    road.compose(small.house(), Kind.INSTALL, NOW)


def _sign(small: Small) -> None:
    house = small.house()
    for person in ("approver-1", "approver-2"):
        smalls.sign(house, person)


def _publish(small: Small) -> None:
    house = small.house()
    assert not road.publish(house, NOW)


def _stop(small: Small) -> None:
    house = small.house()
    release = recall.composed(house, Kind.INSTALL).id
    done = halting.stop(house, release, Halt.STOPPED, WHY, NOW, by="oncall-1")
    assert done.in_force, done.why


VERBS: dict[str, Callable[[Small], None]] = {
    "compose": _compose,
    "sign": _sign,
    "publish": _publish,
    "stop": _stop,
}


@pytest.mark.parametrize("verb", VERBS)
def test_killed_at_every_step(small: Small, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = VERBS[verb]
    small.lay(verb)
    before = _seen(small)
    alone(lambda: run(small))
    after = _seen(small)
    small.lay(verb)
    k = tried = 1
    while killed(k, lambda: run(small)):
        half = _seen(small)
        assert half["tree"] in (before["tree"], after["tree"]), k
        assert _starts(half["events"], after["events"]), k
        alone(lambda: run(small))
        assert _seen(small) == after, k
        small.lay(verb)
        k += 1 if NIGHT else STRIDES[verb]
        tried += 1
    assert tried > 3
    with capsys.disabled():
        print(f"\n{verb}: killed at {tried - 1} of {k - 1} points, 0 half states", flush=True)


def _seen(small: Small) -> dict[str, Json]:
    """What is on disk: the events, the depot, and the tree as a fresh client sees it."""
    reading, writing = os.pipe()
    child = fork()
    if child == 0:
        os.close(reading)
        os.write(writing, canonical.dumps(_look(small)))
        leave(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        data = stream.read()
    assert left(child) == 0
    found = canonical.loads(data)
    assert isinstance(found, dict)
    return found


def _look(small: Small) -> dict[str, Json]:
    house = small.house()
    house.ledger.verify()
    for content in house.depot.list():
        house.depot.get(content)
    origin = PublicOrigin(house.config.service.address, house.root)
    routes = origin.read(f"routes/{house.product}.json")
    served = origin.read(f"stops/{house.product}.json")
    assert served is not None
    return {
        "events": [_spelled(one) for one in house.ledger.events()],
        "tree": {
            "routes": None if routes is None else routes.decode(),
            "stops": stops.read(served, house.product).seq,
        },
    }


def _spelled(event: Event) -> Json:
    facts = {name: value for name, value in event.facts.items() if name not in FLEETING}
    return [event.kind, event.subject, event.by, event.key, facts]


def _starts(half: Json, whole: Json) -> bool:
    assert isinstance(half, list)
    assert isinstance(whole, list)
    return half == whole[: len(half)]
