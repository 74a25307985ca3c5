"""Signed requests to the authority's window, and its answers (docs/ca-protocol.md)."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509

from warifu_sign.errors import Fault, Refusal

TYPE = "application/vnd.warifu.ca-request.v1+json"
MOST_BYTES = 1 << 20
PATIENCE = 30.0

Sign = Callable[[bytes], bytes]

# What the authority may refuse, and the code under which it is told here.
KNOWN = frozenset(
    {
        "request-malformed",
        "csr-malformed",
        "key-not-allowed",
        "key-reused",
        "clock-differs",
        "pin-wrong",
        "signature-wrong",
        "reference-unknown",
        "serial-unknown",
        "already-issued",
        "already-received",
        "receipt-differs",
        "renewal-too-early",
        "certificate-expired",
        "certificate-revoked",
        "window-closed",
        "letter-void",
        "letter-locked",
        "too-large",
        "length-missing",
        "clock-went-back",
    }
)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate from the window. by_authority: the PKCS#12 of a key made there, else b""."""

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    holder: str
    by_authority: bytes = field(repr=False)


class Window:
    """The authority at an address; https, or http on this machine alone."""

    def __init__(self, address: str) -> None:
        parts = urllib.parse.urlsplit(address)
        local = parts.hostname in ("127.0.0.1", "::1", "localhost")
        if parts.hostname is None or not (
            parts.scheme == "https" or (parts.scheme == "http" and local)
        ):
            raise Refusal("window-address", address=address, needed="an https address")
        self._parts = parts

    def issued(self, verb: str, payload: dict[str, Any], sign: Sign) -> Issued:
        """Ask for a certificate. Raises Refusal and Fault, window-answer for a bad one."""
        answer = self.ask(verb, payload, sign)
        try:
            certificate = x509.load_der_x509_certificate(b64decode(answer["certificate"]))
            chain = [x509.load_der_x509_certificate(b64decode(one)) for one in answer["chain"]]
            made_there = answer["pkcs12"]
            return Issued(
                certificate,
                tuple(chain),
                str(answer["holder"]["name"]),
                b64decode(made_there) if made_there else b"",
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Refusal("window-answer", why=type(error).__name__) from None

    def ask(self, verb: str, payload: dict[str, Any], sign: Sign) -> dict[str, Any]:
        """One signed request; the answer's object."""
        status, body = self._posted(f"/window/v1/{verb}", enveloped(payload, sign))
        try:
            answer = json.loads(body)
            refusal = answer.get("refusal") if status != 200 else None
            if status == 200 or refusal is None:
                return _object(answer)
            code, facts = str(refusal["code"]), dict(refusal.get("facts") or {})
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Refusal("window-answer", status=status) from None
        if code not in KNOWN:
            raise Refusal("window-answer", status=status, refusal=code)
        raise Refusal(code, needed=str(refusal.get("needed", "")), **facts)

    def _posted(self, path: str, body: bytes) -> tuple[int, bytes]:
        kind = (
            http.client.HTTPSConnection
            if self._parts.scheme == "https"
            else http.client.HTTPConnection
        )
        link = kind(self._parts.netloc, timeout=PATIENCE)
        try:
            headers = {"Content-Type": "application/json"}
            link.request("POST", self._parts.path.rstrip("/") + path, body, headers)
            answer = link.getresponse()
            found = answer.read(MOST_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            why = str(error) or type(error).__name__
            raise Fault("window-unreachable", address=self._parts.netloc, why=why) from None
        finally:
            link.close()
        if len(found) > MOST_BYTES:
            raise Refusal("window-answer", size=len(found))
        return answer.status, found


def enveloped(payload: dict[str, Any], sign: Sign) -> bytes:
    """A DSSE envelope, itself canonical JSON, as its payload is (texts and null, ASCII names)."""
    data = _canonical(payload)
    keyid = str(payload.get("reference") or payload["serial"])
    signed = b"DSSEv1 %d %b %d %b" % (len(TYPE), TYPE.encode(), len(data), data)
    envelope = {
        "payload": b64encode(data).decode("ascii"),
        "payloadType": TYPE,
        "signatures": [{"keyid": keyid, "sig": b64encode(sign(signed)).decode("ascii")}],
    }
    return _canonical(envelope)


def _canonical(value: dict[str, Any]) -> bytes:
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return plain.encode("utf-8")


def _object(answer: object) -> dict[str, Any]:
    if not isinstance(answer, dict) or "refusal" in answer:
        raise TypeError(answer)
    return answer
