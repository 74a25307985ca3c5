"""What makes a report one to count: an enrolled machine, its own signature, said once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from warifu.model.intake import COUNTER_STEP, is_new
from warifu.model.members import Installation
from warifu.testing import memory_signer
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Refusal
from warifu_wire.outcome import Outcome, Phase, Result

NOW = datetime(2012, 2, 5, 5, tzinfo=UTC)
MINE = Installation("mine", memory_signer("mine").public, NOW)


def told(counter: int) -> Outcome:
    """A report of that number."""
    return Outcome(
        *("tool", 1, "mine", counter, "attempt", of_bytes(b"release"), None),
        *(Phase.COMMIT, Result.OK, "", NOW),
    )


def signed(outcome: Outcome, name: str = "mine") -> Envelope:
    """Signed by a key."""
    return outcome.envelope().signed("mine", memory_signer(name).sign)


def test_new_and_known() -> None:
    """The first time it is added, the second time it is known; a gap in the numbers is fine."""
    one = signed(told(1))
    assert is_new(one, told(1), MINE, 0, {})
    assert not is_new(one, told(1), MINE, 1, {one.digest: 1})
    assert is_new(signed(told(COUNTER_STEP)), told(COUNTER_STEP), MINE, 0, {})


@pytest.mark.parametrize(
    ("code", "outcome", "signer", "owner", "same"),
    [
        ("installation-unknown", told(1), "mine", None, {}),
        ("signature-wrong", told(1), "another", MINE, {}),
        ("told-before", told(1), "mine", MINE, {of_bytes(b"other"): 2}),
        ("told-before", told(1), "mine", MINE, {signed(told(1)).digest: 1, of_bytes(b"other"): 2}),
        ("counter-taken", told(1), "mine", MINE, {of_bytes(b"other"): 1}),
        ("counter-taken", told(1), "mine", MINE, {of_bytes(b"a"): 2, of_bytes(b"b"): 1}),
        ("counter-too-far", told(COUNTER_STEP + 1), "mine", MINE, {}),
    ],
)
def test_refused(
    code: str, outcome: Outcome, signer: str, owner: Installation | None, same: dict[Digest, int]
) -> None:
    """Each for its own reason."""
    with pytest.raises(Refusal) as refused:
        is_new(signed(outcome, signer), outcome, owner, 0, same)
    assert refused.value.reason == code
