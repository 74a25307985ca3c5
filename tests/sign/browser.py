"""The desk served, and a member's browser as far as HTTP goes."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from warifu_sign.desk.acts import Desk
from warifu_sign.desk.server import DeskServer

Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def opened(desk: Desk) -> Iterator[DeskServer]:
    server = DeskServer(desk)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.desk.lock()
        server.shutdown()
        server.server_close()
        thread.join()


def ask(
    server: DeskServer, method: str, path: str, body: bytes | None = None, **headers: str
) -> Answer:
    """One request with exactly these headers."""
    link = http.client.HTTPConnection(server.gate.host, timeout=60)
    try:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        link.request(method, path, body, given)
        answer = link.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        link.close()


class Browser:
    """The one browser that was opened with the token; it follows the desk's redirections."""

    def __init__(self, server: DeskServer) -> None:
        parts = urlsplit(server.gate.address)
        status, headers, _ = ask(server, "GET", f"{parts.path}?{parts.query}")
        assert status == 303
        assert "HttpOnly" in headers["Set-Cookie"]
        assert "SameSite=Strict" in headers["Set-Cookie"]
        self.server = server
        self.cookie = headers["Set-Cookie"].partition(";")[0]

    def get(self, path: str) -> str:
        """A page's text."""
        status, _, body = ask(self.server, "GET", path, Cookie=self.cookie)
        assert status == 200, path
        return body.decode("utf-8")

    def post(self, path: str, body: bytes, kind: str = "application/octet-stream") -> str:
        """What comes of sending something from the desk's own page."""
        headers = {"Cookie": self.cookie, "Origin": self.server.gate.origin, "Content_Type": kind}
        status, told, found = ask(self.server, "POST", path, body, **headers)
        if status == 303:
            return self.get(told["Location"])
        assert status == 200, path
        return found.decode("utf-8")

    def form(self, path: str, **fields: str) -> str:
        """Send a form."""
        return self.post(path, urlencode(fields).encode(), "application/x-www-form-urlencoded")

    def files(self, path: str, given: list[tuple[str, str, bytes]], **fields: str) -> str:
        """Send a form with files (field, file name, bytes), as browsers do."""
        mark = "----WebKitFormBoundary7MA4YWxk"
        lines = [
            f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        for name, file, data in given:
            escaped = file.replace('"', "%22")
            head = (
                f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{escaped}"'
            )
            lines.append(f"{head}\r\nContent-Type: text/xml\r\n\r\n".encode() + data + b"\r\n")
        body = b"".join(lines) + f"--{mark}--\r\n".encode()
        return self.post(path, body, f"multipart/form-data; boundary={mark}")

    def drop(self, verb: str, name: str, data: bytes, more: str = "") -> str:
        """Drop a file on a page."""
        return self.post(f"/{verb}?name={quote(name)}{more}", data)


def folder(server: DeskServer) -> Path:
    """The member's folder."""
    return server.desk.home.folder
