"""Few rounds where a password is not what a test asks about.

A key file costs 600,000 rounds whenever it is sealed or opened, a letter's PIN 2**15 of scrypt.
Those figures have tests of their own (tests/sign/test_p12.py, tests/ca/test_road.py); everywhere
else they would only cost minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from unittest.mock import patch

import pytest

import tests.ca.member
import warifu_ca.codes
import warifu_ca.pkcs12
import warifu_sign.p12
import warifu_sign.window.letter

FEW = 1_000
LITTLE = 2**4
TRAVELS = "letters_travel"


@contextmanager
def few() -> Iterator[None]:
    """In this process, and in those forked from it, key files are sealed with few rounds."""
    with (
        patch.object(warifu_ca.pkcs12, "ROUNDS", FEW),
        patch.object(warifu_sign.p12, "ROUNDS", FEW),
    ):
        yield


@contextmanager
def little() -> Iterator[None]:
    """In this process a letter's PIN costs little; a program started from it would not know."""
    with (
        patch.object(warifu_ca.codes, "COST", LITTLE),
        patch.object(warifu_sign.window.letter, "COST", LITTLE),
        patch.object(tests.ca.member, "COST", LITTLE),
    ):
        yield


@contextmanager
def quick(request: pytest.FixtureRequest) -> Iterator[None]:
    """Both, unless the test is marked as one whose letters travel to another program."""
    travels = request.node.get_closest_marker(TRAVELS) is not None
    with few(), nullcontext() if travels else little():
        yield
