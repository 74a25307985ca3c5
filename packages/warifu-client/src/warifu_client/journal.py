"""The attempt under way, on disk after each step, so that a killed updater can be carried on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from warifu_client.machine import Machine
from warifu_client.progress import Moment
from warifu_wire import atomic, canonical
from warifu_wire.digest import Digest, digest
from warifu_wire.errors import Malformed, Refusal
from warifu_wire.fields import document, text, whole
from warifu_wire.outcome import Phase

JOURNAL_TYPE = "urn:warifu:client-journal:v1"


class Step(StrEnum):
    """The last step that is known to have begun."""

    STAGING = "staging"
    SWITCHING = "switching"
    TRIAL = "trial"
    COMMITTING = "committing"
    RETURNING = "returning"


@dataclass(frozen=True, slots=True)
class Journal:
    """One attempt: to `release` in `folder`, from `before`; `good` starts so far, `tries` begun.

    `gate` is the routes seq it was offered under; `failure` is why it is being undone; `phase` is
    how far it had come.
    """

    attempt: str
    step: Step
    release: Digest
    folder: str
    origin: Digest | None
    before: str
    gate: int
    phase: Phase
    good: int = 0
    tries: int = 0
    failure: str = ""

    def to_bytes(self) -> bytes:
        """The canonical JSON of the journal file."""
        return canonical.dumps(
            {
                "attempt": self.attempt,
                "before": self.before,
                "failure": self.failure,
                "folder": self.folder,
                "gate": self.gate,
                "good": self.good,
                "origin": self.origin,
                "phase": self.phase.value,
                "release": self.release,
                "step": self.step.value,
                "tries": self.tries,
                "type": JOURNAL_TYPE,
            }
        )


PHASES = {Step.COMMITTING: Phase.COMMIT, Step.RETURNING: Phase.ROLLBACK}
"""What whoever watches is told of these steps; of the others, the phase."""


def write(machine: Machine, journal: Journal, **changes: object) -> Journal:
    """Put a step on disk; gives the journal as it now stands. Raises `Fault`."""
    now = replace(journal, **changes)  # type: ignore[arg-type]
    atomic.write(machine.layout.journal, now.to_bytes())
    machine.reached(f"journal-{now.step.value}")
    if (now.step, now.phase) != (journal.step, journal.phase) or not changes:
        machine.means.progress(Moment(PHASES.get(now.step, now.phase).value, 0, 0, 0.0))
    return now


def read(machine: Machine) -> Journal | None:
    """The attempt under way; None where there is none, or only a damaged one, which is put aside.

    Without a journal the state is found by looking, which needs no record.
    """
    try:
        return _parse(machine.layout.journal.read_bytes())
    except FileNotFoundError:
        return None
    except Refusal:
        machine.layout.journal.replace(machine.layout.journal.with_suffix(".damaged"))
        return None


def clear(machine: Machine) -> None:
    """The attempt is over; raises OSError."""
    machine.layout.journal.unlink(missing_ok=True)
    atomic.sync_folder(machine.layout.root)
    machine.reached("journal-cleared")


def _parse(data: bytes) -> Journal:
    names = (
        *("attempt", "before", "failure", "folder", "gate", "good", "origin"),
        *("phase", "release", "step", "tries"),
    )
    found = document(data, JOURNAL_TYPE, names)
    step, phase = text(found["step"]), text(found["phase"])
    if step not in set(Step) or phase not in set(Phase):
        raise Malformed("not-a-journal", needed="a known step and phase")
    return Journal(
        text(found["attempt"]),
        Step(step),
        digest(found["release"]),
        text(found["folder"]),
        None if found["origin"] is None else digest(found["origin"]),
        text(found["before"]),
        whole(found["gate"]),
        Phase(phase),
        whole(found["good"]),
        whole(found["tries"]),
        text(found["failure"]),
    )
