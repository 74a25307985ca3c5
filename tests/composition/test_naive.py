"""The page shows the table that the cases really give."""

from __future__ import annotations

from pathlib import Path

from tests.composition.naive import table

PAGE = Path(__file__).parents[2] / "docs" / "composition.md"


def test_the_table_in_the_docs_is_the_measured_one(tmp_path: Path) -> None:
    shown = PAGE.read_text("utf-8").partition("<!-- table -->\n")[2].partition("<!-- end -->")[0]
    assert shown == table(tmp_path)
