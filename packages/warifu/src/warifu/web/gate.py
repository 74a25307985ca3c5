"""What is answered before any page: the published files, enrolment, and reports of machines."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable

from warifu.model.ports import Intake
from warifu.web.downloads import LoggedFiles
from warifu.web.files import App, Environ, Files, Start
from warifu_wire import canonical, dsse, enrolment, outcome
from warifu_wire.canonical import Json
from warifu_wire.errors import Fault, Malformed, Refusal
from warifu_wire.fields import rows
from warifu_wire.times import Instant

BODY_LIMIT = 1 << 20
DRAINED = 16
"""How many times the limit is read and thrown away before a body that is too long is refused."""
BATCH_LIMIT = 1_000


class Gate:
    """Files and machine requests first; everything else goes to the pages behind, if any."""

    def __init__(
        self,
        files: Files | LoggedFiles,
        intake: Intake,
        now: Callable[[], Instant],
        pages: App | None = None,
        feeds: App | None = None,
    ) -> None:
        self._files = files
        self._intake = intake
        self._now = now
        self._pages = pages
        self._feeds = feeds
        self._posts = {"/outcomes": self._outcomes, "/enrol": self._enrol}

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """One request."""
        path = str(environ["PATH_INFO"])
        if self._files.holds(path):
            return self._files(environ, start)
        if self._feeds is not None and path.startswith("/feeds/"):
            return self._feeds(environ, start)
        post = self._posts.get(path)
        if post is not None:
            return _answer(environ, start, post)
        if self._pages is not None:
            return self._pages(environ, start)
        return _reply(start, "404 Not Found", {"code": "not-found"})

    def _outcomes(self, body: bytes) -> Json:
        """A JSON array of outcome envelopes; the answer comes when all of it is on disk."""
        envelopes = [
            dsse.parse(canonical.dumps(row), outcome.PAYLOAD_TYPE)
            for row in rows(canonical.loads(body), BATCH_LIMIT)
        ]
        receipts = self._intake.accept(envelopes, self._now())
        return [{"payload": one.payload, "refused": one.refused} for one in receipts]

    def _enrol(self, body: bytes) -> Json:
        asked = enrolment.read(body)
        return enrolment.answer(self._intake.enrol(asked.key.to_json(), self._now()))


def _answer(environ: Environ, start: Start, post: Callable[[bytes], Json]) -> list[bytes]:
    if environ["REQUEST_METHOD"] != "POST":
        return _reply(start, "405 Method Not Allowed", {"code": "post-only"})
    try:
        return _reply(start, "200 OK", post(_body(environ)))
    except Refusal as refusal:
        told: Json = {"code": refusal.reason, "needed": refusal.needed}
        status = "400 Bad Request" if isinstance(refusal, Malformed) else "403 Forbidden"
        return _reply(start, status, told)
    except Fault as fault:
        return _reply(start, "503 Service Unavailable", {"code": "fault", "needed": fault.needed})


def _body(environ: Environ) -> bytes:
    stream = environ["wsgi.input"]
    assert isinstance(stream, io.IOBase) or hasattr(stream, "read")
    body: bytes = stream.read(BODY_LIMIT + 1)
    if len(body) > BODY_LIMIT:
        # Whoever still sends reads no answer: a proxy would call it ours that the line broke.
        for _ in range(DRAINED):
            if not stream.read(BODY_LIMIT):
                break
        raise Malformed("too-large", needed=f"at most {BODY_LIMIT} bytes")
    return body


def _reply(start: Start, status: str, value: Json) -> list[bytes]:
    data = canonical.dumps(value)
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(data))),
        ("Cache-Control", "no-store"),
    ]
    start(status, headers)
    return [data]
