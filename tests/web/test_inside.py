"""The gate called as the server calls it, without a server: every answer it can give."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from warifu.model.ports import Held
from warifu.testing import memory_signer
from warifu.testing_watch import MemoryTraffic
from warifu.web.files import App, Environ, Files, FolderShelf, Headers, Start
from warifu.web.gate import Gate
from warifu_wire import canonical, enrolment
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Fault
from warifu_wire.outcome import Outcome, Phase, Result

NOW = datetime(2026, 1, 5, tzinfo=UTC)
DATA = bytes(range(256)) * 1_000


class Broken(MemoryTraffic):
    """A disk that gave way."""

    def accept(self, envelopes: object, now: datetime) -> object:  # type: ignore[override]
        raise Fault("the disk is full", needed="space")


def pages(environ: Environ, start: Start) -> list[bytes]:
    start("200 OK", [])
    return [b"a page"]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    for name, data in {
        "metadata/timestamp.json": b"{}",
        "metadata/1.root.json": b"{}",
        f"blobs/aa/{'a' * 64}.zst": DATA,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return Files(FolderShelf(tmp_path), 600)


def ask(
    app: App, path: str, method: str = "GET", body: bytes = b"", **headers: str
) -> tuple[str, dict[str, str], bytes]:
    told: list[tuple[str, Headers]] = []

    def start(status: str, given: Headers) -> None:
        told.append((status, given))

    environ: Environ = {
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "REQUEST_METHOD": method,
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(body),
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    data = b"".join(app(environ, start))
    return told[0][0], dict(told[0][1]), data


def test_files(files: Files) -> None:
    app = Gate(files, MemoryTraffic(), lambda: NOW, pages)
    status, given, data = ask(app, "/metadata/timestamp.json")
    assert (status, data) == ("200 OK", b"{}")
    assert "max-age=30" in given["Cache-Control"]
    assert ask(app, "/metadata/timestamp.json", if_none_match=given["ETag"])[0].startswith("304")
    assert ask(app, "/metadata/1.root.json", "HEAD")[2] == b""
    blob = f"/blobs/aa/{'a' * 64}.zst"
    status, given, data = ask(app, blob)
    assert (status, data) == ("200 OK", DATA)
    assert "immutable" in given["Cache-Control"]
    for asked, wanted in (("bytes=10-19", DATA[10:20]), ("bytes=-5", DATA[-5:])):
        status, _, data = ask(app, blob, range=asked)
        assert (status[:3], data) == ("206", wanted)
    assert ask(app, blob, range="bytes=9999999-")[0].startswith("416")
    assert ask(app, blob, range="bytes=10-19", if_range=given["ETag"])[0].startswith("206")
    assert ask(app, blob, range="bytes=10-19", if_range='"other"')[0].startswith("200")
    assert ask(app, "/metadata/2.root.json")[0].startswith("404")
    assert ask(app, "/metadata/../secret")[0].startswith("404")
    assert ask(app, blob, "POST")[0].startswith("405")
    assert ask(app, "/anything")[2] == b"a page"
    assert ask(Gate(files, MemoryTraffic(), lambda: NOW), "/anything")[0].startswith("404")


class Unreachable:
    """A shelf whose ground gave way."""

    def look(self, name: str) -> Held | None:
        raise Fault("the bucket failed", needed="the store")

    def pieces(self, name: str, begin: int, end: int) -> Iterator[bytes]:
        raise Fault("the bucket failed", needed="the store")


class HalfReachable(Unreachable):
    """A shelf whose ground gives way after the first look."""

    def look(self, name: str) -> Held | None:
        return Held(10, "tag")


@pytest.mark.parametrize("shelf", [Unreachable(), HalfReachable()])
def test_a_shelf_out_of_reach_is_said_and_never_kept(shelf: Unreachable) -> None:
    app = Gate(Files(shelf, 600), MemoryTraffic(), lambda: NOW)
    status, given, _ = ask(app, "/metadata/1.root.json")
    assert (status[:3], given["Cache-Control"]) == ("503", "no-store")


def test_machines(files: Files) -> None:
    app = Gate(files, MemoryTraffic(), lambda: NOW)
    signer = memory_signer("machine")
    asked = enrolment.Asked(signer.public, "tool").to_bytes()
    status, _, data = ask(app, "/enrol", "POST", asked)
    assert status == "200 OK"
    installation = enrolment.read_answer(data)
    release = of_bytes(b"release")
    made = Outcome(
        "tool", 1, installation, 1, "attempt", release, None, Phase.COMMIT, Result.OK, "", NOW
    )
    envelope = made.envelope().signed(installation, signer.sign)
    body = b"[" + envelope.to_bytes() + b"]"
    assert ask(app, "/outcomes", "POST", body)[0] == "200 OK"
    assert ask(app, "/outcomes", "POST", b"{}")[0].startswith("400")
    assert ask(app, "/outcomes", "POST", b"x" * 3_000_000)[0].startswith("400")
    assert ask(app, "/outcomes", "POST", b"x" * 40_000_000)[0].startswith("400")
    assert ask(app, "/outcomes")[0].startswith("405")
    assert ask(Gate(files, Broken(), lambda: NOW), "/outcomes", "POST", body)[0].startswith("503")
    assert canonical.loads(ask(app, "/enrol", "POST", b"[]")[2]) is not None
