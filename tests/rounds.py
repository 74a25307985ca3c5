"""Few rounds where a password is not what a test asks about.

A key file costs 600,000 rounds whenever it is sealed or opened. That figure has tests of its own
(tests/sign/test_p12.py, tests/ca/test_road.py); everywhere else it would only cost minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import warifu_ca.pkcs12
import warifu_sign.p12

FEW = 1_000


@contextmanager
def few() -> Iterator[None]:
    """In this process, and in those forked from it, key files are sealed with few rounds."""
    with (
        patch.object(warifu_ca.pkcs12, "ROUNDS", FEW),
        patch.object(warifu_sign.p12, "ROUNDS", FEW),
    ):
        yield
