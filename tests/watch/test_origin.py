"""The origin through nobody's eyes: what it lacks, hides or has let run out is told by its name."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.targets.house import PRODUCT, House
from tests.web.running import serving
from warifu.engines.probe.origin import PublicOrigin
from warifu_wire.errors import Fault, Refusal, Stale


@contextmanager
def answering(status: int) -> Iterator[str]:
    """A server with one answer to everything."""

    class Same(BaseHTTPRequestHandler):
        """It says the same to all."""

        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Same)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A house whose metadata ran out long ago."""
    return House(tmp_path / "public").found()


def root(house: House) -> bytes:
    """Its first root."""
    return (house.folder / "metadata" / "1.root.json").read_bytes()


def test_a_server_that_fails(house: House) -> None:
    """Answers of 500 decide nothing; of 404, that it is incomplete."""
    with answering(503) as address, pytest.raises(Fault):
        PublicOrigin(address, root(house)).read(f"gates/{PRODUCT}.json")
    with answering(404) as address, pytest.raises(Refusal) as refused:
        PublicOrigin(address, root(house)).read(f"gates/{PRODUCT}.json")
    assert refused.value.reason == "origin-incomplete"


def test_what_ran_out_and_who_is_not_ours(house: House, tmp_path: Path) -> None:
    """An old lease is stale; a root of somebody else's leads nowhere."""
    with serving(tmp_path) as address:
        with pytest.raises(Stale) as stale:
            PublicOrigin(address, root(house)).read(f"gates/{PRODUCT}.json")
        assert stale.value.reason == "origin-expired"
        with pytest.raises(Refusal) as refused:
            PublicOrigin(address, b"{}").read(f"gates/{PRODUCT}.json")
        assert refused.value.reason == "origin-refused"
