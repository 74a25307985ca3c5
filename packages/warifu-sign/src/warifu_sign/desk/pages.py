"""The desk's pages as HTML. Every value is escaped; there is no script in a page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from html import escape
from importlib import resources
from typing import Literal

from warifu_sign import __version__, files, words
from warifu_sign.certificate import days_left, signatory
from warifu_sign.desk.acts import Desk
from warifu_sign.errors import Fault, Refusal
from warifu_sign.verdict import Status, Verdict
from warifu_sign.words import JST

Language = Literal["ja", "en"]
PAGES = ("certificate", "fetch", "sign", "verify", "update", "diagnostics")


@cache
def _words() -> dict[str, tuple[str, str]]:
    raw = json.loads(resources.files("warifu_sign.desk").joinpath("words.json").read_bytes())
    return {name: (japanese, english) for name, (japanese, english) in raw.items()}


def say(name: str, language: Language) -> str:
    """A word of the screens, escaped."""
    return escape(_words()[name][language == "en"])


def page(name: str, body: str, language: Language) -> str:
    """A whole page around its body."""
    other = "en" if language == "ja" else "ja"
    links = "".join(
        f'<li><a href="/{one}"{" aria-current=page" if one == name else ""}>{say(one, language)}'
        "</a></li>"
        for one in PAGES
    )
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f"<title>{say(name, language)} – {say('title', language)}</title>"
        '<meta name="viewport" content="width=device-width">'
        '<link rel="stylesheet" href="/static/desk.css">'
        '<script src="/static/desk.js" defer></script>'
        f'</head><body><a class="skip" href="#main">{say("skip", language)}</a>'
        f"<header><strong>{say('title', language)}</strong><nav><ul>{links}</ul></nav>"
        f'<a lang="{other}" href="/language?to={other}&amp;page={name}">{say("language", language)}'
        f'</a></header><main id="main" tabindex="-1"><h1>{say(name, language)}</h1>{body}</main>'
        "</body></html>"
    )


def certificate(desk: Desk, language: Language) -> str:
    """Whose certificate it is, how long it lasts, and whether the key is open."""
    own = desk.certificate()
    if own is None:
        link = f"<a class=button href=/fetch>{say('fetch', language)}</a>"
        return f"<p>{say('none', language)}</p><p>{link}</p>"
    who = signatory(own)
    left = days_left(own, desk.now())
    rows = {
        "holder": who.name,
        "days": str(left),
        "until": who.not_after.astimezone(JST).strftime("%Y-%m-%d %H:%M JST"),
        "issuer": who.issuer,
        "serial": who.serial,
        "fingerprint": who.fingerprint,
    }
    return _list(rows.items(), language) + _key(desk, language)


def fetch(language: Language) -> str:
    """The form that turns a letter into a certificate."""
    fields = (
        _field("address", "authority", "url", "https://", language)
        + _field("reference", "reference", "text", "", language)
        + _field("pin", "pin", "password", "", language)
        + _field("password", "new_password", "password", "", language)
        + _field("again", "again", "password", "", language)
    )
    return (
        f"<p>{say('fetch_lead', language)}</p><form method=post action=/fetch>{fields}"
        f"<button>{say('fetch_do', language)}</button></form>"
    )


def fetched(desk: Desk, holder: str, language: Language) -> str:
    """What was fetched, and the root's digest to hold against the letter."""
    roots = "".join(
        f"<p><code>{hashlib.sha256(files.read(path, most=1 << 20)).hexdigest()}</code></p>"
        for path in sorted(desk.trusted.glob("*.cer"))
    )
    return (
        f'<p role=status class="told good">{say("fetched", language)} {escape(holder)}</p>'
        f"<p>{say('root', language)}</p>{roots}"
        f"<p><a class=button href=/certificate>{say('certificate', language)}</a></p>"
    )


def sign(desk: Desk, language: Language) -> str:
    """Where documents are dropped, and the list of what became of each."""
    if desk.key is None:
        return f"<p>{say('unlock_first', language)}</p>{_key(desk, language)}"
    own = desk.certificate()
    holder = escape(signatory(own).name) if own else ""
    box = f"<label class=check><input type=checkbox id=visible> {say('visible', language)}</label>"
    where = f"{say('where', language)}: <code>{escape(str(desk.signed))}</code>"
    whose = f"<p>{say('holder', language)}: <b>{holder}</b></p>"
    return f"{whose}{_drop('sign', box, language)}<p>{where}</p>"


