"""The interop matrix: every cell is asked of the other implementation, and printed in the docs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asn1crypto import x509 as asn1
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from tests.sign import interop
from tests.sign.pki import APPLICATION, ec_key, pdf, rsa_key
from tests.sign.served import Served
from warifu_sign import kousei
from warifu_sign.chain import Trust
from warifu_sign.documents import Outside, Profile, sign
from warifu_sign.keys import LoadedKey

PAGE = Path(__file__).parents[2] / "docs" / "interop.md"
FILES = {"申請書.xml": APPLICATION, "委任状 (写し).pdf": pdf(), "が\u304b\u3099.txt": b"\r\n"}
CELLS = [
    (profile, key, tool)
    for profile, tools in interop.MATRIX.items()
    for key in interop.KEYS
    for tool in tools
]


@pytest.fixture(scope="module")
def signed(served: Served, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """Every profile with every kind of key, each in a folder with the authority's certificates."""
    keys = {"rsa": served.member(rsa_key(number=11)), "p256": served.member(ec_key(number=11))}
    found = {}
    for profile in interop.MATRIX:
        for kind, key in keys.items():
            folder = tmp_path_factory.mktemp(f"{profile}-{kind}")
            for name, certificate in (("root", served.root), ("issuing", served.issuing)):
                pem = certificate.public_bytes(Encoding.PEM)
                (folder / f"{name}.pem").write_bytes(pem)
            found[profile, kind] = made(profile, key, served, folder)
    return found


def made(profile: str, key: LoadedKey, served: Served, folder: Path) -> Path:
    now = datetime.now(UTC)
    if profile == "kousei":
        package = kousei.signed("申請書.xml", FILES, key, at=now)
        for name, data in kousei.unzipped(package).items():
            (folder / name).write_bytes(data)
        return folder / "kousei.xml"
    suffix = "xml" if profile in interop.XML else "pdf"
    document = APPLICATION if suffix == "xml" else pdf()
    outside = Outside(tsa=served.tsa, trust=served.trust())
    path = folder / f"signed.{suffix}"
    path.write_bytes(sign(document, key, Profile(profile), at=now, outside=outside))
    return path


@pytest.fixture(scope="module")
def java(signed: dict[tuple[str, str], Path]) -> Callable[[Path], bool]:
    found = interop.java([path for (profile, _), path in signed.items() if profile in interop.XML])
    return found.__getitem__


def pyhanko(path: Path, trust: Trust) -> bool:
    """pyHanko's own verdict, with its own trust."""
    context = ValidationContext(
        trust_roots=[asn1.Certificate.load(one) for one in trust.roots],
        crls=list(trust.crls),
        revocation_mode="hard-fail",
    )
    with path.open("rb") as stream:
        (found,) = PdfFileReader(stream).embedded_regular_signatures
        status = asyncio.run(async_validate_pdf_signature(found, context, context))
    return bool(status.bottom_line)


@pytest.mark.parametrize(("profile", "key", "tool"), CELLS, ids=map("-".join, CELLS))
def test_another_implementation_confirms(
    signed: dict[tuple[str, str], Path],
    java: Callable[[Path], bool],
    served: Served,
    profile: str,
    key: str,
    tool: str,
) -> None:
    ask: dict[str, Callable[[Path], bool]] = {
        "xmlsec1": interop.xmlsec1,
        "Java XMLDSig": java,
        "pdfsig": interop.pdfsig,
        "openssl cms": interop.openssl_cms,
        "openssl ts": interop.openssl_ts,
        "pyHanko": lambda path: pyhanko(path, served.trust()),
    }
    assert ask[tool](signed[profile, key])


def test_the_page_prints_the_matrix() -> None:
    assert interop.table(dict.fromkeys(CELLS, "valid")) in PAGE.read_text("utf-8")


def test_the_tools_refuse_what_was_changed(
    signed: dict[tuple[str, str], Path], tmp_path: Path
) -> None:
    """A tool that confirms everything confirms nothing."""
    for profile, old, ask in (
        ("xades-b", "会員".encode(), interop.xmlsec1),
        ("moj", b"Application", interop.pdfsig),
        ("moj", b"Application", interop.openssl_cms),
    ):
        path = signed[profile, "rsa"]
        for name in ("root.pem", "issuing.pem"):
            (tmp_path / name).write_bytes(path.with_name(name).read_bytes())
        data = path.read_bytes()
        changed = tmp_path / path.name
        changed.write_bytes(data.replace(old, bytes(reversed(old)) if old.isascii() else b"x"))
        assert changed.read_bytes() != data
        assert not ask(changed)
    assert not interop.java([tmp_path / "signed.xml"])[tmp_path / "signed.xml"]
