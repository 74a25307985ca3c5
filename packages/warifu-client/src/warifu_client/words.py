"""What the updater says to the member, in Japanese and English: what happened, and what to do.

The words are data (words.json): by code, as pairs of Japanese and English, with the next step.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from datetime import timedelta, timezone
from functools import cache
from importlib import resources
from typing import Any

from warifu_client.ended import Ended
from warifu_client.progress import Moment
from warifu_client.settings import Settings
from warifu_client.standing import Status
from warifu_wire import times
from warifu_wire.errors import Fault, Malformed, Refusal
from warifu_wire.routes import Tree

LANGUAGES = ("ja", "en")
JST = timezone(timedelta(hours=9), "JST")
SHORT = 12
FEW = 3
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


def usual() -> str:
    """The language of this system, Japanese where it has none of the two.

    By the usual order of POSIX: LC_ALL, LC_MESSAGES, LANG.
    """
    names = (os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "en" if next(filter(None, names), "").startswith("en") else "ja"


def refusal(error: Refusal, language: str) -> str:
    """Why the house says no, who said so, and what to do."""
    facts = {**error.facts, "needed": error.needed, "code": error.reason}
    code = "clock-apart" if "apart" in facts else error.reason
    if "apart" in facts:
        facts["apart"] = span(int(facts["apart"]), language)
    if code not in _words()["refusals"] and reason(code, language) != code:
        code, facts["reason"] = "did-not-start", reason(code, language)
    said = _sentence("refusals", code, "other", language, facts)
    return said if error.reason == "clock-jumped" else f"{said} {say('unchanged', language)}"


def fault(error: Fault, language: str) -> str:
    """What gave way, and what to do; the place of it in brackets, for the help desk."""
    said = _sentence("faults", error.needed, "fault", language, {"code": error.what})
    return f"{said} [{error.what}]"


def ended(end: Ended, language: str) -> str:
    """How it ended."""
    facts = {
        "label": _label(end.labels, language),
        "reason": reason(end.code, language),
        "release": short(end.release),
        "size": size(end.size),
        "why": end.why.get(language, ""),
    }
    return _filled(_pair("ends", end.end.value), language, facts).strip()


def hint(end: Ended, language: str, where: str) -> str:
    """The command that goes on from here, for whoever types commands; "" where there is none."""
    name = end.code if end.code in _words()["hints"] else end.end.value
    known = name in _words()["hints"]
    return _under("hints", name, language, {"where": where}) if known else ""


def reason(code: str, language: str) -> str:
    """A word of the shared vocabulary as people say it; an unknown one as it is."""
    known = "start-exit" if code.startswith("start-exit-") else code
    pair = _words()["reasons"].get(known)
    return code if pair is None else _filled(pair, language, {"code": code})


def status(found: Status, sends: bool, language: str) -> str:
    """Where the machine stands, a line for each thing that matters."""
    look = found.look
    if look.folder is None:
        return _under("status", "none", language)
    manifest = look.manifest
    label = _label(manifest.labels if manifest else {}, language)
    strange = [*(one.path for one in look.wrong), *look.extra]
    named = ", ".join(strange[:FEW]) + (" …" if len(strange) > FEW else "")
    facts = {
        "label": label,
        "release": short(look.release),
        "tree": _under("trees", look.tree.value, language),
        "wrong": f" ({named})" if named else "",
        "health": _under("healths", look.health.value, language),
        "kept": short(found.kept),
        "queued": str(found.queued),
        "sends": _under("status", "yes" if sends else "no", language),
    }
    damaged = look.release is not None and look.tree is not Tree.INTACT
    names = (
        "installed" if look.release else "unknown",
        "tree",
        "health",
        "kept" if found.kept else "no-kept",
        "reports",
        *(["under-way"] if found.under_way else []),
        *(["mend"] if damaged else []),
    )
    return "\n".join(_under("status", name, language, facts) for name in names)


def progress(moment: Moment, language: str) -> str:
    """The phase, and of a download: bytes, rate and remaining time, short enough for one line."""
    phase = _under("phases", moment.step, language)
    if not moment.total:
        return f"{phase} …"
    left = moment.remaining
    rest = "" if left is None else f"  {left:.0f} s"
    done = f"{size(moment.done)} / {size(moment.total)}"
    return f"{phase}  {done}  {moment.rate / 1e6:.1f} MB/s{rest}"


def consent(settings: Settings) -> str:
    """What is sent, or that nothing is."""
    return say("consent" if settings.report else "silent", settings.language)


def say(name: str, language: str, **facts: str) -> str:
    """A sentence by its name."""
    return _filled(_words()[name], language, facts)


def helping(name: str, language: str) -> str:
    """A line of help on the command line."""
    return _under("help", name, language).replace("%", "%%")


def size(count: int) -> str:
    """Bytes as people read them."""
    for unit, bytes_ in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)):
        if count >= bytes_:
            return f"{count / bytes_:.1f} {unit}"
    return f"{count} B"


def span(seconds: int, language: str) -> str:
    """How far a clock is ahead or behind, in its largest unit."""
    side = _under("spans", "ahead" if seconds > 0 else "behind", language)
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if abs(seconds) >= length:
            return _under("spans", unit, language, {"n": str(abs(seconds) // length), "side": side})
    return _under("spans", "seconds", language, {"n": str(abs(seconds)), "side": side})


def short(release: str | None) -> str:
    """A release as people compare it."""
    return (release or "")[:SHORT]


def codes() -> Mapping[str, frozenset[str]]:
    """Every code that has words of its own, by the kind of it."""
    return {kind: frozenset(_words()[kind]) for kind in ("refusals", "faults", "reasons")}


def _label(labels: Mapping[str, str], language: str) -> str:
    return labels.get(language) or next(iter(labels.values()), "")


def _sentence(kind: str, code: str, otherwise: str, language: str, facts: Mapping[str, str]) -> str:
    """What happened, then what to do."""
    found = _words()[kind].get(code) or _words()[otherwise]
    parts = (found[:2], _words()["steps"][found[2]])
    return " ".join(filter(None, (_filled(one, language, facts) for one in parts)))


def _under(kind: str, name: str, language: str, facts: Mapping[str, str] | None = None) -> str:
    return _filled(_pair(kind, name), language, facts or {})


def _pair(kind: str, name: str) -> list[str]:
    found: list[str] = _words()[kind][name]
    return found


class _Facts(dict[str, str]):
    """A fact that a sentence names and nobody gave is a dash, not an error."""

    def __missing__(self, key: str) -> str:
        return "—"


def _filled(said: list[str], language: str, facts: Mapping[str, str]) -> str:
    shown = {name: _shown(fact) for name, fact in facts.items()}
    return said[LANGUAGES.index(language)].format_map(_Facts(shown))


def _shown(fact: str) -> str:
    """Times are shown where the members are: JST."""
    if not _TIME.fullmatch(fact):
        return fact
    try:
        return times.read(fact).astimezone(JST).strftime("%Y-%m-%d %H:%M JST")
    except Malformed:
        return fact


@cache
def _words() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        resources.files("warifu_client").joinpath("words.json").read_bytes()
    )
    return found
