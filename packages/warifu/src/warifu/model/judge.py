"""The judgement of one differing member, from what the histories say about it."""

from __future__ import annotations

from collections.abc import Mapping

from warifu.model.classes import Class, Finding, Origin, Suspect, Witness
from warifu.model.edits import Effort
from warifu.model.hunks import by_text
from warifu.model.lines import LineKind


def judge(
    suspect: Suspect, witness: Witness, approved: Mapping[str, str], effort: Effort
) -> Finding:
    """The class of one suspect; `approved` maps the sha256 of every approved file to its path.

    `effort` is what texts may still cost: whatever a hostile archive holds, there is an answer.
    """
    found, expected = suspect.found, suspect.expected
    if found is None:
        return Finding(Class.MISSING, suspect.member)
    if expected is not None and found.sha256 == expected.sha256:
        return Finding(Class.MODE, suspect.member, _here(suspect, witness))
    moved = approved.get(found.sha256)
    if moved is not None and not trivial(found.data):
        return Finding(Class.RELOCATED, suspect.member, _here(suspect, witness), relates=moved)
    seen = _seen(suspect, witness)
    if seen is not None:
        return seen
    if witness.dangling and not trivial(found.data):
        return Finding(Class.DANGLING, suspect.member)
    if witness.derived is not None:
        return Finding(Class.DERIVED_FROM, suspect.member, witness.derived)
    return by_text(suspect, witness, effort)


def trivial(data: bytes) -> bool:
    """Bytes too common to say anything: an empty `__init__.py` is introduced a thousand times."""
    return len(data.strip()) < 16


def _here(suspect: Suspect, witness: Witness) -> Origin | None:
    """The other line's commit that put these bytes at this very path."""
    return next((one for one in _later(witness) if one.path == suspect.source), None)


def _later(witness: Witness) -> list[Origin]:
    return [one for one in witness.seen if one.kind in (LineKind.NEXT, LineKind.WIP)]


def _seen(suspect: Suspect, witness: Witness) -> Finding | None:
    """Later, stale or reverted, when some history holds exactly these bytes.

    The path decides first; bytes alone name a line only when they are not trivial.
    """
    later = _later(witness)
    before = [one for one in witness.seen if one not in later]
    at_path = [one for one in later if suspect.source and one.path == suspect.source]
    before_at_path = [one for one in before if suspect.source and one.path == suspect.source]
    if at_path and before_at_path:
        return Finding(Class.REVERTED, suspect.member, at_path[0])
    if at_path:
        return Finding(Class.LATER, suspect.member, at_path[0])
    if before_at_path:
        return Finding(Class.STALE, suspect.member, before_at_path[0])
    assert suspect.found is not None
    if trivial(suspect.found.data):
        return None
    if later:
        return Finding(Class.LATER, suspect.member, later[0])
    if before:
        return Finding(Class.STALE, suspect.member, before[0])
    return None
