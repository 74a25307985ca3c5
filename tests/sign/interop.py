"""Who confirms what: the matrix of docs/interop.md, and how each tool is asked."""

from __future__ import annotations

import subprocess
from base64 import b64decode
from pathlib import Path

from asn1crypto import cms
from lxml import etree
from pyhanko.pdf_utils.reader import PdfFileReader

from warifu_sign.xml.names import XADES, ds, xades
from warifu_sign.xml.tree import EXCLUSIVE, canonical

KEYS = ("rsa", "p256")
XML = ("xmldsig", "xades-b", "kousei", "xades-t")
PDF = ("moj", "pades-b", "pades-t", "pades-lt", "pades-lta")
JAVA = Path(__file__).with_name("Verify.java")

# Which tools confirm a profile, in the order of the page's columns.
COLUMNS = ("xmlsec1", "Java XMLDSig", "pdfsig", "openssl cms", "openssl ts", "pyHanko")
MATRIX: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("xmldsig", "xades-b", "kousei"), ("xmlsec1", "Java XMLDSig")),
    "xades-t": ("xmlsec1", "Java XMLDSig", "openssl ts"),
    **dict.fromkeys(("moj", "pades-b"), ("pdfsig", "openssl cms", "pyHanko")),
    **dict.fromkeys(PDF[2:], ("pdfsig", "openssl cms", "openssl ts", "pyHanko")),
}


def table(cells: dict[tuple[str, str, str], str]) -> str:
    """The matrix as Markdown: profile and key against tool."""
    rows = [
        "| profile | key | " + " | ".join(COLUMNS) + " |",
        "|---|---|" + "---|" * len(COLUMNS),
    ]
    for profile in MATRIX:
        for key in KEYS:
            found = [cells.get((profile, key, tool), "–") for tool in COLUMNS]
            rows.append(f"| `{profile}` | {key} | " + " | ".join(found) + " |")
    return "\n".join(rows) + "\n"


def run(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words], cwd=cwd, capture_output=True, text=True, check=False
    )


def xmlsec1(path: Path) -> bool:
    """xmlsec1, with the root beside the file."""
    ids = ("--id-attr:Id", f"{XADES}:SignedProperties", "--id-attr:ID", "構成情報")
    words = ("--verify", "--trusted-pem", "root.pem", "--untrusted-pem", "issuing.pem")
    return run("xmlsec1", *words, *ids, path.name, cwd=path.parent).returncode == 0


def java(paths: list[Path]) -> dict[Path, bool]:
    """Java's verdict on all of them, in one process."""
    done = run("java", JAVA, *paths, cwd=JAVA.parent)
    assert done.returncode == 0, done.stderr
    pairs = (line.rsplit(" ", 1) for line in done.stdout.splitlines())
    return {Path(path): verdict == "valid" for path, verdict in pairs}


def pdfsig(path: Path) -> bool:
    """poppler: every signature of the file holds; document time stamps it cannot judge."""
    found = run("pdfsig", "-nocert", path.name, cwd=path.parent).stdout
    verdicts = [line for line in found.splitlines() if "Signature Validation:" in line]
    return bool(verdicts) and verdicts[0].endswith("Signature is Valid.")


def contents(path: Path) -> tuple[bytes, bytes]:
    """A PDF's CMS, and the bytes that it signs."""
    data = path.read_bytes()
    with path.open("rb") as stream:
        (signature,) = PdfFileReader(stream).embedded_regular_signatures
        _, first, second, length = (int(one) for one in signature.byte_range)
        signed = data[:first] + data[second : second + length]
        return bytes(signature.pkcs7_content), signed


def openssl_cms(path: Path) -> bool:
    """openssl over the CMS of a PDF, path and all."""
    der, signed = contents(path)
    (path.parent / "sig.der").write_bytes(der)
    (path.parent / "signed.bin").write_bytes(signed)
    words = ("cms", "-verify", "-binary", "-inform", "DER", "-in", "sig.der")
    given = ("-content", "signed.bin", "-CAfile", "root.pem", "-purpose", "any", "-out", "out.bin")
    return run("openssl", *words, *given, cwd=path.parent).returncode == 0


def openssl_ts(path: Path) -> bool:
    """openssl over the time stamp of a signature."""
    token, data = pdf_stamp(path) if path.suffix == ".pdf" else xml_stamp(path)
    (path.parent / "token.der").write_bytes(token)
    (path.parent / "stamped.bin").write_bytes(data)
    words = ("ts", "-verify", "-token_in", "-in", "token.der", "-data", "stamped.bin")
    given = ("-CAfile", "root.pem", "-untrusted", "issuing.pem")
    return run("openssl", *words, *given, cwd=path.parent).returncode == 0


def xml_stamp(path: Path) -> tuple[bytes, bytes]:
    """The token of a XAdES-B-T signature, and what it covers."""
    tree = etree.parse(path)
    token = next(tree.iter(xades("EncapsulatedTimeStamp"))).text or ""
    value = next(tree.iter(ds("SignatureValue")))
    return b64decode(token), canonical(value, EXCLUSIVE)


def pdf_stamp(path: Path) -> tuple[bytes, bytes]:
    """The token of a PAdES-B-T signature, and what it covers."""
    (signer,) = cms.ContentInfo.load(contents(path)[0])["content"]["signer_infos"]
    (attribute,) = [
        one
        for one in signer["unsigned_attrs"]
        if one["type"].native == "signature_time_stamp_token"
    ]
    return attribute["values"][0].dump(), signer["signature"].native
