"""Pieces of the desk's pages. Every value is escaped; there is no script in a page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from html import escape
from importlib import resources

from warifu_sign import words
from warifu_sign.errors import Fault, Refusal
from warifu_sign.words import JST, Language

PAGES = ("certificate", "fetch", "sign", "verify", "update", "diagnostics")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


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
        f'<li><a href="/{one}"{" aria-current=page" if one == name else ""}>'
        f"{say(one, language)}</a></li>"
        for one in PAGES
    )
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f"<title>{say(name, language)} – {say('title', language)}</title>"
        '<meta name="viewport" content="width=device-width">'
        '<link rel="stylesheet" href="/static/desk.css">'
        '<script src="/static/desk.js" defer></script>'
        f'</head><body><a class="skip" href="#main">{say("skip", language)}</a>'
        f"<header><strong>{say('title', language)}</strong>"
        f'<nav aria-label="{say("menu", language)}"><ul>{links}</ul></nav>'
        f'<a lang="{other}" href="/language?to={other}&amp;page={name}">{say("language", language)}'
        f"</a><form method=post action=/quit><button class=quiet>{say('quit', language)}</button>"
        f'</form></header><main id="main" tabindex="-1"><h1>{say(name, language)}</h1>{body}</main>'
        "</body></html>"
    )


def field(
    name: str, word: str, kind: str, value: str, language: Language, *, hint: str = ""
) -> str:
    """A labelled field of a form; passwords are never filled in. hint: a word said below it."""
    told = f"<small id={name}-hint>{say(hint, language)}</small>" if hint else ""
    described = f" aria-describedby={name}-hint" if hint else ""
    return (
        f"<p class=field><label for={name}>{say(word, language)}</label><input id={name} "
        f'name={name} type={kind} value="{escape(value)}" required autocomplete=off '
        f"autocapitalize=off spellcheck=false{described}>{told}</p>"
    )


def check(name: str, word: str, on: bool, language: Language, *, required: bool = False) -> str:
    """A box to tick."""
    return (
        f"<p class=check><label><input type=checkbox name={name} id={name} value=1"
        f"{' checked' if on else ''}{' required' if required else ''}> {say(word, language)}"
        "</label></p>"
    )


def form(action: str, fields: str, button: str, language: Language, *, files: bool = False) -> str:
    """A form with its one button."""
    kind = " enctype=multipart/form-data" if files else ""
    return (
        f"<form method=post action=/{action}{kind}>{fields}"
        f"<button>{say(button, language)}</button></form>"
    )


def lead(name: str, language: Language) -> str:
    """A paragraph."""
    return f"<p>{say(name, language)}</p>"


def link(place: str, word: str, language: Language, *, quiet: bool = False) -> str:
    """A link that looks like the button it is used as."""
    return f'<a class="button{" quiet" if quiet else ""}" href=/{place}>{say(word, language)}</a>'


def listing(rows: Iterable[tuple[str, str]], language: Language) -> str:
    """Names and values; the names are words of the screens."""
    inner = "".join(
        f"<dt>{say(name, language)}</dt><dd>{escape(value)}</dd>" for name, value in rows
    )
    return f"<dl>{inner}</dl>"


def details(inner: str, language: Language, word: str = "details") -> str:
    """What is there to be unfolded."""
    return f"<details><summary>{say(word, language)}</summary>{inner}</details>"


def told(kind: str, inner: str) -> str:
    """A message: good, warn or bad."""
    role = "alert" if kind == "bad" else "status"
    return f'<div role={role} class="told {kind}">{inner}</div>'


def trouble(error: Refusal | Fault, language: Language) -> str:
    """Why something was refused, and what to do, for the person who asked for it."""
    return told("bad", sentences(error.code, error.facts, language))


def sentences(code: str, facts: Mapping[str, str], language: Language) -> str:
    """What happened, what to do next; facts that help a member, the others folded."""
    known = [(f"fact_{name}", fact) for name, fact in facts.items() if f"fact_{name}" in _words()]
    rest = "".join(
        f"<li>{escape(name)}: {escape(fact)}</li>"
        for name, fact in {"code": code, **facts}.items()
        if f"fact_{name}" not in _words()
    )
    shown = listing([(name, readable(fact, language)) for name, fact in known], language)
    technical = details(f"<ul>{rest}</ul>", language, "technical")
    return (
        f"<p><b>{escape(words.sentence(code, language))}</b></p>{shown if known else ''}"
        f"<p>{escape(words.next_step(code, language))}</p>{technical}"
    )


def readable(fact: str, language: Language) -> str:
    """A time as people here read it; anything else as it is."""
    if _INSTANT.fullmatch(fact):
        return moment(datetime.fromisoformat(fact), language)
    return fact


def moment(when: datetime | None, language: Language) -> str:
    """A time in Japan, to the second; – for none."""
    if when is None:
        return "–"
    here = when.astimezone(JST)
    if language == "en":
        return f"{here:%Y-%m-%d %H:%M:%S} JST"
    return f"{here.year}年{here.month}月{here.day}日 {here:%H:%M:%S}(日本時間)"


def day(when: datetime, language: Language) -> str:
    """A day in Japan."""
    here = when.astimezone(JST)
    return f"{here:%Y-%m-%d}" if language == "en" else f"{here.year}年{here.month}月{here.day}日"


def digest(value: str) -> str:
    """A digest as the letter prints it: two lines of four groups, to be compared by eye."""
    groups = [value[start : start + 8] for start in range(0, len(value), 8)]
    return f"<code class=digest>{' '.join(groups[:4])}<br>{' '.join(groups[4:])}</code>"
