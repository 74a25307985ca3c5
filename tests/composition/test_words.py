"""Whatever compose, verify and sign refuse has words and a next step in both languages."""

from __future__ import annotations

import ast
import functools
import string
from pathlib import Path

import pytest

import warifu
from warifu.app import words
from warifu.app.words_road import ROAD
from warifu_wire.errors import Refusal

ROOT = Path(warifu.__file__).parent
MODULES = [
    *sorted((ROOT / "engines" / "sources").glob("*.py")),
    *sorted((ROOT / "engines" / "build").glob("*.py")),
    *(ROOT / "flow" / f"{name}.py" for name in ("compose", "verify", "sign")),
    *(
        ROOT / "model" / f"{name}.py"
        for name in ("approval", "archive", "inspection", "lines", "verification")
    ),
    ROOT / "app" / "refusals.py",
    ROOT / "app" / "founding.py",
]
DEFAULTS = {
    "Refusal": "refused",
    "Malformed": "malformed",
    "Mismatch": "mismatch",
    "Contaminated": "contaminated",
    "SignoffMissing": "signoff-missing",
    "Stale": "stale",
}
INSIDE = {"not-a-signoff", "not-an-approval", "wrong-fields"}
"""A row or a statement that somebody forged: no reader could mend it, the bare facts are told."""


@functools.cache
def raised() -> dict[str, set[str]]:
    """Every code of these modules with the facts that come with it, as the source says it."""
    found: dict[str, set[str]] = {}
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id not in {*DEFAULTS, "_bad"}:
                continue
            facts = {one.arg for one in node.keywords if one.arg and one.arg != "needed"}
            first = node.args[0] if node.args else None
            if node.func.id == "_bad":
                if isinstance(first, ast.Constant):
                    found.setdefault(f"archive-{first.value}", set()).add("member")
            elif first is None:
                found.setdefault(DEFAULTS[node.func.id], set()).update(facts)
            elif isinstance(first, ast.Constant):
                found.setdefault(str(first.value), set()).update(facts)
    return found


def test_the_codes_are_found_in_the_source() -> None:
    found = raised()
    assert len(found) > 60
    assert found["unknown-line"] == {"ref", "commit"}
    assert found["archive-zip64"] == {"member"}


@pytest.mark.parametrize("code", sorted(raised().keys() - INSIDE))
def test_every_refusal_on_the_road_has_words(code: str) -> None:
    facts = raised()[code]
    refusal = Refusal(code, needed="what is needed", **{name: f"<{name}>" for name in facts})
    english, japanese = (words.told(refusal, language) for language in words.LANGUAGES)
    for text in (english, japanese):
        assert f"({code})" not in text, "no words"
        assert "–" not in text, "a fact is asked for that no refusal tells"
        assert text.count("\n") >= 1
    assert english != japanese
    if code in ROAD:
        assert "what is needed" not in japanese
        assert not japanese.splitlines()[0].isascii()
        assert not japanese.splitlines()[-1].isascii()


@pytest.mark.parametrize("code", sorted(ROAD))
def test_all_words_fill_in_the_same_facts(code: str) -> None:
    def named(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    told = ROAD[code]
    assert named(told.en) == named(told.ja)
    assert told.do_ja


def test_a_code_without_words_tells_its_facts() -> None:
    refusal = Refusal("not-a-signoff", needed="keyid, sig and approval", row="x")
    assert words.told(refusal) == "Refused (not-a-signoff): row x\nNeeded: keyid, sig and approval"
    assert words.told(Refusal("strange", needed="less"), "ja").startswith("拒否しました (strange)")
