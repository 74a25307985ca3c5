"""The desk over HTTP on the loopback address: routes, forms and what a browser must be told."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from urllib.parse import parse_qs, urlsplit

from warifu_sign.desk import pages
from warifu_sign.desk.acts import Desk, Wish
from warifu_sign.desk.gate import Gate
from warifu_sign.desk.pages import Language
from warifu_sign.errors import Fault, Refusal

MOST_FORM = 16 << 10
MOST_FILE = 256 << 20
STATIC = {"desk.css": "text/css", "desk.js": "text/javascript"}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; form-action 'self'; "
    "base-uri 'none'; object-src 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with no-referrer a browser names no Origin
    "X-Content-Type-Options": "nosniff",
}


class DeskServer(ThreadingHTTPServer):
    """One desk on a free port of 127.0.0.1."""

    daemon_threads = True

    def __init__(self, desk: Desk, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Asked)
        self.desk = desk
        self.gate = Gate(self.server_address[1])


class Asked(BaseHTTPRequestHandler):
    """One request."""

    server: DeskServer
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        """Pages, and what they need."""
        parts = urlsplit(self.path)
        if not self.server.gate.own_host(self.headers["Host"]):
            return self._closed()
        if parts.path == "/open":
            return self._open(parse_qs(parts.query).get("token", [""])[0])
        name = parts.path.removeprefix("/static/")
        if parts.path == f"/static/{name}" and name in STATIC:
            data = resources.files("warifu_sign.desk").joinpath(f"static/{name}").read_bytes()
            return self._send(data, STATIC[name])
        if not self.server.gate.known(self.headers["Cookie"]):
            return self._closed()
        if parts.path == "/language":
            return self._language(parse_qs(parts.query))
        if parts.path == "/report":
            return self._send(self.server.desk.report().encode("utf-8"), "application/json")
        return self._page(parts.path.strip("/") or "certificate")

    def do_POST(self) -> None:
        """Forms and files, from our own page alone."""
        gate = self.server.gate
        if not (
            gate.own_host(self.headers["Host"])
            and gate.own_page(self.headers["Origin"])
            and gate.known(self.headers["Cookie"])
        ):
            return self._closed()
        parts = urlsplit(self.path)
        acts: dict[str, Callable[[], None]] = {
            "/unlock": self._unlock,
            "/lock": self._lock,
            "/fetch": self._fetch,
            "/sign": lambda: self._sign(parse_qs(parts.query)),
            "/verify": self._verify,
        }
        if parts.path not in acts:
            return self._page("nothing")
        return acts[parts.path]()

    def log_message(self, *_: object) -> None:
        """Nothing: what a member does is nobody's log."""

    @property
    def language(self) -> Language:
        """Japanese unless English was chosen."""
        jar = SimpleCookie(self.headers["Cookie"] or "")
        return "en" if "language" in jar and jar["language"].value == "en" else "ja"

    def _page(self, name: str) -> None:
        desk, language = self.server.desk, self.language
        made: dict[str, Callable[[], str]] = {
            "certificate": lambda: pages.certificate(desk, language),
            "fetch": lambda: pages.fetch(language),
            "sign": lambda: pages.sign(desk, language),
            "verify": lambda: pages.verify(language),
            "update": lambda: pages.update(desk, language),
            "diagnostics": lambda: pages.diagnostics(desk, language),
        }
        if name not in made:
            return self._send(b"", "text/plain", HTTPStatus.NOT_FOUND)
        return self._html(name, made[name]())

    def _open(self, token: str) -> None:
        cookie = self.server.gate.spend(token)
        if cookie is None:
            return self._closed()
        return self._away("/certificate", cookie)

    def _language(self, query: dict[str, list[str]]) -> None:
        to = "en" if query.get("to") == ["en"] else "ja"
        page = query.get("page", [""])[0]
        place = f"/{page}" if page in pages.PAGES else "/certificate"
        return self._away(place, f"language={to}; Path=/; SameSite=Strict")

    def _unlock(self) -> None:
        form = self._form()
        try:
            self.server.desk.unlock(form.get("password", ""))
        except (Refusal, Fault) as error:
            body = pages.trouble(error, self.language)
            return self._html(
                "certificate", body + pages.certificate(self.server.desk, self.language)
            )
        return self._away("/sign")

    def _lock(self) -> None:
        self._form()
        self.server.desk.lock()
        return self._away("/certificate")

    def _fetch(self) -> None:
        form, desk = self._form(), self.server.desk
        try:
            if form.get("password") != form.get("again"):
                raise Refusal("password-differs", needed="the same password twice")
            asked = (form.get(name, "") for name in ("address", "reference", "pin", "password"))
            holder = desk.fetch(*asked)
        except (Refusal, Fault) as error:
            body = pages.trouble(error, self.language) + pages.fetch(self.language)
            return self._html("fetch", body)
        return self._html("fetch", pages.fetched(desk, holder, self.language))

    def _sign(self, query: dict[str, list[str]]) -> None:
        name = query.get("name", ["document"])[0]
        try:
            document = self._body(MOST_FILE)
            out = self.server.desk.sign(name, document, Wish(visible=query.get("visible") == ["1"]))
        except (Refusal, Fault) as error:
            sentence = pages.trouble(error, self.language)
            label = pages.say("failed", self.language)
            return self._json({"state": "invalid", "label": label, "details": sentence})
        told = {"state": "valid", "label": pages.say("signed", self.language), "out": out.name}
        return self._json(told)

    def _verify(self) -> None:
        try:
            found = self.server.desk.verify(self._body(MOST_FILE))
        except (Refusal, Fault) as error:
            told = {"state": "invalid", "details": pages.trouble(error, self.language)}
            return self._json(told | {"label": pages.say("invalid", self.language)})
        return self._json(pages.verdict(found, self.language))

    def _body(self, most: int) -> bytes:
        length = self.headers["Content-Length"] or ""
        if not length.isdecimal() or int(length) > most:
            self.close_connection = True
            raise Refusal("file-large", size=length, needed=f"at most {most} bytes")
        return self.rfile.read(int(length))

    def _form(self) -> dict[str, str]:
        try:
            body = self._body(MOST_FORM).decode("utf-8", "replace")
        except Refusal:
            return {}
        return {name: found[0] for name, found in parse_qs(body, keep_blank_values=True).items()}

    def _closed(self) -> None:
        self.close_connection = True
        body = (
            f"<!doctype html><p>{pages.say('closed', 'ja')}</p><p>{pages.say('closed', 'en')}</p>"
        )
        return self._send(body.encode("utf-8"), "text/html", HTTPStatus.FORBIDDEN)

    def _away(self, place: str, cookie: str = "") -> None:
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", place)
        if cookie:
            self.send_header("Set-Cookie", cookie)
        for name, value in {**HEADERS, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def _html(self, name: str, body: str) -> None:
        return self._send(pages.page(name, body, self.language).encode("utf-8"), "text/html")

    def _json(self, told: dict[str, str]) -> None:
        return self._send(json.dumps(told, ensure_ascii=False).encode("utf-8"), "application/json")

    def _send(self, data: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
