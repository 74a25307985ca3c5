"""The sentence for each code and what to do next, in Japanese and English; the words are data.

words.json: code → Japanese, English, step. steps.json: step → Japanese, English.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta, timezone
from functools import cache
from importlib import resources
from typing import Literal

from warifu_sign.verdict import Status, Verdict

Language = Literal["ja", "en"]
JST = timezone(timedelta(hours=9), "JST")


def sentence(code: str, language: Language) -> str:
    """What happened."""
    return _codes()[code][language == "en"]


def next_step(code: str, language: Language) -> str:
    """What the person should do now; "" where there is nothing to do."""
    return _steps()[_codes()[code][2]][language == "en"]


def after(verdict: Verdict, language: Language) -> str:
    """What the person should do with a document that was judged."""
    step = _codes()[verdict.reason][2]
    if verdict.status is Status.INVALID and step != "clock":
        step = "signer"
    return _steps()[step][language == "en"]


def both(code: str) -> dict[str, str]:
    """The sentence of a code as sentence_ja and sentence_en."""
    return {"sentence_ja": sentence(code, "ja"), "sentence_en": sentence(code, "en")}


def told(code: str, facts: Mapping[str, str]) -> str:
    """Both sentences, what to do and the facts, for a terminal."""
    japanese, english = (
        " ".join(filter(None, (sentence(code, one), next_step(code, one)))) for one in ("ja", "en")
    )
    found = ", ".join(f"{name}: {fact}" for name, fact in facts.items())
    return f"{japanese} / {english} [{code}{': ' + found if found else ''}]"


def codes() -> frozenset[str]:
    """Every code that has its words."""
    return frozenset(_codes())


@cache
def _codes() -> dict[str, tuple[str, str, str]]:
    return {code: (one, two, step) for code, (one, two, step) in _read("words.json").items()}


@cache
def _steps() -> dict[str, tuple[str, str]]:
    return {step: (one, two) for step, (one, two) in _read("steps.json").items()}


def _read(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(
        resources.files("warifu_sign").joinpath(name).read_bytes()
    )
    return found