def verify(language: Language) -> str:
    """Where signed documents are dropped, and the verdict on each."""
    return _drop("verify", "", language)


def update(desk: Desk, language: Language) -> str:
    """This edition, and what the updater last said of it."""
    path = desk.home / "update.json"
    told = say("update_unknown", language)
    if path.exists():
        told = f"<code>{escape(files.read(path, most=65_536).decode('utf-8', 'replace'))}</code>"
    edition = _list([("edition", __version__)], language)
    return f"{edition}<p>{say('update_lead', language)}</p><p>{told}</p>"


def diagnostics(desk: Desk, language: Language) -> str:
    """What the help desk asks for."""
    return (
        f"<p>{say('report_lead', language)}</p><p><a class=button href=/report download="
        f'"warifu-sign-report.json">{say("report", language)}</a></p>'
        f"<pre tabindex=0>{escape(desk.report())}</pre>"
    )


def trouble(error: Refusal | Fault, language: Language) -> str:
    """Why something was refused, for the person who asked for it."""
    sentence = words.sentence(error.code, language)
    facts = "".join(
        f"<li>{escape(name)}: {escape(fact)}</li>" for name, fact in error.facts.items()
    )
    return (
        f'<div role=alert class="told bad"><p>{escape(sentence)}</p><ul>{facts}</ul>'
        f"<p>{say('retry', language)}</p></div>"
    )


def verdict(found: Verdict, language: Language) -> dict[str, str]:
    """One verdict for the list: its state, its sentence, its details as HTML."""
    state = _state(found)
    who = found.signatory
    rows = {
        "reason": found.reason,
        "profile": found.profile or "–",
        "holder": who.name if who else "–",
        "issuer": who.issuer if who else "–",
        "serial": who.serial if who else "–",
        "claimed": _when(found, "claimed_at"),
        "stamped": _when(found, "stamped_at"),
        "policy": found.policy,
    }
    sentence = words.sentence(found.reason, language)
    return {
        "state": state,
        "label": say(state, language),
        "sentence": escape(sentence),
        "details": f"<details><summary>{say('details', language)}</summary>"
        f"{_list(rows.items(), language)}</details>",
    }


def _state(found: Verdict) -> str:
    if found.status is Status.VALID:
        return "proved" if found.stamped_at else "valid"
    if found.reason == "signature-missing":
        return "unsigned"
    return "invalid" if found.status is Status.INVALID else "undecided"


def _when(found: Verdict, name: Literal["claimed_at", "stamped_at"]) -> str:
    moment = found.claimed_at if name == "claimed_at" else found.stamped_at
    return moment.astimezone(JST).strftime("%Y-%m-%d %H:%M:%S JST") if moment else "–"


def _key(desk: Desk, language: Language) -> str:
    if desk.key is not None:
        return (
            f'<p role=status class="told good">{say("open", language)}</p><form method=post '
            f"action=/lock><button class=quiet>{say('lock', language)}</button></form>"
        )
    return (
        f"<h2>{say('locked', language)}</h2><form method=post action=/unlock>"
        f"{_field('password', 'password', 'password', '', language)}"
        f"<button>{say('unlock', language)}</button></form>"
    )


def _drop(verb: str, options: str, language: Language) -> str:
    return (
        f'<section id=drop class=drop data-verb={verb} data-working="{say("working", language)}">'
        f"<p>{say('drop', language)}</p>{options}<label class=button for=files>"
        f"{say('choose', language)}</label><input id=files class=away type=file multiple></section>"
        "<table aria-live=polite><thead><tr>"
        f"<th scope=col>{say('files', language)}</th>"
        f"<th scope=col>{say('state', language)}</th></tr></thead>"
        "<tbody id=results></tbody></table>"
    )


def _field(name: str, word: str, kind: str, value: str, language: Language) -> str:
    return (
        f"<p class=field><label for={name}>{say(word, language)}</label><input id={name} "
        f'name={name} type={kind} value="{escape(value)}" required autocomplete=off></p>'
    )


def _list(rows: Iterable[tuple[str, str]], language: Language) -> str:
    inner = "".join(
        f"<dt>{say(name, language)}</dt><dd>{escape(value)}</dd>" for name, value in rows
    )
    return f"<dl>{inner}</dl>"
