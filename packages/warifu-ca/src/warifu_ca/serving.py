"""Serving over HTTP: one thread a connection, loopback only while the keys are for trial."""

from __future__ import annotations

import ipaddress
import sqlite3
import threading
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from warifu_ca import doors, letters, revoking
from warifu_ca.authority import Authority
from warifu_wire.errors import Fault, Refusal

TENDED_EVERY = timedelta(seconds=5)
IDLE = 15.0  # seconds a silent connection is kept


class Server(ThreadingHTTPServer):
    """The authority behind a port; `with` it, or call `server_close`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], authority: Authority) -> None:
        self.authority = authority
        super().__init__(address, Connection)


class Connection(BaseHTTPRequestHandler):
    """One connection: reads a bounded request, writes the reply of `doors`."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "warifu-ca"
    sys_version = ""
    timeout = IDLE
    wbufsize = -1  # the reply leaves in one piece
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Certificates, lists, OCSP by path."""
        self._reply(doors.reply(self.server.authority, "GET", self.path, b""))

    def do_POST(self) -> None:
        """The window, OCSP and time stamps."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            self._last(Refusal("length-missing", needed="Content-Length"))
        elif int(length) > doors.LARGEST:
            self._last(Refusal("too-large", needed="a smaller request", limit=doors.LARGEST))
        elif len(body := self.rfile.read(int(length))) == int(length):
            self._reply(doors.reply(self.server.authority, "POST", self.path, body))
        else:
            self.close_connection = True

    def _last(self, refusal: Refusal) -> None:
        """Refuse without having read the body, so the connection cannot be used again."""
        self.close_connection = True
        self._reply(doors.refused(refusal))

    def _reply(self, reply: doors.Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Cache-Control", "no-store")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(reply.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what matters is in the audit, and addresses of members are not kept."""


def bound(authority: Authority, host: str, port: int) -> Server:
    """A server on this address (port 0: any free one), its lists fresh.

    Raises `Refusal` (trial-keys-public) for another machine's reach with trial keys, `Refusal`
    (passphrase-wrong) before anything is served, `Fault` when the port is taken.
    """
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError as error:
        raise Refusal("host-malformed", needed="an IP address", host=host) from error
    if authority.settings.trial and not loopback:
        raise Refusal(
            "trial-keys-public", needed="a loopback address, or keys in a token", host=host
        )
    for role in ("issuing", "ocsp", "tsa"):
        authority.ring.key(role)
    revoking.refresh(authority)
    try:
        return Server((host, port), authority)
    except OSError as error:
        raise Fault(f"{host}:{port}: {error.strerror}", needed="a free port") from error


def serve(server: Server, stopped: threading.Event, troubled: Callable[[str], None]) -> None:
    """Answer until `stopped`; between, sweep what its window left and keep the list fresh."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2})
    thread.start()
    try:
        while not stopped.wait(TENDED_EVERY.total_seconds()):
            try:
                letters.sweep(server.authority)
                revoking.refresh(server.authority)
            except (Refusal, Fault, sqlite3.Error) as error:
                troubled(str(error))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
