"""warifu.toml: what describes the program, read strictly, refused by the key's name."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from warifu.model.ground import ground
from warifu.model.lines import LineKind
from warifu.model.program import program
from warifu.model.recipe import Normaliser, Recipe, Step
from warifu_wire.errors import Fault, Malformed

ID = "a" * 40
APPROVED = {"kind": "approved", "commit": ID, "tree": ID, "base": ID, "changes": [ID]}


def content(**tables: Any) -> dict[str, Any]:
    """A whole, plain warifu.toml with some tables replaced."""
    plain: dict[str, Any] = {
        "program": {"product": "e-application"},
        "lines": {"main": dict(APPROVED)},
        "service": {"anything": "is the service's own"},
    }
    return {**plain, **tables}


def test_a_plain_file_has_sensible_defaults() -> None:
    found = program(content())
    assert (found.product, found.repository, found.suites) == ("e-application", ".", ())
    assert found.approved.changes == (ID,)
    assert found.recipe == Recipe(submodules={})
    assert found.lines[0].ref == ""


def test_everything_that_can_be_said_is_read() -> None:
    found = program(
        content(
            program={
                "product": "p",
                "labels": {"version": "Ver1.10"},
                "repository": "src",
                "keeps": ["data"],
                "start": ["run"],
            },
            lines={
                "main": {**APPROVED, "ref": "refs/heads/main", "owner": "o"},
                "next": {
                    "kind": "next",
                    "ref": "refs/heads/next",
                    "planned": date(2012, 2, 12),
                    "repository": "../other",
                },
                "late": {"kind": "wip", "ref": "refs/heads/w/*", "planned": "2012-03-01"},
                "old": {"kind": "released", "ref": "b" * 64},
            },
            build={
                "root": "/app/",
                "include": ["*.py"],
                "exclude": ["t/*"],
                "lock": "l",
                "normalise": ["archive"],
                "submodules": {"lib": "../lib"},
                "step": {"make": {"run": ["a"], "makes": ["b"]}},
            },
            verify={"unit": {"run": ["x"], "seconds": 5}},
        )
    )
    assert [one.kind for one in found.lines] == [
        LineKind.APPROVED,
        LineKind.NEXT,
        LineKind.WIP,
        LineKind.RELEASED,
    ]
    assert (found.lines[1].planned, found.lines[2].planned) == (date(2012, 2, 12), date(2012, 3, 1))
    assert found.recipe.root == "app"
    assert found.recipe.steps == (Step("make", ("a",), ("b",)),)
    assert found.recipe.normalise == {Normaliser.ARCHIVE}
    assert (found.suites[0].name, found.suites[0].seconds) == ("unit", 5)


@pytest.mark.parametrize(
    ("key", "tables"),
    [
        ("program.colour", {"program": {"product": "p", "colour": "red"}}),
        ("program.product", {"program": {}}),
        ("program.labels", {"program": {"product": "p", "labels": "x"}}),
        ("program.labels.version", {"program": {"product": "p", "labels": {"version": 1}}}),
        ("program.start", {"program": {"product": "p", "start": "run"}}),
        ("program.keeps", {"program": {"product": "p", "keeps": [1]}}),
        ("lines", {"lines": {}}),
        ("lines", {"lines": {"one": APPROVED, "two": APPROVED}}),
        ("lines.main.commit", {"lines": {"main": {**APPROVED, "commit": "v1.10"}}}),
        ("lines.main.tree", {"lines": {"main": {**APPROVED, "tree": "main"}}}),
        ("lines.main.base", {"lines": {"main": {**APPROVED, "base": "refs/tags/v1.00"}}}),
        ("lines.main.changes", {"lines": {"main": {**APPROVED, "changes": ID}}}),
        ("lines.main.when", {"lines": {"main": {**APPROVED, "when": "x"}}}),
        ("lines.next.commit", {"lines": {"next": {"kind": "next", "commit": ID, "ref": "refs/x"}}}),
        ("lines.next.ref", {"lines": {"next": {"kind": "next"}}}),
        ("lines.next.ref", {"lines": {"next": {"kind": "next", "ref": "next"}}}),
        ("lines.next.kind", {"lines": {"next": {"kind": "later", "ref": "refs/heads/next"}}}),
        ("lines.next.planned", {"lines": {"next": {"kind": "next", "ref": ID, "planned": "soon"}}}),
        ("lines.next.planned", {"lines": {"next": {"kind": "next", "ref": ID, "planned": 12}}}),
        ("build.colour", {"build": {"colour": "red"}}),
        ("build.normalise", {"build": {"normalise": ["everything"]}}),
        ("build.step.make.shell", {"build": {"step": {"make": {"shell": True}}}}),
        ("verify.unit.skip", {"verify": {"unit": {"run": [], "skip": True}}}),
        ("verify.unit.seconds", {"verify": {"unit": {"run": [], "seconds": 0}}}),
        ("verify.unit.seconds", {"verify": {"unit": {"run": [], "seconds": True}}}),
        ("verify", {"verify": "none"}),
    ],
)
def test_a_wrong_key_is_named(key: str, tables: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        program(content(**tables))
    assert caught.value.facts["key"] == key


def test_a_product_name_must_fit_into_paths() -> None:
    with pytest.raises(Malformed, match="bad-product-name"):
        program(content(program={"product": "E Application"}))


def test_a_recipe_takes_what_lies_below_its_root_and_leaves_the_rest() -> None:
    recipe = Recipe("app", ("*.py", "*.txt"), ("t/*",), (Step("s", ("run",), ("made/*",)),))
    assert recipe.takes("app/a.py") == "a.py"
    assert recipe.takes("app/t/a.py") is None
    assert recipe.takes("app/a.c") is None
    assert recipe.takes("other/a.py") is None
    assert Recipe().takes("warifu.toml") is None
    assert recipe.source_of("a.py") == "app/a.py"
    assert Recipe().source_of("a.py") == "a.py"
    assert recipe.makes("made/x")
    assert not recipe.makes("a.py")
    assert recipe.digest != Recipe().digest


def test_where_the_ground_gives_way_the_fault_says_what() -> None:
    with pytest.raises(Fault, match="the shelf: no space"), ground("the shelf"):
        raise OSError("no space")
    with pytest.raises(Fault, match="the shelf: locked"), ground("the shelf", LookupError):
        raise LookupError("locked")
    with ground("the shelf"):
        pass
