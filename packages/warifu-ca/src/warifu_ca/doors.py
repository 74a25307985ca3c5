"""What the authority answers over HTTP, as one function from request to reply."""

from __future__ import annotations

import base64
import binascii
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from warifu_ca import asked, ocsp, stamps, window
from warifu_ca.authority import TSA_POLICY, Authority
from warifu_ca.issuing import Issued
from warifu_ca.store import broken
from warifu_wire import canonical, times
from warifu_wire.canonical import Json
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Fault, Refusal

LARGEST = 65_536  # bytes of a request's body
STATUS: Mapping[str, int] = {
    "request-malformed": 400,
    "csr-malformed": 400,
    "key-not-allowed": 400,
    "key-reused": 400,
    "clock-differs": 400,
    "pin-wrong": 403,
    "signature-wrong": 403,
    "reference-unknown": 404,
    "serial-unknown": 404,
    "path-unknown": 404,
    "already-issued": 409,
    "already-received": 409,
    "receipt-differs": 409,
    "renewal-too-early": 409,
    "certificate-expired": 409,
    "certificate-revoked": 409,
    "window-closed": 410,
    "letter-void": 410,
    "length-missing": 411,
    "too-large": 413,
    "letter-locked": 423,
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP reply."""

    status: int
    kind: str
    body: bytes


Door = Callable[[Authority, bytes], Reply]


def reply(authority: Authority, method: str, path: str, body: bytes) -> Reply:
    """The answer to a request; never raises."""
    try:
        if method == "GET":
            return _get(authority, path)
        door = POSTS.get(path)
        if method != "POST" or door is None:
            raise Refusal("path-unknown", needed="a path of docs/ca-protocol.md", path=path)
        return door(authority, body)
    except Refusal as error:
        return refused(error)
    except Fault as error:
        return failed(error)
    except sqlite3.Error as error:
        return failed(broken(error))


def failed(error: Fault) -> Reply:
    """The reply when the ground gave way: nothing was decided, the same may be asked again."""
    return refused(Refusal("fault", needed=error.needed, what=error.what))


def refused(error: Refusal) -> Reply:
    """The reply that says no; an unlisted code is a state that may pass: 503."""
    facts: dict[str, Json] = dict(error.facts.items())
    told: Json = {"refusal": {"code": error.reason, "facts": facts, "needed": error.needed}}
    return _json(told, STATUS.get(error.reason, 503))


def _get(authority: Authority, path: str) -> Reply:
    if path == "/":
        return _json(about(authority))
    if path == "/cps":
        return Reply(200, "text/plain; charset=utf-8", _statement(authority).encode())
    if path in ("/root.cer", "/issuing.cer"):
        der = authority.der("root" if path == "/root.cer" else "issuing")
        return Reply(200, "application/pkix-cert", der)
    if path in ("/root.crl", "/issuing.crl"):
        return _list(authority, path[1:])
    if path.startswith("/ocsp/"):
        return _ocsp(authority, _path_request(path.removeprefix("/ocsp/")))
    raise Refusal("path-unknown", needed="a path of docs/ca-protocol.md", path=path)


def about(authority: Authority) -> Json:
    """What this authority is."""
    return {
        "authority": authority.certificates["issuing"].subject.rfc4514_string(),
        "issuing": of_bytes(authority.der("issuing")),
        "now": times.spell(authority.store.clock()),
        "protocol": 1,
        "root": of_bytes(authority.der("root")),
        "trial": authority.settings.trial,
        "tsa_policy": TSA_POLICY,
    }


def _statement(authority: Authority) -> str:
    trial = "Trial: these keys were made for trying out; trust nothing they sign.\n"
    return f"{authority.settings.name}\n{trial if authority.settings.trial else ''}"


def _list(authority: Authority, name: str) -> Reply:
    try:
        der = (authority.folder / name).read_bytes()
    except OSError as error:
        raise Fault(f"{name}: {error.strerror}", needed="warifu-ca crl") from error
    return Reply(200, "application/pkix-crl", der)


def _path_request(text: str) -> bytes:
    try:
        return base64.b64decode(unquote(text), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _ocsp(authority: Authority, body: bytes) -> Reply:
    return Reply(200, "application/ocsp-response", ocsp.answer(authority, body))


def _tsa(authority: Authority, body: bytes) -> Reply:
    return Reply(200, "application/timestamp-reply", stamps.answer(authority, body))


def _redeem(authority: Authority, body: bytes) -> Reply:
    handed = window.redeem(authority, asked.read(body, "redeem", authority.store.clock()))
    return _json(_issued(authority, handed.issued, handed.pkcs12))


def _renew(authority: Authority, body: bytes) -> Reply:
    handed = window.renew(authority, asked.read(body, "renew", authority.store.clock()))
    return _json(_issued(authority, handed.issued, handed.pkcs12))


def _receipt(authority: Authority, body: bytes) -> Reply:
    found = window.receive(authority, asked.read(body, "receipt", authority.store.clock()))
    return _json(
        {
            "at": found.at,
            "certificate": found.issued.sha256,
            "reference": found.issued.reference,
            "state": "received",
        }
    )


def _revoke(authority: Authority, body: bytes) -> Reply:
    found = window.revoke(authority, asked.read(body, "revoke", authority.store.clock()))
    return _json(
        {"at": found.at, "reason": found.reason, "serial": found.serial, "state": "revoked"}
    )


POSTS: Mapping[str, Door] = {
    "/window/v1/redeem": _redeem,
    "/window/v1/receipt": _receipt,
    "/window/v1/renew": _renew,
    "/window/v1/revoke": _revoke,
    "/ocsp": _ocsp,
    "/tsa": _tsa,
}


def _issued(authority: Authority, made: Issued, pkcs12: bytes | None) -> Json:
    return {
        "certificate": _text(made.der),
        "chain": [_text(der) for der in authority.chain],
        "holder": {
            "member": made.holder.member,
            "name": made.holder.name,
            "roman": made.holder.roman,
        },
        "key": made.key,
        "not_after": times.spell(made.not_after),
        "not_before": times.spell(made.not_before),
        "pkcs12": None if pkcs12 is None else _text(pkcs12),
        "profile": made.profile,
        "received": made.received_at is not None,
        "reference": made.reference,
        "serial": made.serial,
        "sha256": made.sha256,
    }


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _json(value: Json, status: int = 200) -> Reply:
    return Reply(status, "application/json", canonical.dumps(value))
