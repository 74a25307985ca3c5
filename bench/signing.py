"""The signing tool against limits and its peer: `python -m bench.signing`, 1 where one is missed.

CPU time of this process, so that other work on the machine does not decide; what is compared is
measured in turn within one run. The authority has its part (bench.signing_ca). Figures go to
bench/results/signing.json.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from lxml import etree
from signxml import xades as signxml_xades

from bench import signing_ca
from bench.signing_ca import Row
from warifu_sign import cli, p12
from warifu_sign.documents import Profile, sign
from warifu_sign.pdf import sign as pdf_sign
from warifu_sign.xml.sign import enveloped

# The tests' own authority and documents: real ones, and no package that types are read of.
_pki = importlib.import_module("tests.sign.pki")
_pkits = importlib.import_module("tests.sign.test_pkits")

ROUNDS = 60
RESULTS = Path(__file__).parent / "results" / "signing.json"
PASSWORD = "correct horse 9 battery"


def rows() -> Iterator[Row]:
    """Every measurement of the tool."""
    authority = _pki.Authority()
    for kind, private in (("RSA-2048", _pki.rsa_key()), ("P-256", _pki.ec_key())):
        yield from xml(kind, authority.issue(private), private)
    key = authority.issue(_pki.rsa_key())
    yield batch("100 one-page PDFs (moj), one unlock", key, Profile.MOJ, _pki.pdf(), 4.0)
    yield batch(
        "100 XML of 5 KB (XAdES-B-B), one unlock", key, Profile.XADES_B, document(True), 1.0
    )
    yield pdf(key)
    yield guess()
    yield pkits()


def document(japanese: bool) -> bytes:
    """An application of about 5 KB."""
    root, row = ("申請書", "項目") if japanese else ("application", "item")
    lines: list[str] = []
    while sum(len(line.encode()) for line in lines) < 5_000:
        lines.append(f'<{row} n="{len(lines)}">text {len(lines)}</{row}>')
    whole = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>{"".join(lines)}</{root}>'
    return whole.encode()


def xml(kind: str, key: Any, private: Any) -> Iterator[Row]:
    """XAdES-B-B against the bare signature, and against signxml on the same document."""
    plain = document(japanese=False)
    japanese = document(japanese=True)
    at = datetime.now(UTC)
    peer = signxml_xades.XAdESSigner(
        signature_algorithm="rsa-sha256" if kind.startswith("RSA") else "ecdsa-sha256",
        c14n_algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    )

    def whole_job() -> bytes:
        """From bytes to bytes, as ours goes."""
        tree = etree.fromstring(plain)
        return etree.tostring(peer.sign(tree, key=private, cert=[key.certificate]))

    raw, own = in_turn(
        lambda: key.sign(plain), lambda: enveloped(japanese, key, at=at), rounds=5 * ROUNDS
    )
    bare, ours, theirs = in_turn(
        lambda: key.sign(plain), lambda: enveloped(plain, key, at=at), whole_job
    )
    yield Row(f"{kind}: bare signature", raw, "ms", 1000, True)
    yield Row(f"{kind}: XAdES-B-B, 5 KB, Japanese names", own, "ms", 1000, True)
    if kind.startswith("RSA"):
        yield Row(f"{kind}: XAdES-B-B / bare signature", own / raw, "x", 2.0, True)
    yield Row(
        f"{kind}: bare signature / signxml, which nobody can go below", bare / theirs, "x", 1, True
    )
    yield Row(f"{kind}: XAdES-B-B / signxml, same 5 KB", ours / theirs, "x", 0.5, True)


def batch(what: str, key: Any, profile: Profile, one: bytes, limit: float) -> Row:
    """A hundred documents with the key held loaded."""
    sign(one, key, profile, at=datetime.now(UTC))
    start = time.process_time()
    for _ in range(100):
        sign(one, key, profile, at=datetime.now(UTC))
    return Row(what, time.process_time() - start, "s", limit, True)


def pdf(key: Any) -> Row:
    """One PAdES-B-B, warm."""
    held = pdf_sign.HeldKey(key)
    one = _pki.pdf()
    (spent,) = in_turn(
        lambda: pdf_sign.signed(one, held, pdf_sign.PADES, at=datetime.now(UTC)), rounds=30
    )
    return Row("one PAdES-B-B, warm", spent, "ms", 40, True)


def guess() -> Row:
    """What a wrong password costs, against a stock file."""
    key = _pki.Authority().issue(_pki.ec_key())
    ours = p12.sealed(_pki.ec_key(), key.certificate, (), PASSWORD, label="a")
    lock = BestAvailableEncryption(PASSWORD.encode())
    stock = pkcs12.serialize_key_and_certificates(b"a", _pki.ec_key(), key.certificate, [], lock)

    def wrong(data: bytes) -> None:
        with contextlib.suppress(ValueError):
            pkcs12.load_pkcs12(data, b"not the password")

    dear, cheap = in_turn(lambda: wrong(ours), lambda: wrong(stock), rounds=9)
    return Row("one wrong password / one at a stock file", dear / cheap, "x", 60, False)


def pkits() -> Row:
    """PKITS through the verify command."""
    spent = 0.0
    right = 0
    with tempfile.TemporaryDirectory() as folder:
        for settings, wanted in _pkits.cases().items():
            paths = [str(_pkits.vectors() / "certs" / name) for name in wanted]
            words = [
                *paths,
                *_pkits.shared(),
                "--policy",
                str(_pkits.rules(settings, Path(folder))),
            ]
            start = time.process_time()
            told = verified(words)
            spent += time.process_time() - start
            right += sum(wanted[name] == valid for name, valid in told.items())
    if right != 246:
        raise SystemExit(f"PKITS: {right} of 246")
    return Row("PKITS through `warifu-sign verify`, 246 of 246", spent, "s", 20, True)


def verified(words: list[str]) -> dict[str, bool]:
    """What `warifu-sign verify` says of each file."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        cli.main(["verify", *words])
    lines = (json.loads(line) for line in out.getvalue().splitlines())
    return {Path(line["file"]).name: line["status"] == "valid" for line in lines}


def in_turn(*steps: Callable[[], object], rounds: int = ROUNDS) -> tuple[float, ...]:
    """The least CPU time of each step in milliseconds, the steps taken in turn.

    The least, because other work on the machine only ever adds (timeit's own advice).
    """
    found: list[list[float]] = [[] for _ in steps]
    for number in range(rounds + 3):
        for place, step in enumerate(steps):
            start = time.process_time_ns()
            step()
            if number >= 3:  # the first rounds warm caches
                found[place].append((time.process_time_ns() - start) / 1e6)
    return tuple(min(one) for one in found)


def main() -> None:
    """Print every row and keep the figures; exit 1 where a limit is missed."""
    found: list[Row] = []
    for part in (rows(), signing_ca.rows()):
        for row in part:
            print(row, flush=True)
            found.append(row)
    told = {
        "python": platform.python_version(),
        "rows": [{**asdict(row), "found": round(row.found, 3), "good": row.good} for row in found],
    }
    RESULTS.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.exit(0 if all(row.good for row in found) else 1)


if __name__ == "__main__":
    main()
