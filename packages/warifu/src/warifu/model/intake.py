"""What makes a report one to count: a known machine, its own signature, said once."""

from __future__ import annotations

from collections.abc import Mapping

from warifu.model.members import Installation
from warifu_wire import dsse
from warifu_wire.digest import Digest
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Refusal
from warifu_wire.outcome import Outcome

COUNTER_STEP = 10_000
"""A counter further on than this is damaged or invented: it would hide all that follow."""


def is_new(
    envelope: Envelope,
    outcome: Outcome,
    installation: Installation | None,
    highest: int,
    same: Mapping[Digest, int],
) -> bool:
    """Whether a report is to be added (True) or known already (False); raises `Refusal`.

    `highest` is the installation's highest counter so far, `same` are its reports with this
    counter, or with this attempt, phase and stage of it (begun or ended): digest and counter.
    A counter that another report has is told apart: it means that a machine's disk was copied.
    """
    if installation is None:
        raise Refusal("installation-unknown", needed="an enrolment", id=outcome.installation)
    covered = dsse.pae(envelope.payload_type, envelope.payload)
    if not any(installation.key.verifies(raw, covered) for _, raw in envelope.signatures):
        raise Refusal("signature-wrong", needed="the installation's own signature")
    if same:
        if set(same) == {envelope.digest}:
            return False
        taken = [one for one in same if same[one] == outcome.counter and one != envelope.digest]
        if taken:
            needed = "another enrolment: two machines go by this key"
            raise Refusal("counter-taken", needed=needed, found=min(taken))
        raise Refusal("told-before", needed="one report a counter and phase", found=min(same))
    most = highest + COUNTER_STEP
    if outcome.counter > most:
        raise Refusal("counter-too-far", needed=f"at most {most}", found=outcome.counter)
    return True
