"""A verdict at the desk: one of five states, a sentence, what to do, and the details."""

from __future__ import annotations

from html import escape

from warifu_sign import words
from warifu_sign.desk.html import details, listing, moment, say
from warifu_sign.verdict import Status, Verdict
from warifu_sign.words import Language


def state(found: Verdict) -> str:
    """The state's name: proved, valid, undecided, unsigned or invalid."""
    if found.status is Status.VALID:
        return "proved" if found.stamped_at else "valid"
    if found.reason == "signature-missing":
        return "unsigned"
    return "undecided" if found.status is Status.INDETERMINATE else "invalid"


def told(found: Verdict, language: Language) -> dict[str, str]:
    """One verdict for the list: its state, its words, its details as HTML."""
    name = state(found)
    who = found.signatory
    rows = [
        ("profile", _profile(found.profile, language)),
        ("holder", who.name if who else "–"),
        ("issuer", who.issuer if who else "–"),
        ("serial", who.serial if who else "–"),
        ("claimed", moment(found.claimed_at, language)),
        ("stamped", moment(found.stamped_at, language)),
        ("policy", found.policy),
        ("reason", found.reason),
    ]
    facts = "".join(f"<li>{escape(one)}: {escape(fact)}</li>" for one, fact in found.facts.items())
    inner = listing(rows, language) + (f"<ul>{facts}</ul>" if facts else "")
    signed = f"<p>{say('signed_by', language)}: <b>{escape(who.name)}</b></p>" if who else ""
    after = words.after(found, language)
    return {
        "state": name,
        "label": say(name, language),
        "sentence": (
            f"{signed if found.valid else ''}<p>{escape(words.sentence(found.reason, language))}"
            f"</p>{f'<p>{escape(after)}</p>' if after else ''}"
        ),
        "details": details(inner, language),
    }


def _profile(name: str, language: Language) -> str:
    """A profile by its name for people, and its own."""
    return f"{say(f'profile_{name}', language)} ({name})" if name else "–"
