"""The depot's contract, held by every form of it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.contract import forms, seaweed
from tests.contract.forms import DEPOTS, Place
from warifu.engines.depot.bucket import BucketDepot
from warifu.engines.depot.folder import FolderDepot
from warifu.model.ports import Depot
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Fault, Malformed, Mismatch, Refusal

BYTES = bytes(range(256)) * 9_000
NAME = of_bytes(BYTES)


@pytest.fixture(params=DEPOTS)
def depot(request: pytest.FixtureRequest, place: Place) -> Depot:
    """An empty depot of each form."""
    return place.depot(request.param)


def put(depot: Depot, data: bytes) -> Digest:
    depot.put(of_bytes(data), io.BytesIO(data))
    return of_bytes(data)


def test_bytes_come_back_as_they_went(depot: Depot) -> None:
    assert put(depot, BYTES) == NAME
    assert depot.get(NAME) == BYTES
    assert depot.size(NAME) == len(BYTES)
    assert depot.found(NAME) == NAME
    with depot.open(NAME) as stream:
        assert stream.read() == BYTES


def test_nothing_is_there_before_it_was_put(depot: Depot) -> None:
    assert depot.size(NAME) is None
    assert depot.found(NAME) is None
    assert list(depot.list()) == []
    for doing in (depot.get, depot.open):
        with pytest.raises(Refusal, match="not-in-depot"):
            doing(NAME)


@pytest.mark.parametrize(
    ("start", "end"), [(0, 10), (5, None), (1_000_000, 1_000_001), (7, 7), (len(BYTES), None)]
)
def test_a_range_is_that_range(depot: Depot, start: int, end: int | None) -> None:
    put(depot, BYTES)
    with depot.open(NAME, start, end) as stream:
        assert stream.read() == BYTES[start:end]


def test_a_range_past_the_end_ends_there(depot: Depot) -> None:
    name = put(depot, b"short")
    for start, end in ((2, 99), (50, None), (50, 60)):
        with depot.open(name, start, end) as stream:
            assert stream.read() == b"short"[start:end]


def test_empty_bytes_are_bytes(depot: Depot) -> None:
    name = put(depot, b"")
    assert depot.get(name) == b""
    assert depot.size(name) == 0
    with depot.open(name) as stream:
        assert stream.read() == b""


def test_other_bytes_than_their_digest_are_refused_and_not_kept(depot: Depot) -> None:
    with pytest.raises(Mismatch) as caught:
        depot.put(NAME, io.BytesIO(BYTES[:-1]))
    assert caught.value.facts == {"expected": NAME, "found": of_bytes(BYTES[:-1])}
    assert depot.size(NAME) is None
    assert depot.found(NAME) is None
    assert list(depot.list()) == []


def test_the_same_bytes_may_be_put_again(depot: Depot) -> None:
    assert put(depot, BYTES) == put(depot, BYTES)
    assert depot.get(NAME) == BYTES
    with pytest.raises(Mismatch):
        depot.put(NAME, io.BytesIO(b"others"))
    assert depot.get(NAME) == BYTES


def test_all_digests_are_listed_in_order(depot: Depot) -> None:
    names = [put(depot, str(n).encode()) for n in range(40)]
    assert list(depot.list()) == sorted(names)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63])
def test_a_name_that_is_no_digest_is_refused(depot: Depot, name: str) -> None:
    with pytest.raises(Malformed):
        depot.put(Digest(name), io.BytesIO(b""))
    for doing in (depot.get, depot.open, depot.size):
        with pytest.raises(Malformed):
            doing(Digest(name))


class Breaking(io.RawIOBase):
    """A source that fails after its first piece."""

    def __init__(self) -> None:
        self._given = False

    def read(self, size: int = -1) -> bytes:
        if self._given or size < 0:
            raise OSError("the source broke off")
        self._given = True
        return b"first piece"


def test_a_source_that_breaks_off_leaves_nothing(depot: Depot) -> None:
    with pytest.raises((OSError, Fault)):
        depot.put(NAME, Breaking())  # type: ignore[arg-type]
    assert list(depot.list()) == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "depot"


def place_of(folder: Path, name: Digest) -> Path:
    return folder / name[:2] / name


def test_altered_bytes_in_a_folder_do_not_pass(folder: Path) -> None:
    depot = FolderDepot(folder)
    put(depot, BYTES)
    place_of(folder, NAME).chmod(0o644)
    place_of(folder, NAME).write_bytes(BYTES[:-1] + b"x")
    altered = of_bytes(BYTES[:-1] + b"x")
    assert depot.found(NAME) == altered
    with pytest.raises(Mismatch, match=altered):
        depot.get(NAME)
    with depot.open(NAME) as stream, pytest.raises(Mismatch, match=altered):
        stream.read()
    with pytest.raises(Mismatch, match=altered):
        put(depot, BYTES)


def test_a_folder_keeps_no_half_and_no_writable_file(folder: Path) -> None:
    depot = FolderDepot(folder)
    put(depot, BYTES)
    with pytest.raises(Mismatch):
        depot.put(NAME, io.BytesIO(b"others"))
    files = [one for one in folder.rglob("*") if one.is_file()]
    assert files == [place_of(folder, NAME)]
    assert files[0].stat().st_mode & 0o777 == 0o444


def test_a_folder_that_cannot_be_made_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Fault, match="depot"):
        put(FolderDepot(tmp_path / "file"), BYTES)


def test_altered_bytes_in_a_bucket_do_not_pass() -> None:
    where = forms.bucket("altered")
    depot = BucketDepot(where)
    put(depot, BYTES)
    altered = BYTES[:-1] + b"x"
    forms.store().alter(f"{seaweed.BUCKET}/altered/{NAME[:2]}/{NAME}", altered)
    assert depot.found(NAME) == of_bytes(altered)
    with pytest.raises(Mismatch, match=of_bytes(altered)):
        depot.get(NAME)
    with depot.open(NAME) as stream, pytest.raises(Mismatch, match=of_bytes(altered)):
        stream.read()
    with pytest.raises(Mismatch, match=of_bytes(altered)):
        put(depot, BYTES)


def test_a_bucket_never_replaces_what_another_writer_put_first() -> None:
    depot = BucketDepot(forms.bucket("raced"))

    class Raced(io.BytesIO):
        """While these bytes are read, another writer puts them."""

        def read(self, size: int | None = -1) -> bytes:
            put(BucketDepot(forms.bucket("raced")), BYTES)
            return super().read(size)

    depot.put(NAME, Raced(BYTES))
    assert list(depot.list()) == [NAME]
    assert depot.get(NAME) == BYTES


@pytest.mark.parametrize("where", ["s3://", "http://bucket", "s3://bucket?key=a", "/folder"])
def test_a_store_address_is_read_strictly(where: str) -> None:
    with pytest.raises(Malformed, match="store-address"):
        BucketDepot(where)


def test_a_store_that_is_not_there_or_not_ours_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = BucketDepot("s3://bucket/x?endpoint=http://127.0.0.1:9")
    for doing in (
        lambda: gone.get(NAME),
        lambda: gone.size(NAME),
        lambda: gone.found(NAME),
        lambda: list(gone.list()),
    ):
        with pytest.raises(Fault, match="bucket"):
            doing()
    where = forms.bucket("closed")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not the secret")
    with pytest.raises(Fault, match="bucket"):
        put(BucketDepot(where), BYTES)
