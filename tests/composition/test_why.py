"""The Why page: at most 40 lines for ten files, both languages, terminal and HTML."""

from __future__ import annotations

from datetime import date

import pytest

from warifu.model.classes import Class, Finding, Hunk, Origin
from warifu.model.lines import LineKind
from warifu.model.why import LINES, Language, page

ORIGIN = Origin(
    "next", LineKind.NEXT, "c" * 40, "a.py", "developer three", "new <host>", date(2012, 2, 12),
    "owner of next",
)  # fmt: skip
HUNK = Hunk(3, (b"old\n",), 3, (b"new\n",), ORIGIN)


@pytest.mark.parametrize("language", list(Language))
def test_ten_files_are_told_on_one_page(language: Language) -> None:
    findings = [
        Finding(Class.LATER, f"app/file{n}.py", ORIGIN, (HUNK,) * (n % 2)) for n in range(10)
    ]
    made = page("e-application", findings, language)
    text = made.text()
    assert len(made.lines) <= LINES
    for wanted in (
        "app/file9.py",
        "next",
        "2012-02-12",
        "owner of next",
        "c" * 12,
        "developer three",
    ):
        assert wanted in text
    assert "new &lt;host&gt;" in made.html()
    assert f'lang="{language.value}"' in made.html()


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("cls", list(Class))
def test_every_class_has_words(language: Language, cls: Class) -> None:
    told = [Finding(cls, "a", None, relates="b"), Finding(cls, "a\x1b[2J", None, of=Class.APPROVED)]
    made = page("e-application", told, language).text()
    assert "\x1b" not in made
    assert "{" not in made


def test_a_thousand_members_still_fit() -> None:
    findings = [Finding(Class.UNTRACKED, f"file{n}") for n in range(1000)]
    findings += [Finding(Class.LATER, "x", ORIGIN)]
    made = page("e-application", findings, Language.EN)
    assert len(made.lines) <= LINES
    assert "991 more" in made.text()
    assert "no switch" in made.lines[-1]
