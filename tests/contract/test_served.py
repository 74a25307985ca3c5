"""The published tree in a bucket: signed there, and served from there by `warifu serve` itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract import forms
from tests.story import small as smalls
from tests.story.small import NOW, Small
from tests.targets.member import Member
from tests.web.running import ask, free_port, running
from warifu.app import halting, road
from warifu.engines.depot.bucket import opened
from warifu.engines.targets.bucket import BucketShelf
from warifu.web import fronting
from warifu_wire.digest import digest, of_bytes
from warifu_wire.errors import Refusal
from warifu_wire.stops import Halt

pytestmark = pytest.mark.programs_repeat

WHY = {"en": "it hangs", "ja": "止まります"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Small]:
    """A house whose tree and depot are in buckets, and its own server."""
    port = free_port()
    lines = "".join(
        f'{name} = "{forms.bucket(f"served-{name}-{port}")}"\n' for name in ("public", "store")
    )
    made = smalls.found(tmp_path, service=lines, address=f"http://127.0.0.1:{port}")
    command = (sys.executable, "-m", "warifu.cli", "-C", made.source, "serve")
    with running(*command, port=port):
        yield made
    made.end()


def test_a_release_is_published_stopped_and_served_from_a_bucket(
    served: Small, tmp_path: Path
) -> None:
    smalls.signed(served)
    house = served.house()
    assert not road.publish(house, NOW)  # fetched back through the server
    assert not (served.state / "public").exists()
    assert not (served.state / "depot").exists()
    _cached_and_in_parts(served)
    with pytest.raises(Refusal, match="tree-in-bucket"):
        fronting.site(house, "127.0.0.1:8080", "127.0.0.1:8000")
    release = digest(smalls.release(house))
    assert halting.stop(house, release, Halt.STOPPED, WHY, NOW, by="oncall-1").in_force
    member = Member(served.address, tmp_path / "member", house.root)
    told = member.refresh().targets.read("stops/small.json")
    assert told is not None
    assert release.encode() in told


def _cached_and_in_parts(served: Small) -> None:
    """What HTTP asks of files holds from a bucket as from a folder."""
    status, lease, _ = ask(served.address, "/metadata/timestamp.json")
    assert (status, lease["cache-control"]) == (200, "public, max-age=4320")
    status, kept, root = ask(served.address, "/metadata/1.root.json")
    assert (status, kept["cache-control"]) == (200, "public, max-age=31536000, immutable")
    again = ask(served.address, "/metadata/1.root.json", If_None_Match=kept["etag"])
    assert (again[0], again[2]) == (304, b"")
    part = ask(served.address, "/metadata/1.root.json", Range="bytes=10-29")
    assert (part[0], part[2]) == (206, root[10:30])
    assert ask(served.address, "/metadata/9.root.json")[0] == 404
    archive = served.house().ledger.row("publication", smalls.release(served.house()))
    assert archive is not None
    name = f"/targets/programs/small/{archive['artifact']}.{archive['artifact']}.zip"
    status, _, data = ask(served.address, name)
    assert (status, of_bytes(data)) == (200, archive["artifact"])


def test_large_objects_come_in_pieces_and_absent_ones_are_none() -> None:
    bucket = opened(forms.bucket("shelf"))
    data = bytes(range(256)) * 20_000
    bucket.put("blobs/aa/large.zst", data)
    shelf = BucketShelf(bucket)
    found = shelf.look("blobs/aa/large.zst")
    assert found is not None
    assert found.size == len(data)
    pieces = list(shelf.pieces("blobs/aa/large.zst", 5, len(data) - 5))
    assert len(pieces) == 2
    assert b"".join(pieces) == data[5:-5]
    assert shelf.look("blobs/aa/none.zst") is None
