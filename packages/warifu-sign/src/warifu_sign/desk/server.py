"""The desk over HTTP on the loopback address: routes, forms and what a browser must be told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import get_args
from urllib.parse import parse_qs, quote, urlsplit

from warifu_sign import files
from warifu_sign.desk import bodies, forms, html, pages, update_page, updating, verdicts
from warifu_sign.desk.acts import Desk, Lasting, Wish
from warifu_sign.desk.gate import Gate
from warifu_sign.desk.html import PAGES
from warifu_sign.errors import Fault, Refusal
from warifu_sign.window.renewing import REASONS
from warifu_sign.words import Language

MOST_FORM = 4 << 20  # a certificate file may be in it
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
        query = {name: found[0] for name, found in parse_qs(parts.query).items()}
        if not self.server.gate.own_host(self.headers["Host"]):
            return self._closed()
        if parts.path == "/open":
            return self._open(query.get("token", ""))
        name = parts.path.removeprefix("/static/")
        if parts.path == f"/static/{name}" and name in STATIC:
            data = resources.files("warifu_sign.desk").joinpath(f"static/{name}").read_bytes()
            return self._send(data, STATIC[name])
        if not self.server.gate.known(self.headers["Cookie"]):
            return self._closed()
        if parts.path == "/language":
            return self._language(query)
        if parts.path == "/report":
            return self._send(self.server.desk.report().encode("utf-8"), "application/json")
        if parts.path == "/now":
            return self._json(update_page.now(self.server.desk.run))
        if parts.path == "/signed":
            return self._signed(query.get("name", ""))
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
        name = parts.path.strip("/")
        query = {one: found[0] for one, found in parse_qs(parts.query).items()}
        dropped = {"sign": self._sign, "package": self._package, "verify": self._verify}
        if name in dropped:
            return self._json(self._judged(lambda: dropped[name](query)))
        acts = {**self._forms(), **self._buttons()}
        if name not in acts:
            return self._page("nothing")
        return self._acted(name, acts[name])

    def log_message(self, *_: object) -> None:
        """Nothing: what a member does is nobody's log."""

    @property
    def language(self) -> Language:
        """Japanese unless English was chosen."""
        try:
            jar = SimpleCookie(self.headers["Cookie"] or "")
        except CookieError:
            return "ja"
        return "en" if "language" in jar and jar["language"].value == "en" else "ja"

    def _page(self, name: str) -> None:
        desk, language = self.server.desk, self.language
        made: dict[str, Callable[[], str]] = {
            "certificate": lambda: pages.certificate(desk, language),
            "sign": lambda: pages.sign(desk, language),
            "verify": lambda: pages.verify(desk, language),
            "update": lambda: update_page.update(desk, language),
            "diagnostics": lambda: pages.diagnostics(desk, language),
        }
        for one in forms.FORMS:
            made[one] = lambda one=one: forms.made(one, desk, {}, language)  # type: ignore[misc]
        if name not in made:
            return self._html("nothing", "", HTTPStatus.NOT_FOUND)
        return self._html(name, made[name]())

    def _open(self, token: str) -> None:
        cookie = self.server.gate.spend(token)
        if cookie is None:
            return self._closed()
        return self._away("/certificate", cookie)

    def _language(self, query: Mapping[str, str]) -> None:
        to = "en" if query.get("to") == "en" else "ja"
        page = query.get("page", "")
        place = f"/{page}" if page in (*PAGES, *forms.FORMS) else "/certificate"
        return self._away(place, f"language={to}; Path=/; SameSite=Strict")

    def _signed(self, name: str) -> None:
        """A signed document, to be opened or kept elsewhere."""
        path = self.server.desk.home.signed / name
        if path.name != name or not path.is_file():
            return self._html("nothing", "", HTTPStatus.NOT_FOUND)
        kept = f"attachment; filename*=UTF-8''{quote(name)}"
        data = files.read(path, most=2 * MOST_FILE)
        return self._send(data, "application/octet-stream", Content_Disposition=kept)

    def _acted(self, name: str, act: Callable[[bodies.Sent], str]) -> None:
        """Do what a form asks; refused, it is shown again with what was typed."""
        desk, language, sent = self.server.desk, self.language, bodies.Sent()
        try:
            sent = bodies.read(self.headers["Content-Type"] or "", self._body(MOST_FORM))
            body = act(sent)
        except (Refusal, Fault) as error:
            told = html.trouble(error, language)
            if name in forms.FORMS:
                return self._html(name, told + forms.made(name, desk, sent.fields, language))
            return self._html("certificate", told + pages.certificate(desk, language))
        return self._html(name, body) if body else self._away(f"/{AFTER[name]}")

    def _forms(self) -> dict[str, Callable[[bodies.Sent], str]]:
        """What each form does; the body of the page after it."""
        desk, language = self.server.desk, self.language

        def fetch(sent: bodies.Sent) -> str:
            one = sent.fields
            address, reference, pin = (
                one.get(name, "") for name in ("address", "reference", "pin")
            )
            holder = desk.fetch(
                address,
                reference,
                pin,
                _chosen(one, "password"),
                made_there=one.get("made_there") == "1",
            )
            return forms.fetched(desk, holder, language)

        def take(sent: bodies.Sent) -> str:
            data = next(iter(sent.files.values()), b"")
            holder = desk.take(data, sent.fields.get("password", ""), _chosen(sent.fields, "new"))
            return forms.taken(desk, holder, language)

        def renew(sent: bodies.Sent) -> str:
            one = sent.fields
            made = desk.renew(one.get("address", ""), one.get("password", ""))
            return forms.renewed(made, language)

        def change(sent: bodies.Sent) -> str:
            desk.change_password(sent.fields.get("password", ""), _chosen(sent.fields, "new"))
            return forms.changed(language)

        def revoke(sent: bodies.Sent) -> str:
            one = sent.fields
            reason = next((known for known in REASONS if known == one.get("reason")), None)
            if one.get("understood") != "1" or reason is None:
                raise Refusal("not-understood", needed="a reason, and that it cannot be undone")
            ended = desk.revoke(one.get("address", ""), one.get("password", ""), reason)
            return forms.revoked(ended, language)

        return {"fetch": fetch, "take": take, "renew": renew, "change": change, "revoke": revoke}

    def _buttons(self) -> dict[str, Callable[[bodies.Sent], str]]:
        """What each button does; "" where another page is shown."""
        desk, language = self.server.desk, self.language

        def unlock(sent: bodies.Sent) -> str:
            desk.unlock(sent.fields.get("password", ""))
            return ""

        def lock(_: bodies.Sent) -> str:
            desk.lock()
            return ""

        def compare(sent: bodies.Sent) -> str:
            same = sent.fields.get("same") == "1"
            desk.compare(same=same)
            return "" if same else html.told("bad", html.lead("differs_told", language))

        def quit_(_: bodies.Sent) -> str:
            desk.lock()
            threading.Thread(target=self.server.shutdown).start()
            return pages.ended(language)

        return {
            "unlock": unlock,
            "lock": lock,
            "compare": compare,
            **update_page.buttons(desk, language),
            "quit": quit_,
        }

    def _judged(self, step: Callable[[], dict[str, str]]) -> dict[str, str]:
        """What became of a file that was dropped."""
        try:
            return step()
        except (Refusal, Fault) as error:
            told = html.sentences(error.code, error.facts, self.language)
            label = html.say("failed", self.language)
            return {"state": "invalid", "label": label, "sentence": told}

    def _sign(self, query: Mapping[str, str]) -> dict[str, str]:
        document = self._body(MOST_FILE)
        out = self.server.desk.sign(query.get("name", "document"), document, _wish(query))
        return {"state": "valid", "label": html.say("signed", self.language), "out": out.name}

    def _package(self, query: Mapping[str, str]) -> dict[str, str]:
        sent = bodies.read(self.headers["Content-Type"] or "", self._body(MOST_FILE))
        first = sent.fields.get("application", "")
        out = self.server.desk.package(first, sent.files, _wish(query))
        return {"state": "valid", "label": html.say("signed", self.language), "out": out.name}

    def _verify(self, _: Mapping[str, str]) -> dict[str, str]:
        found = self.server.desk.verify(self._body(MOST_FILE))
        return verdicts.told(found, self.language)

    def _body(self, most: int) -> bytes:
        length = self.headers["Content-Length"] or ""
        if not length.isdecimal() or int(length) > most:
            self.close_connection = True
            raise Refusal("file-large", size=length, needed=f"at most {most} bytes")
        return self.rfile.read(int(length))

    def _closed(self) -> None:
        self.close_connection = True
        said = "".join(f"<p lang={one}>{html.say('closed', one)}</p>" for one in get_args(Language))
        return self._send(
            f"<!doctype html><title>–</title>{said}".encode(), "text/html", HTTPStatus.FORBIDDEN
        )

    def _away(self, place: str, cookie: str = "") -> None:
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", place)
        if cookie:
            self.send_header("Set-Cookie", cookie)
        for name, value in {**HEADERS, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def _html(self, name: str, body: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        data = html.page(name, body, self.language).encode("utf-8")
        return self._send(data, "text/html", status)

    def _json(self, told: dict[str, str]) -> None:
        return self._send(json.dumps(told, ensure_ascii=False).encode("utf-8"), "application/json")

    def _send(
        self, data: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK, **headers: str
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        for name, value in {**HEADERS, **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)


AFTER = {
    "unlock": "sign",
    "lock": "certificate",
    "compare": "certificate",
    **dict.fromkeys(updating.VERBS, "update"),
}


def _chosen(fields: Mapping[str, str], name: str) -> str:
    """A new password, typed twice. Raises Refusal password-differs."""
    if fields.get(name, "") != fields.get("again", ""):
        raise Refusal("password-differs", needed="the same password twice")
    return fields.get(name, "")


def _wish(query: Mapping[str, str]) -> Wish:
    lasting: Lasting = next((one for one in get_args(Lasting) if one == query.get("lasting")), "")
    return Wish(visible=query.get("visible") == "1", lasting=lasting)
