"""The Why page: at most 40 lines for ten files, both languages, terminal and HTML."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest

from warifu.model.classes import Class, Finding, Hunk, Origin
from warifu.model.inspection import refuse
from warifu.model.lines import LineKind
from warifu.model.told import findings
from warifu.model.why import LINES, page
from warifu.model.why_words import Language
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
    for row in made.rows:
        (source,) = row.sources
        for wanted in ("next", "2012-02-12", "c" * 12, "developer three", "new <host>"):
            assert wanted in source
    assert "app/file9.py" in text
    assert text.count("owner of next") == 2
    assert "new &lt;host&gt;" in made.html()
    assert f'lang="{language.value}"' in made.html()


OTHER = dataclasses.replace(ORIGIN, commit="d" * 40, subject="another", author="developer four")
MANY = [
    *(
        Finding(
            Class.HYBRID,
            f"app/file{n}.py",
            dataclasses.replace(ORIGIN, line=f"line {n}"),
            (HUNK, dataclasses.replace(HUNK, found_at=40, origin=OTHER)) * 3,
        )
        for n in range(10)
    ),
    Finding(Class.UNTRACKED, "x"),
]


@pytest.mark.parametrize("language", list(Language))
def test_the_fullest_page_has_forty_lines(language: Language) -> None:
    """Ten mixed files of ten lines, unknown bytes, more than are shown, and a differing binary."""
    made = page("e-application", MANY, language, "warifu why --look")
    assert len(made.lines) == LINES
    assert made.lines[-1] == made.words["never"]
    assert "warifu why --look" in made.text()


def test_each_hunk_of_a_mixed_file_is_told_with_its_own_commit() -> None:
    unknown = dataclasses.replace(HUNK, found_at=77, origin=None)
    cut = (HUNK, dataclasses.replace(HUNK, found_at=40, origin=OTHER), unknown)
    (row,) = page("e-application", [Finding(Class.HYBRID, "a", ORIGIN, cut)], Language.EN).rows
    assert row.what.endswith("(3 hunks, at lines 3, 40, 77)")
    assert [one.split(":")[0] for one in row.sources] == ["line 3", "line 40"]
    assert "d" * 12 in row.sources[1]


def test_what_is_summed_up_says_where_from_and_what_to_do() -> None:
    wip = dataclasses.replace(ORIGIN, line="work", kind=LineKind.WIP, planned=None, owner="")
    old = dataclasses.replace(ORIGIN, line="ver110", kind=LineKind.APPROVED, planned=None)
    unplanned = dataclasses.replace(ORIGIN, line="later", planned=None)
    for finding, wanted, step in [
        (
            Finding(Class.LATER, "a", ORIGIN),
            "1 from the line next, planned for 2012-02-12",
            "Leave",
        ),
        (Finding(Class.LATER, "a", unplanned), "not planned for a day yet; ask owner", "Leave"),
        (Finding(Class.LATER, "a", wip), "work in progress; ask developer three", "Leave"),
        (Finding(Class.STALE, "a", old), "ver110, an earlier state of it", "Compose"),
        (Finding(Class.MISSING, "a"), "1 missing", "Compose"),
        (Finding(Class.MODE, "a"), "1 approved, but in another form or place", "Compose"),
        (Finding(Class.NORMALISED, "a", of=Class.APPROVED), "approved, but in another", "Compose"),
        (Finding(Class.UNTRACKED, "a"), "1 from no registered line", "Find out"),
    ]:
        made = page("e-application", [finding], Language.EN)
        assert wanted in "\n".join(made.summary), finding
        assert made.advice[0].startswith(step), finding
        assert "1. " in made.text()
        assert made.title.endswith("One file is not the approved bytes.")


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
    assert made.lines[0].startswith("e-application: not composed. 1001 files are not")


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
