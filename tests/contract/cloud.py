"""A key store that speaks the protocol of AWS KMS: the cloud's own library signs with it.

There is no cloud here, so the far end is this; it answers `CreateKey`, `GetPublicKey` and `Sign` of
a digest with real P-256 keys, and can be told to sign with another key.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

DER = serialization.Encoding.DER
INFO = serialization.PublicFormat.SubjectPublicKeyInfo


@dataclass
class Cloud:
    """The keys by id; `lying` makes it sign with keys that nobody asked for."""

    address: str = ""
    keys: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)
    lying: bool = False
    signed: int = 0

    def make(self, name: str) -> str:
        """A new key; its place."""
        self.keys[name] = ec.generate_private_key(ec.SECP256R1())
        return f"awskms:{name}"

    def answer(self, verb: str, asked: dict[str, Any]) -> dict[str, Any]:
        """One request; KeyError for a key that is not there."""
        key = self.keys[asked["KeyId"]]
        if verb == "GetPublicKey":
            der = base64.b64encode(key.public_key().public_bytes(DER, INFO)).decode()
            return {"PublicKey": der, "SigningAlgorithms": ["ECDSA_SHA_256"]}
        assert (verb, asked["MessageType"]) == ("Sign", "DIGEST")
        self.signed += 1
        used = ec.generate_private_key(ec.SECP256R1()) if self.lying else key
        digest = base64.b64decode(asked["Message"])
        return {
            "Signature": base64.b64encode(
                used.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256())))
            ).decode()
        }


@contextmanager
def cloud() -> Iterator[Cloud]:
    """A running key store on loopback."""
    store = Cloud()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            verb = self.headers["X-Amz-Target"].partition(".")[2]
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                status, told = 200, store.answer(verb, asked)
            except KeyError:
                status, told = 400, {"__type": "NotFoundException", "message": "no such key"}
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        store.address = f"http://127.0.0.1:{server.server_port}"
        yield store
        server.shutdown()
