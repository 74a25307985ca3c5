"""From log lines to downloads: pieces, retries and repeats; the archive, or file by file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warifu.model.downloads import Contents, Fetched, Hit, downloaded, hit, merged
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Malformed
from warifu_wire.pseudonym import LENGTH, pseudonym

NOW = datetime(2012, 2, 5, 5, tzinfo=UTC)
FILE = of_bytes(b"file")
ARCHIVE, MANIFEST, ONE, TWO = (of_bytes(text) for text in (b"a", b"m", b"1", b"2"))
CONTENTS = Contents(ARCHIVE, frozenset({ONE, TWO}))


def line(**changed: str) -> str:
    """A line of the generated format."""
    row = {
        "at": "2012-02-05T14:00:00+09:00",
        "length": "100",
        "machine": "abc",
        "method": "GET",
        "path": f"/targets/programs/tool/{FILE}.{FILE}.zip",
        "range": "",
        "sent": "100",
        "status": "200",
    }
    return json.dumps({**row, **changed})


def test_a_whole_answer() -> None:
    """Time in UTC, the digest from the name, bytes from the start; cut short where it broke."""
    assert hit(line()) == Hit(NOW, "abc", FILE, (0, 100), 100)
    assert hit(line(sent="40")) == Hit(NOW, "abc", FILE, (0, 40), 100)


def test_a_partial_answer() -> None:
    """Bytes from where the range began, as many as were sent."""
    part = {"status": "206", "range": "bytes 60-99/100", "length": "40"}
    assert hit(line(**part, sent="40")) == Hit(NOW, "abc", FILE, (60, 100), 100)
    assert hit(line(**part, sent="10")) == Hit(NOW, "abc", FILE, (60, 70), 100)
    assert hit(line(**part, sent="4000")) == Hit(NOW, "abc", FILE, (60, 100), 100)


@pytest.mark.parametrize(
    ("path", "digest"),
    [
        (f"/targets/manifests/tool/{MANIFEST}.{MANIFEST}.json", MANIFEST),
        (f"/blobs/{ONE[:2]}/{ONE}.zst", ONE),
        (f"/patches/{ONE}/{TWO}.hdiff", TWO),
        ("/metadata/timestamp.json", None),
        (f"/targets/routes/{FILE}.tool.json", None),
        ("/", None),
    ],
)
def test_whose_bytes(path: str, digest: Digest | None) -> None:
    """Programs, manifests, blobs, and patches as the file they make; nothing else."""
    found = hit(line(path=path))
    assert (None if found is None else found.file) == digest


@pytest.mark.parametrize(
    "changed",
    [{"status": "304", "sent": "0"}, {"status": "404"}, {"method": "HEAD"}, {"sent": "0"}],
)
def test_no_bytes(changed: dict[str, str]) -> None:
    """Answers without bytes of the file are none."""
    assert hit(line(**changed)) is None


@pytest.mark.parametrize(
    "text",
    [
        line()[:40],
        "[]",
        line(extra=""),
        line(at="yesterday"),
        line(at="2012-02-05T14:00:00"),
        line(sent="many"),
        line(length=""),
        line(status="206"),
        line().replace('"GET"', "7").replace("/targets", "/x") + "x",
        json.dumps({**json.loads(line()), "path": 7}),
    ],
)
def test_not_of_the_format(text: str) -> None:
    """A line cut short or made up is malformed, never a download and never a crash."""
    with pytest.raises(Malformed):
        hit(text)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=20))
def test_merged_spans_are_the_same_bytes(pieces: list[tuple[int, int]]) -> None:
    """Nothing gained, nothing lost, in order, nothing touching."""
    spans = [(begin, begin + length) for begin, length in pieces]
    found = merged(spans)
    assert {byte for one in found for byte in range(*one)} == {
        byte for one in spans for byte in range(*one)
    }
    assert all(one[1] < other[0] for one, other in pairwise(found))


@given(st.permutations([(0, 30), (30, 60), (20, 40), (60, 100)]))
def test_complete_with_the_last_piece(order: list[tuple[int, int]]) -> None:
    """In whatever order the pieces come: complete at the piece that closes the last gap."""
    needed = {(0, 30), (30, 60), (60, 100)}
    found = Fetched(FILE, 100, (), NOW, None)
    have: set[tuple[int, int]] = set()
    for minutes, span in enumerate(order):
        at = NOW + timedelta(minutes=minutes)
        before = found.complete
        found = found.with_hit(Hit(at, "abc", FILE, span, 100))
        have.add(span)
        assert (found.complete is not None) == (needed <= have)
        assert before in (None, found.complete)
    assert (found.first, found.spans) == (NOW, ((0, 100),))


def test_another_size_begins_anew() -> None:
    """Half of one encoding and half of another are no file."""
    found = Fetched(FILE, 100, ((0, 50),), NOW, None).with_hit(Hit(NOW, "abc", FILE, (50, 90), 90))
    assert (found.complete, found.spans, found.size) == (None, ((50, 90),), 90)


@pytest.mark.parametrize(
    ("has", "minutes"),
    [
        ({}, None),
        ({MANIFEST: 1}, None),
        ({ONE: 1, TWO: 2}, 1),
        ({ARCHIVE: 3}, 3),
        ({MANIFEST: 1, TWO: 2}, 2),
        ({ARCHIVE: 1, ONE: 2}, 1),
    ],
)
def test_what_a_download_is(has: dict[Digest, int], minutes: int | None) -> None:
    """The archive, or any file only this release has; the earliest of them."""
    times = {file: NOW + timedelta(minutes=minute) for file, minute in has.items()}
    found = downloaded(times, CONTENTS)
    assert found == (None if minutes is None else NOW + timedelta(minutes=minutes))


def test_pseudonyms() -> None:
    """Another each UTC day and each installation; the same all day, in whatever zone."""
    late = datetime(2012, 2, 5, 23, 59, tzinfo=UTC)
    assert pseudonym("a", NOW) == pseudonym("a", late)
    assert len({pseudonym(one, at) for one in "ab" for at in (NOW, NOW + timedelta(days=1))}) == 4
    assert len(pseudonym("a", NOW)) == LENGTH
    assert pseudonym("0" * 32, NOW) == "37fe1665464383c04eb4a3e2be7ba4da"
