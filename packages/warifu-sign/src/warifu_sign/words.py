"""The sentence for each code, in Japanese and English; the sentences themselves are words.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources


def both(code: str) -> dict[str, str]:
    """The sentence of a code as sentence_ja and sentence_en."""
    japanese, english = sentences()[code]
    return {"sentence_ja": japanese, "sentence_en": english}


def told(code: str, facts: Mapping[str, str]) -> str:
    """Both sentences and the facts, for a terminal."""
    japanese, english = sentences()[code]
    found = ", ".join(f"{name}: {fact}" for name, fact in facts.items())
    return f"{japanese} / {english} [{code}{': ' + found if found else ''}]"


@cache
def sentences() -> dict[str, tuple[str, str]]:
    """Every code with its two sentences."""
    raw = json.loads(resources.files("warifu_sign").joinpath("words.json").read_bytes())
    return {code: (japanese, english) for code, (japanese, english) in raw.items()}
