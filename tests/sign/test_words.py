"""Every code that can reach a person has its sentences, and no sentence is for nothing."""

from __future__ import annotations

import re
from pathlib import Path

import warifu_sign
from warifu_sign import words
from warifu_sign.window.asking import KNOWN

SOURCES = Path(warifu_sign.__file__).parent
CODED = re.compile(
    r"""(?:Refusal|Fault)\(\s*"([a-z0-9-]+)"|Finding\(\s*Status\.\w+,\s*"([a-z-]+)\""""
)


def test_codes_and_sentences_agree() -> None:
    used = {
        first or second
        for path in SOURCES.rglob("*.py")
        for first, second in CODED.findall(path.read_text("utf-8"))
    }
    assert used | KNOWN | {"ok"} == set(words.sentences())


def test_sentences_are_sentences_in_both_languages() -> None:
    for code, (japanese, english) in words.sentences().items():
        assert japanese.endswith("。"), code
        assert english.endswith("."), code
        assert not japanese.isascii(), code
        assert english.isascii(), code
