"""From the switch to the end of an attempt: start live, ask once more, commit or go back.

Every function here can be killed anywhere and called again with the journal it left.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from warifu_client import asking, health, journal, looking, reporting, staging
from warifu_client.ended import End, Ended
from warifu_client.journal import Journal, Step
from warifu_client.layout import release_of
from warifu_client.machine import Machine
from warifu_client.starting import Started
from warifu_wire.errors import Fault, Refusal, Stopped
from warifu_wire.outcome import Phase, Result

TARGETS = 64
"""Verified targets kept for the next check; what is older is fetched again if it is needed."""
TRIES = 5
"""Starts on trial that may be cut off one after the other before the release is given up."""


def prove(machine: Machine, now: Journal) -> Ended:
    """Start the switched release until it started often enough; then commit, wait, or go back."""
    manifest = looking.kept_manifest(machine.layout, now.release)
    if manifest is None:
        return back(machine, now, "manifest-lost")
    tree = machine.layout.release(now.folder)
    while now.good < machine.settings.starts:
        if now.tries >= TRIES:
            return back(machine, now, "start-interrupted", refuse=True)
        now = journal.write(machine, now, tries=now.tries + 1)
        started = machine.means.start(machine.settings, manifest, tree)
        if started.undecided:
            now = journal.write(machine, now, tries=now.tries - 1)
            return _waiting(machine, now, started.failure)
        if not started.good:
            return back(machine, now, started.failure, refuse=True)
        now = journal.write(machine, now, good=now.good + 1, tries=0)
    health.note(machine, now.folder, Started(""))
    try:
        asking.still_allowed(machine, now.release)
    except Stopped as stop:
        return back(machine, now, stop.reason)
    except (Refusal, Fault) as error:
        return _waiting(machine, now, error.reason if isinstance(error, Refusal) else "no-answer")
    return commit(machine, journal.write(machine, now, step=Step.COMMITTING))


def commit(machine: Machine, now: Journal) -> Ended:
    """The release stays; the one before is kept, anything older goes."""
    older = machine.previous.read()
    if now.before and release_of(now.before) != now.release:
        machine.previous.point(now.before)
        machine.reached("previous")
    reporting.tell(machine, now, Phase.COMMIT, Result.OK)
    for name in {older or "", now.before} - {machine.previous.read(), now.folder, ""}:
        staging.retire(machine, name)
    empty(machine)
    journal.clear(machine)
    manifest = looking.kept_manifest(machine.layout, now.release)
    labels = {} if manifest is None else manifest.labels
    return Ended(End.INSTALLED, now.release, labels)


def back(machine: Machine, now: Journal, failure: str, *, refuse: bool = False) -> Ended:
    """Give the attempt up: first on disk that it is given up, then the way back."""
    if refuse:
        health.refuse(machine, now.release)
    return finish_back(machine, journal.write(machine, now, step=Step.RETURNING, failure=failure))


def finish_back(machine: Machine, now: Journal) -> Ended:
    """Point to what was there before, see that it starts, report, and remove the other."""
    if now.before:
        machine.current.point(now.before)
    else:
        machine.current.drop()
    machine.reached("pointed-back")
    asked = now.phase is Phase.ROLLBACK
    if asked:
        machine.previous.drop()
    else:
        reporting.tell(machine, now, now.phase, Result.FAILED, now.failure)
    _see(machine, now.before)
    reporting.tell(machine, now, Phase.ROLLBACK, Result.OK, now.failure)
    staging.retire(machine, now.folder)
    journal.clear(machine)
    if asked:
        return Ended(End.ROLLED_BACK, now.origin, code=now.failure)
    return Ended(End.UNDONE, now.release, code=now.failure)


def empty(machine: Machine) -> None:
    """Forget the attempt's own files, and manifests of releases that are no longer here."""
    here = {release_of(one.name) for one in machine.layout.releases.iterdir()}
    for path in machine.layout.manifests.iterdir():
        if path.stem not in here:
            path.unlink(missing_ok=True)
    for path in machine.layout.store.iterdir():
        _remove(path)
    for path in sorted(machine.layout.targets.iterdir(), key=_age)[:-TARGETS]:
        _remove(path)
    machine.reached("emptied")


def _see(machine: Machine, name: str) -> None:
    """The start test of the tree that is in use again."""
    release = release_of(name)
    manifest = None if release is None else looking.kept_manifest(machine.layout, release)
    if manifest is not None:
        tree = machine.layout.release(name)
        health.note(machine, name, machine.means.start(machine.settings, manifest, tree))


def _waiting(machine: Machine, now: Journal, code: str) -> Ended:
    """Nothing is known against the release, but it cannot be confirmed now: it stays on trial."""
    reporting.tell(machine, now, Phase.TRIAL, Result.STARTED, code)
    return Ended(End.TRIAL, now.release, code=code)


def _age(path: Path) -> int:
    return path.stat().st_mtime_ns


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
