"""A text as blocks: what belongs together is one block, in order."""

from __future__ import annotations

from warifu.model.prose import Block, blocks


def test_a_text_as_blocks() -> None:
    found = blocks("# title\n\ntext\nmore\n## part\n- one\n- two\n\n- three\nlast\n")
    assert found == (
        Block("h1", ("title",)),
        Block("p", ("text",)),
        Block("p", ("more",)),
        Block("h2", ("part",)),
        Block("ul", ("one", "two", "three")),
        Block("p", ("last",)),
    )
    assert blocks("") == ()
