"""The provider's HTTP server on loopback: files with Range and ETag, outcomes, enrolment.

`mischief` may change any answer before it is sent; every request is counted.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from warifu_wire import canonical, dsse, outcome
from warifu_wire.outcome import Outcome


@dataclass
class Answer:
    """What is about to be sent; `cut` closes the connection after so many bytes of the body."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    sent: int = 0


Mischief = Callable[[Asked, Answer], Answer]


@dataclass
class Site:
    """A running server."""

    folder: Path
    address: str = ""
    asked: list[Asked] = field(default_factory=list)
    outcomes: list[bytes] = field(default_factory=list)
    enrolled: dict[str, object] = field(default_factory=dict)
    mischief: Mischief | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reports(self) -> list[Outcome]:
        """The outcomes received, each number once, in the order of their numbers."""
        every = {}
        for body in self.outcomes:
            for row in canonical.loads(body):
                envelope = dsse.parse(canonical.dumps(row), outcome.PAYLOAD_TYPE)
                found = outcome.read(envelope)
                every[found.installation, found.counter] = found
        return [every[name] for name in sorted(every)]

    def said(self) -> list[tuple[str, str, str]]:
        """The outcomes received as (phase, result, failure)."""
        return [(one.phase.value, one.result.value, one.failure) for one in self.reports()]

    def answer(self, asked: Asked, body: bytes) -> Answer:
        """The honest answer; a proxy's client asks by the whole address, and gets the same."""
        asked = replace(asked, path=urlsplit(asked.path).path)
        if asked.method == "POST" and asked.path == "/enrol":
            name = f"{len(self.enrolled):032x}"
            self.enrolled[name] = json.loads(body)
            return Answer(200, canonical.dumps({"installation": name}))
        if asked.method == "POST" and asked.path == "/outcomes":
            self.outcomes.append(body)
            return Answer(200, b"{}")
        path = (self.folder / asked.path.lstrip("/")).resolve()
        if not path.is_file() or not path.is_relative_to(self.folder.resolve()):
            return Answer(404, b"")
        data = path.read_bytes()
        etag = f'"{path.stat().st_mtime_ns:x}-{len(data):x}"'
        wanted = asked.headers.get("range", "")
        if wanted and asked.headers.get("if-range", etag) == etag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                return Answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
            found = f"bytes {start}-{len(data) - 1}/{len(data)}"
            return Answer(206, data[start:], {"ETag": etag, "Content-Range": found})
        return Answer(200, data, {"ETag": etag})


@contextmanager
def serving(folder: Path, tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """Serve a folder on a free port of loopback, by TLS where a context is given."""
    site = Site(folder)

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # one segment an answer: no waiting for acknowledgements
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._go(b"")

        def do_POST(self) -> None:
            self._go(self.rfile.read(int(self.headers["Content-Length"])))

        def _go(self, body: bytes) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers)
            with site.lock:
                answer = site.answer(asked, body)
                if site.mischief is not None:
                    answer = site.mischief(asked, answer)
                site.asked.append(asked)
            self.send_response_only(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            asked.sent = len(answer.body) if answer.cut is None else answer.cut
            self.wfile.write(answer.body[: answer.cut])
            if answer.cut is not None:
                self.close_connection = True

        def log_message(self, *words: object) -> None:
            """Nothing: the test has the list."""

    class House(ThreadingHTTPServer):
        def handle_error(self, *words: object) -> None:
            """A client that was killed, or hung up on a lie: nothing to say."""

    with House(("127.0.0.1", 0), Door) as server:
        scheme = "http"
        if tls is not None:
            scheme, server.socket = "https", tls.wrap_socket(server.socket, server_side=True)
        site.address = f"{scheme}://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
