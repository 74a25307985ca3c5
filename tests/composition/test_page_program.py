"""An approver reads what changed, by whom, and what was tested, before signing exactly that."""

from __future__ import annotations

import dataclasses
import unicodedata
from pathlib import Path

import pytest

from tests.composition.bench import Bench
from tests.composition.test_verified import altered, with_composed
from tests.composition.world import World
from warifu.app import page_program
from warifu.model.verification import Verified, suites
from warifu_wire import canonical
from warifu_wire.canonical import Json
from warifu_wire.statements import Predicate


@pytest.fixture(scope="module")
def made(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, Verified]:
    """One honest verification."""
    bench = Bench(world, tmp_path_factory.mktemp("page"))
    return bench, bench.verify(bench.compose())


def test_changes_and_tests_are_told(made: tuple[Bench, Verified], world: World) -> None:
    _, one = made
    english, japanese = (page_program.lines(one, language) for language in ("en", "ja"))
    assert len(english) == len(japanese)
    for wanted in (
        "program update: ",
        "approved changes: 2",
        f"{world.commits['change1'][:12]} by developer one: open the new form",
        f"{world.commits['approved'][:12]} by developer two: strip no more",
        "suite road: 1 passed, 0 not run",
        f"exactly the approved bytes: all {len(one.composition.manifest.members)} files",
    ):
        assert any(wanted in line for line in english), wanted
    assert "プログラム 更新" in japanese[0]
    assert any("合格 1 件" in line for line in japanese)
    assert suites(one) == (("road", 1, 0),)


def test_long_lists_are_cut_and_no_subject_redraws_the_page(
    made: tuple[Bench, Verified],
) -> None:
    bench, one = made
    many: list[Json] = [
        {"author": "a\x1b[2J", "commit": f"{n:040x}", "subject": "long " * 40} for n in range(15)
    ]
    envelope = altered(
        bench, one.composition.statements[2], Predicate.COMPOSITION, "build", changes=many
    )
    told = page_program.lines(with_composed(bench, one, 2, envelope), "en")
    assert "      and 3 more" in told
    text = "".join(told)
    assert not [char for char in text if unicodedata.category(char) == "Cc"]
    assert max(map(len, told)) < 120


def test_what_was_declared_harmless_is_told(made: tuple[Bench, Verified]) -> None:
    _, one = made
    cleared = (("", "archive"), ("a.pyc", "pyc-header"))
    composition = dataclasses.replace(one.composition, normalised=cleared)
    told = page_program.lines(dataclasses.replace(one, composition=composition), "en")
    assert "    cleared by what is declared harmless: 2 (archive, pyc-header)" in told


def test_every_fact_that_is_read_is_bound(made: tuple[Bench, Verified], tmp_path: Path) -> None:
    """What the page says stands in the facts, so that the signature covers it in any language."""
    _, one = made
    facts = canonical.dumps(page_program.facts(one)).decode()
    for wanted in ("open the new form", "developer two", '["road",1,0]', one.composition.artifact):
        assert wanted in facts
