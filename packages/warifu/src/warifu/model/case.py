"""A case at the help desk: who called, what they have installed, and what they are entitled to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from warifu_wire.digest import Digest
from warifu_wire.routes import Health, Routes, Tree


class Symptom(StrEnum):
    """What a member can see; the words the desk and the failure reports share."""

    HOST_DOES_NOT_START = "host-does-not-start"
    CANNOT_SIGN = "cannot-sign"
    UPDATE_FAILED = "update-failed"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Case:
    """A case as it came in; `release` is what the caller's machine is known to have, if it is."""

    id: str
    channel: str
    member: str
    symptom: Symptom
    release: Digest | None
    at: datetime


def entitled(routes: Routes | None, case: Case) -> Digest | None:
    """The release the routes offer a machine in that state, or None: what the desk may say."""
    if routes is None or case.release is None:
        return None
    health = Health.UNKNOWN if case.symptom is Symptom.OTHER else Health.BROKEN
    route = routes.route(case.release, Tree.INTACT, health)
    return None if route is None else route.offer
