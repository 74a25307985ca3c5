"""Carry on an attempt that was cut off: to the end where it was past the switch, else undo it."""

from __future__ import annotations

from warifu_client import health, journal, looking, reporting, staging, trial
from warifu_client.ended import Ended
from warifu_client.journal import Step
from warifu_client.machine import Machine
from warifu_wire.outcome import Phase, Result
from warifu_wire.routes import Health, Tree


def carry_on(machine: Machine) -> Ended | None:
    """What became of the attempt in the journal; None when there was none, or it had not switched.

    A switch that was cut off before step 14 could be checked is undone: nobody knows how long ago
    the lease was seen.
    """
    now = journal.read(machine)
    if now is None:
        _sweep(machine)
        return None
    match now.step:
        case Step.STAGING:
            reporting.tell(machine, now, now.phase, Result.FAILED, "interrupted")
            staging.discard(machine, now.folder)
            journal.clear(machine)
            return None
        case Step.SWITCHING:
            return trial.back(
                machine, journal.write(machine, now, phase=Phase.SWITCH), "interrupted"
            )
        case Step.TRIAL:
            return trial.prove(machine, now)
        case Step.COMMITTING:
            return trial.commit(machine, now)
        case Step.RETURNING:
            return trial.finish_back(machine, now)


def _sweep(machine: Machine) -> None:
    """Remove release folders that nobody points to: there is no attempt they could belong to.

    Only beside a release that is known to start: where a journal was lost, one may be needed yet.
    """
    current = machine.current.read() or _found(machine)
    if current is not None and health.last(machine, current) is not Health.OK:
        return
    named = {current, machine.previous.read()}
    for folder in machine.layout.releases.iterdir():
        if folder.name not in named:
            staging.retire(machine, folder.name)


def _found(machine: Machine) -> str | None:
    """A lost pointer, by looking: a whole release folder, the kept one last."""
    kept = machine.previous.read()
    for folder in sorted(machine.layout.releases.iterdir(), key=lambda one: one.name == kept):
        if looking.look(machine, folder.name).tree is Tree.INTACT:
            machine.current.point(folder.name)
            return folder.name
    return None
