"""Swap after sign-off: not one of many mutations reaches a member."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from tests.targets import mutation

pytestmark = pytest.mark.repeats


def test_no_changed_byte_reaches_a_member(tmp_path: Path) -> None:
    count = 300 if settings().max_examples <= 100 else 10_000
    ends = mutation.run(tmp_path, count)
    assert sum(ends.values()) == count
    assert set(ends) <= {"refused", "as approved"}, ends
    assert ends["refused"] > count / 2
