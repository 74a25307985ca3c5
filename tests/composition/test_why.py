"""The Why page: at most 40 lines for ten files, both languages, terminal and HTML."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest

from warifu.model.classes import Class, Finding, Hunk, Origin
from warifu.model.inspection import refuse
from warifu.model.lines import LineKind
from warifu.model.told import findings
from warifu.model.why import LINES, Language, page
from warifu_wire.errors import Contaminated, Malformed

ORIGIN = Origin(
    "next", LineKind.NEXT, "c" * 40, "a.py", "developer three", "new <host>", date(2012, 2, 12),
    "owner of next",
)  # fmt: skip
UNKNOWN = '[{"class":"nice","hunks":[],"member":"a","of":"","origin":null,"relates":""}]'
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


@pytest.mark.parametrize("language", list(Language))
def test_the_page_is_the_same_from_the_recorded_refusal(language: Language) -> None:
    told = [
        Finding(Class.HYBRID, "app/main.py", ORIGIN, (HUNK,)),
        Finding(Class.NORMALISED, "b", dataclasses.replace(ORIGIN, planned=None), of=Class.LATER),
        Finding(Class.UNTRACKED, "c", None, (dataclasses.replace(HUNK, origin=None),)),
    ]
    with pytest.raises(Contaminated) as caught:
        refuse("e-application", told)
    again = findings(caught.value.facts)
    assert page("e-application", again, language) == page("e-application", told, language)


@pytest.mark.parametrize("facts", ["[{}]", "{}", "no", '[{"class":"x"}]', UNKNOWN])
def test_other_facts_are_malformed(facts: str) -> None:
    assert findings({}) == ()
    with pytest.raises(Malformed):
        findings({"findings": facts})
