"""What runs out, by role, said before every command: long enough ahead to do something."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from warifu.app.wiring import House
from warifu.model.brakes import JST
from warifu.model.publication import Expiring
from warifu_wire.errors import Fault, Refusal

_FORMS = {
    "en": "{role} expires {expires}; needed: {needed}",
    "ja": "{role} の期限は {expires}。必要なもの: {needed}",
}
_OVER = {
    "en": "{role} has expired ({expires}); needed: {needed}",
    "ja": "{role} の期限が切れています({expires})。必要なもの: {needed}",
}
_WORKER = "`warifu serve` または `warifu work`({} の鍵)"
_NEEDED: Mapping[str, str] = {
    "root": "`warifu keys renew`(root の鍵3本のうち2本)",
    "targets": "`warifu keys renew`(targets の鍵3本のうち2本)",
    **{
        role: _WORKER.format(key)
        for role, key in {
            "stops": "stops-resigner または当番",
            "gates": "gates",
            "releases": "releases",
            "snapshot": "snapshot",
            "timestamp": "timestamp",
        }.items()
    },
}


def told(one: Expiring, language: str, now: datetime) -> str:
    """A role that runs out, in one line."""
    form = (_OVER if one.expires <= now else _FORMS)[language]
    needed = _NEEDED[one.role] if language == "ja" else one.needed
    expires = f"{one.expires.astimezone(JST):%Y-%m-%d %H:%M} JST"
    return form.format(role=one.role, expires=expires, needed=needed)


def warnings(house: House, language: str, now: datetime) -> tuple[str, ...]:
    """A line for each role that runs out; none where the tree cannot be read, because then the
    command itself says so."""
    try:
        found = house.repository.expiring(now)
    except (Refusal, Fault):
        return ()
    return tuple(told(one, language, now) for one in found)
