"""HTTP: what is answered to requests that are not quite requests."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

import pytest

from tests.ca import member
from warifu_ca import doors
from warifu_ca.authority import Authority
from warifu_wire.digest import of_bytes

Address = tuple[str, int]


def raw(address: Address, text: bytes) -> bytes:
    """Send bytes, close our half, read to the end."""
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        found = b""
        while piece := connection.recv(65536):
            found += piece
        return found


def refused(answer: tuple[int, bytes, str | None]) -> tuple[int, str]:
    """Status and code."""
    status, body, _ = answer
    told: dict[str, Any] = json.loads(body)
    return status, told["refusal"]["code"]


def test_it_says_what_it_is(authority: Authority, address: Address) -> None:
    status, body, kind = member.call(address, "/")
    about = json.loads(body)
    assert (status, kind, about["trial"], about["protocol"]) == (200, "application/json", True, 1)
    for role, name in (("root", "root"), ("issuing", "issuing")):
        status, der, kind = member.call(address, f"/{role}.cer")
        assert (status, kind) == (200, "application/pkix-cert")
        assert of_bytes(der) == about[name]
    assert b"Trial" in member.call(address, "/cps")[1]
    assert member.call(address, "/root.crl")[2] == "application/pkix-crl"
    (authority.folder / "root.crl").unlink()
    assert refused(member.call(address, "/root.crl")) == (503, "fault")


@pytest.mark.parametrize(
    "path", ["/nothing", "/ca.json", "/../ca.json", "/window/v1/redeem", "/tsa"]
)
def test_other_paths_are_unknown(address: Address, path: str) -> None:
    assert refused(member.call(address, path)) == (404, "path-unknown")


def test_a_body_has_a_length_and_an_end(address: Address) -> None:
    assert refused(member.call(address, "/nothing", b"x")) == (404, "path-unknown")
    assert refused(member.call(address, "/tsa", b"x" * 65_537)) == (413, "too-large")
    assert b" 411 " in raw(address, b"POST /tsa HTTP/1.1\r\nHost: x\r\n\r\n").splitlines()[0]
    chunked = b"POST /tsa HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert b" 411 " in raw(address, chunked).splitlines()[0]
    minus = b"POST /tsa HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"
    assert b" 411 " in raw(address, minus).splitlines()[0]
    assert raw(address, b"POST /tsa HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf") == b""
    assert b"Bad request syntax" in raw(address, b"rubbish\r\n\r\n")
    assert b" 501 " in raw(address, b"PUT / HTTP/1.1\r\n\r\n").splitlines()[0]


def test_one_connection_answers_many(address: Address) -> None:
    connection = http.client.HTTPConnection(*address, timeout=10)
    for _ in range(3):
        connection.request("POST", "/ocsp", b"rubbish")
        reply = connection.getresponse()
        assert (reply.status, reply.read()) == (200, b"\x30\x03\x0a\x01\x01")
    connection.close()


def test_every_refusal_of_the_protocol_has_a_status() -> None:
    assert doors.STATUS["pin-wrong"] == 403
    assert set(doors.STATUS.values()) <= {400, 403, 404, 405, 409, 410, 411, 413, 423}
