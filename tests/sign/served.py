"""The real authority, serving its window, lists and time stamps for the tests."""

from __future__ import annotations

import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from tests.rounds import few
from tests.sign.pki import Private, ec_key, name
from warifu_ca import founding, issuing, revoking, serving
from warifu_ca.authority import Authority, wall_clock
from warifu_ca.names import Holder
from warifu_sign.chain import Trust
from warifu_sign.keys import LoadedKey
from warifu_sign.stamps import Tsa

MEMBER = Holder("0001", "会員 一号", "MEMBER 0001")


THREE_YEARS = timedelta(days=1095)


@dataclass
class Clock:
    """A clock that may be behind."""

    behind: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) - self.behind


@dataclass(frozen=True)
class Served:
    """An authority at an address."""

    authority: Authority
    address: str

    @property
    def tsa(self) -> Tsa:
        return Tsa(f"{self.address}/tsa")

    @property
    def issuing(self) -> x509.Certificate:
        return x509.load_der_x509_certificate(self.get("/issuing.cer"))

    @property
    def root(self) -> x509.Certificate:
        return x509.load_der_x509_certificate(self.get("/root.cer"))

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.address + path, timeout=20) as answer:
            found: bytes = answer.read()
        return found

    def member(self, private: Private) -> LoadedKey:
        """A certificate for a key, as a member has it."""
        csr = x509.CertificateSigningRequestBuilder().subject_name(name("request"))
        der = csr.sign(private, hashes.SHA256()).public_bytes(Encoding.DER)
        issued = issuing.from_csr(self.authority, MEMBER, der)
        return LoadedKey(private, issued.certificate, (self.issuing, self.root))

    def trust(self) -> Trust:
        """The root, and the lists as they are now."""
        return Trust(
            (self.get("/root.cer"),),
            (self.get("/issuing.cer"),),
            (self.get("/root.crl"), self.get("/issuing.crl")),
        )


@contextmanager
def serving_since(folder: Path, left: timedelta) -> Iterator[tuple[Served, list[LoadedKey]]]:
    """An authority that began so long ago that its first certificates have only so much left."""
    clock = Clock(THREE_YEARS - left)
    with serving_authority(folder, clock) as served:
        first = [served.member(ec_key(number=number)) for number in range(100, 130)]
        clock.behind = timedelta()
        revoking.publish_list(served.authority, "root")
        revoking.publish_list(served.authority)
        yield served, first


@contextmanager
def serving_authority(folder: Path, clock: Callable[[], datetime] = wall_clock) -> Iterator[Served]:
    """Found an authority and serve it at the address that its certificates name."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with few():
        authority = founding.found(
            folder / "ca", "a passphrase for trying", url=address, clock=clock
        )
    server = serving.bound(authority, "127.0.0.1", port)
    stopped = threading.Event()
    thread = threading.Thread(target=serving.serve, args=(server, stopped, print))
    thread.start()
    try:
        yield Served(authority, address)
    finally:
        stopped.set()
        thread.join()
