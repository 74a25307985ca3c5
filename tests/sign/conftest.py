"""Fixtures of the signing tool's tests."""

from __future__ import annotations

import pytest

from tests.sign.pki import Authority
from warifu_sign.keys import LoadedKey


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session", params=["rsa", "p256"])
def key(request: pytest.FixtureRequest, authority: Authority) -> LoadedKey:
    from tests.sign.pki import ec_key, rsa_key

    return authority.issue(rsa_key() if request.param == "rsa" else ec_key())
