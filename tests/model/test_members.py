"""Whose installation it is: confirmed once, by one member, five at most."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from warifu.model import members
from warifu.model.members import Installation
from warifu.testing import memory_signer
from warifu_wire.errors import Refusal

NOW = datetime(2012, 2, 1, tzinfo=UTC)


def installation(name: str) -> Installation:
    """An enrolled installation of nobody's."""
    return Installation(name, memory_signer(name).public, NOW)


def test_confirmed_once_and_for_one() -> None:
    """The second member is refused, the first may repeat it."""
    mine = members.confirmed(installation("a"), "member 0001", (), NOW)
    assert (mine.member, mine.confirmed) == ("member 0001", NOW)
    assert members.confirmed(mine, "member 0001", (), NOW + timedelta(days=1)) == mine
    with pytest.raises(Refusal) as refused:
        members.confirmed(mine, "member 0002", (), NOW)
    assert refused.value.reason == "installation-of-another"


def test_five_at_most() -> None:
    """The sixth is refused; the installation itself is not counted among the others."""
    others = [replace(installation(str(n)), member="member 0001") for n in range(5)]
    with pytest.raises(Refusal) as refused:
        members.confirmed(installation("new"), "member 0001", others, NOW)
    assert refused.value.reason == "too-many-installations"
    given_up = replace(others[4], member=None)
    assert members.confirmed(given_up, "member 0001", others, NOW).member == "member 0001"


def test_known_before() -> None:
    """Only what was confirmed strictly before counts."""
    mine = members.confirmed(installation("a"), "member 0001", (), NOW)
    assert mine.known_before(NOW + timedelta(seconds=1))
    assert not mine.known_before(NOW)
    assert not installation("b").known_before(NOW)
    assert mine.numbers == mine.key.numbers
