"""One attempt: fetch → stage → verify → start test → ask again → switch → trial.

Whatever it was asked for (an offer, a repair, a bundle), it goes this one way.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from warifu_client import fetching, health, journal, reporting, staging, trial
from warifu_client.ended import Ended
from warifu_client.journal import Journal, Step
from warifu_client.looking import Look
from warifu_client.machine import Machine
from warifu_wire import atomic, check
from warifu_wire.check import Leased, Reading
from warifu_wire.delta import Delta
from warifu_wire.errors import Fault, Refusal
from warifu_wire.manifest import Manifest
from warifu_wire.outcome import Phase, Result
from warifu_wire.times import Instant


@dataclass(frozen=True, slots=True)
class Until:
    """A yes that holds until `expires`, and the clocks when it was given."""

    expires: Instant
    taken: Reading


@dataclass(frozen=True, slots=True)
class Aim:
    """What an attempt leads to, under which routes, and the question right before the switch.

    `again` raises `Refusal` when the answer is no longer the same; `seed` puts into the store what
    need not be fetched.
    """

    manifest: Manifest
    gate: int
    again: Callable[[], Leased]
    delta: Delta | None = None
    seed: Callable[[], None] = lambda: None


class Undecided(Refusal):
    """The start test could not be made: nothing is held against the release."""


def attempt(machine: Machine, aim: Aim, look: Look) -> Ended:
    """Go all the way; raises `Refusal` or `Fault` with everything as it was before."""
    now = _begin(machine, aim, look)
    try:
        ready = _ready(machine, now, aim, look)
        return _switch(machine, ready, aim.again())
    except (Refusal, Fault) as error:
        _give_up(machine, error)
        raise


def _begin(machine: Machine, aim: Aim, look: Look) -> Journal:
    release = aim.manifest.id
    unfit = machine.system.unfit(
        machine.layout.release(machine.layout.unused(release)),
        (one.path for one in aim.manifest.members),
    )
    if unfit:
        raise Refusal("path-unfit", needed="paths that this system has room for", path=unfit)
    now = Journal(
        secrets.token_hex(16),
        Step.STAGING,
        release,
        machine.layout.unused(release),
        look.release,
        machine.current.read() or "",
        aim.gate,
        Phase.FETCH,
    )
    now = journal.write(machine, now)
    reporting.tell(machine, now, now.phase, Result.STARTED)
    atomic.write(machine.layout.manifest(release), aim.manifest.to_bytes())
    machine.reached("manifest")
    return now


def _ready(machine: Machine, now: Journal, aim: Aim, look: Look) -> Journal:
    """Fetch, stage, verify and start the new tree, where nothing points to it yet."""
    aim.seed()
    fetching.gather(machine, aim.manifest, look)
    wanted = fetching.missing(machine, aim.manifest, look, aim.delta)
    fetching.room(machine, wanted)
    fetching.fetch(machine, wanted)
    now = journal.write(machine, now, phase=Phase.STAGE)
    # Sent before any byte of the release runs here: what is heard of no more is known to be silent.
    reporting.tell(machine, now, Phase.STAGE, Result.STARTED)
    reporting.send(machine)
    staging.stage(machine, aim.manifest, now.folder, look)
    now = journal.write(machine, now, phase=Phase.START_TEST)
    tree = machine.layout.release(now.folder)
    started = machine.means.start(machine.settings, aim.manifest, tree)
    if not started.good:
        if started.undecided:
            raise Undecided(started.failure, needed="a later try", release=now.release)
        health.refuse(machine, now.release)
        raise Refusal(started.failure, needed="a release that starts here", release=now.release)
    return journal.write(machine, now, phase=Phase.SWITCH, good=1)


def _switch(machine: Machine, now: Journal, yes: Leased) -> Ended:
    """One rename; then the clocks once more (step 14), and undone before anything may start."""
    now = journal.write(machine, now, step=Step.SWITCHING)
    machine.current.point(now.folder)
    machine.reached("switched")
    check.still_within(yes, machine.means.clock())
    return trial.prove(machine, journal.write(machine, now, step=Step.TRIAL, phase=Phase.TRIAL))


def _give_up(machine: Machine, error: Refusal | Fault) -> None:
    """Leave everything as it was before the attempt, and say how far it came.

    Past the switch the trial goes on at the next run, unless it was the switch that failed.
    """
    now = journal.read(machine)
    if now is None:
        return
    if now.step is Step.SWITCHING:
        trial.back(machine, now, word(error))
    elif now.step is Step.STAGING:
        ours = isinstance(error, Undecided) or now.phase is not Phase.START_TEST
        refused = isinstance(error, Refusal) and ours
        result = Result.REFUSED if refused else Result.FAILED
        reporting.tell(machine, now, now.phase, result, word(error))
        staging.discard(machine, now.folder)
        journal.clear(machine)


def word(error: Refusal | Fault) -> str:
    """An error as a word of the shared vocabulary."""
    if isinstance(error, Refusal):
        return error.reason
    return "no-answer" if "no answer" in error.what else "disk"
