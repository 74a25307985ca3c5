"""Fixtures of the signing tool's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sign.pki import Authority, ec_key, rsa_key
from tests.sign.served import Served, serving_authority
from warifu_sign.keys import LoadedKey

KINDS = {"rsa": rsa_key, "p256": ec_key}


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session", params=KINDS)
def key(request: pytest.FixtureRequest, authority: Authority) -> LoadedKey:
    return authority.issue(KINDS[request.param]())


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving_authority(tmp_path_factory.mktemp("authority")) as found:
        yield found


@pytest.fixture(scope="session", params=KINDS)
def member(request: pytest.FixtureRequest, served: Served) -> LoadedKey:
    return served.member(KINDS[request.param](number=9))
