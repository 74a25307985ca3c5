"""Fixtures of the signing tool's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rounds import quick
from tests.sign.pki import DAY, Authority, ec_key, rsa_key
from tests.sign.served import Served, serving_since
from warifu_sign.keys import LoadedKey

KINDS = {"rsa": rsa_key, "p256": ec_key}


@pytest.fixture(autouse=True)
def paid(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that does not ask about rounds pays few of them."""
    with quick(request):
        yield


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session", params=KINDS)
def key(request: pytest.FixtureRequest, authority: Authority) -> LoadedKey:
    return authority.issue(KINDS[request.param]())


@pytest.fixture(scope="session")
def begun(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Served, Iterator[LoadedKey]]]:
    """The authority, and members' keys whose certificates end in sixty days, each for one test."""
    with serving_since(tmp_path_factory.mktemp("authority"), 60 * DAY) as (found, first):
        yield found, iter(first)


@pytest.fixture(scope="session")
def served(begun: tuple[Served, Iterator[LoadedKey]]) -> Served:
    return begun[0]


@pytest.fixture
def ending(begun: tuple[Served, Iterator[LoadedKey]]) -> LoadedKey:
    return next(begun[1])


@pytest.fixture(scope="session", params=KINDS)
def member(request: pytest.FixtureRequest, served: Served) -> LoadedKey:
    return served.member(KINDS[request.param](number=9))
