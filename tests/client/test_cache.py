"""Attack 26: a CDN that goes on serving a cached lease after the stop."""

from __future__ import annotations

import pytest

from tests.client.conftest import Made
from tests.client.provider import Provider
from tests.client.serving import Answer, Asked, Site
from tests.client.test_attacks import FIRST, SECOND, holds, quick
from warifu_client import applying
from warifu_client.ended import End
from warifu_client.machine import Machine
from warifu_wire.errors import Stopped

LEASE = "/metadata/timestamp.json"


@pytest.fixture
def ready(machine: Machine, provider: Provider) -> Machine:
    """A machine with the first release, and the second on offer."""
    provider.publish(FIRST)
    assert applying.apply(machine).end is End.INSTALLED
    provider.publish(FIRST, SECOND)
    return quick(machine)


def test_26_before_the_install_and_the_commit_the_origin_is_asked_past_every_cache(
    ready: Machine, made: Made, provider: Provider, site: Site
) -> None:
    cached: list[bytes] = []

    def cdn(asked: Asked, answer: Answer) -> Answer:
        if asked.path != LEASE or asked.headers.get("cache-control") == "no-cache":
            return answer
        cached.append(answer.body)
        return Answer(200, cached[0], answer.headers)

    site.mischief = cdn
    assert applying.look_for(ready).end is End.OFFERED
    provider.stop(SECOND.id)
    # the first check sees what the cache has, an offer; the next ones do not ask it
    assert applying.look_for(ready).end is End.OFFERED
    site.asked.clear()
    with pytest.raises(Stopped):
        applying.apply(ready)
    assert holds(ready, FIRST)
    fresh = [one.headers.get("cache-control") for one in site.asked if one.path == LEASE]
    assert fresh[0] is None
    assert set(fresh[1:]) == {"no-cache"}
    assert len(cached) > 1
