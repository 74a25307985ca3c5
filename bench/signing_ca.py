"""The authority against its limits: `python -m bench.signing_ca` exits 1 where one is missed.

Limits are in CPU time where they are per core, so that other work on the machine does not decide.
"""

from __future__ import annotations

import http.client
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

from warifu_ca import doors, founding, issuing, names, revoking
from warifu_ca.authority import Authority

MEMBERS = 2_991
LISTED = 3_000
ASKED = 1_500
PASSPHRASE = "a passphrase for trying"


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement: what, how much, and the limit it must keep."""

    what: str
    found: float
    unit: str
    limit: float
    at_most: bool

    @property
    def good(self) -> bool:
        """Whether the limit holds."""
        return self.found <= self.limit if self.at_most else self.found >= self.limit

    def __str__(self) -> str:
        sign = "≤" if self.at_most else "≥"
        mark = "ok  " if self.good else "MISS"
        return f"{mark} {self.what:<58} {self.found:>9.2f} {self.unit:<6} {sign} {self.limit:g}"


def rows() -> Iterator[Row]:
    """Every measurement, one authority for all of them."""
    with tempfile.TemporaryDirectory() as folder:
        authority = founding.found(Path(folder) / "ca", PASSPHRASE, url="http://127.0.0.1:8460")
        asked = requests(MEMBERS)
        made: list[issuing.Issued] = []
        spent = wall(lambda: made.extend(issuing.from_csrs(authority, asked)))
        yield Row(f"{MEMBERS:,} certificates from requests, one transaction", spent, "s", 60, True)
        yield Row(
            "one certificate, a transaction of its own, CPU", singly(authority), "ms", 50, True
        )
        yield answers(authority, made[0].certificate)
        yield served(authority, made[0].certificate)
        yield listing(authority, made)


def requests(count: int) -> list[tuple[names.Holder, bytes]]:
    """Members with a P-256 request each (RSA keys would take longer to make than to certify)."""
    found = []
    for number in range(count):
        key = ec.generate_private_key(ec.SECP256R1())
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        request = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
        found.append((names.holder(f"{number:04d}", "会員", f"MEMBER {number:04d}"), request))
    return found


def singly(authority: Authority) -> float:
    """Median CPU milliseconds of one issue with its own fsync."""
    return 1_000 * statistics.median(
        cpu(partial(issuing.from_csr, authority, who, csr)) for who, csr in requests(50)
    )


def answers(authority: Authority, certificate: x509.Certificate) -> Row:
    """OCSP answers a second and core, through the whole door except the socket."""
    data = question(authority, certificate)

    def ask() -> None:
        for _ in range(ASKED):
            doors.reply(authority, "POST", "/ocsp", data)

    return Row("OCSP answers a second and core", ASKED / cpu(ask), "/s", 300, False)


def served(authority: Authority, certificate: x509.Certificate) -> Row:
    """The same over HTTP: the serving process's own CPU, eight connections kept open."""
    data = question(authority, certificate)
    with served_process(authority) as (port, pid):

        def ask(_: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            for _ in range(ASKED // 8):
                connection.request("POST", "/ocsp", data)
                reply = connection.getresponse()
                assert reply.status == 200
                reply.read()
            connection.close()

        before = cpu_of(pid)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ask, range(8)))
        spent = cpu_of(pid) - before
    return Row(
        "OCSP answers a second and core, over HTTP", ASKED // 8 * 8 / spent, "/s", 300, False
    )


@contextmanager
def served_process(authority: Authority) -> Iterator[tuple[int, int]]:
    """`warifu-ca serve` on a free port: its port and process number."""
    read, write = os.pipe()
    os.write(write, PASSPHRASE.encode() + b"\n")
    os.close(write)
    command = [sys.executable, "-m", "warifu_ca", "serve", str(authority.folder), "--port", "0",
               "--json", "--passphrase-fd", str(read)]  # fmt: skip
    with subprocess.Popen(command, pass_fds=[read], stdout=subprocess.PIPE, text=True) as process:
        os.close(read)
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        try:
            yield int(url.rpartition(":")[2]), process.pid
        finally:
            process.terminate()


def cpu_of(pid: int) -> float:
    """Seconds of CPU another process has used (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def question(authority: Authority, certificate: x509.Certificate) -> bytes:
    """An OCSP request with a nonce."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        certificate, authority.certificates["issuing"], hashes.SHA256()
    )
    builder = builder.add_extension(x509.OCSPNonce(b"0123456789abcdef"), False)
    return builder.build().public_bytes(serialization.Encoding.DER)


def listing(authority: Authority, made: list[issuing.Issued]) -> Row:
    """CPU milliseconds of a signed list of 3,000."""
    more = issuing.from_csrs(authority, fresh(LISTED - len(made)))
    with authority.store.change() as change:
        for one in [*made, *more]:
            revoking.record(change, one.serial, "superseded")
    spent = statistics.median(cpu(lambda: revoking.publish_list(authority)) for _ in range(5))
    size = (authority.folder / "issuing.crl").stat().st_size
    return Row(f"list of {LISTED:,} ({size / 1024:.0f} KiB), CPU", 1_000 * spent, "ms", 150, True)


def fresh(count: int) -> list[tuple[names.Holder, bytes]]:
    """More members."""
    return [
        (names.holder(f"X{who.member}", who.name, who.roman), csr) for who, csr in requests(count)
    ]


def wall(work: Callable[[], object]) -> float:
    """Seconds on the clock."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def cpu(work: Callable[[], object]) -> float:
    """Seconds of this process's CPU."""
    start = resource.getrusage(resource.RUSAGE_SELF)
    work()
    end = resource.getrusage(resource.RUSAGE_SELF)
    return end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime


def main() -> int:
    """Print every row; 1 when a limit is missed."""
    good = True
    for row in rows():
        print(row, flush=True)
        good = good and row.good
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
