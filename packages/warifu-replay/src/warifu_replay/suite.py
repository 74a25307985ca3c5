"""The tool's own suite, shipped with it: sign and verify through the plug-in, as staging does.

Usage: suite.py TREE JUNIT. Staging's host is the developers' newest one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.x509.oid import NameOID

DOCUMENT = '<?xml version="1.0" encoding="UTF-8"?>\n<申請書><件名>動作確認</件名></申請書>'.encode()
PASSWORD = "staging-password"  # noqa: S105 - of a key that lives for this run


class Host:
    """Staging's host: all that the newest host of this ABI offers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.received: list[tuple[str, bytes]] = []

    def log(self, text: str) -> None:
        """Write a line into the log."""
        self.lines.append(text)

    audit = log

    def receive(self, name: str, document: bytes) -> None:
        """Take a verified document."""
        self.received.append((name, document))


def certificate() -> bytes:
    """A PKCS#12 file that nobody trusts, for one signature."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "staging")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    sealing = BestAvailableEncryption(PASSWORD.encode())
    return pkcs12.serialize_key_and_certificates(b"staging", key, made, None, sealing)


def test_the_plug_in_connects() -> None:
    """The host's first call."""
    assert plugin(Host()).name


def test_a_document_is_signed() -> None:
    """Unlock and sign, as a member does."""
    host = Host()
    ready = plugin(host)
    ready.unlock(certificate(), PASSWORD)
    signed = ready.sign(DOCUMENT, datetime.now(UTC))
    assert b"SignatureValue" in signed


def plugin(host: Host) -> Any:
    """The plug-in as a host connects it."""
    from warifu_sign.plugin import entry

    return entry.connect(host)


def main(tree: str, junit: str) -> int:
    """Run every test function; write JUnit; 1 when one failed."""
    sys.path.insert(0, tree)
    suite = ET.Element("testsuite", name="staging")
    tests: list[Callable[[], None]] = [test_the_plug_in_connects, test_a_document_is_signed]
    for one in tests:
        case = ET.SubElement(suite, "testcase", name=one.__name__)
        try:
            one()
        except Exception as error:  # whatever a test raises is its failure
            ET.SubElement(case, "failure", message=repr(error))
    Path(junit).write_bytes(ET.tostring(suite))
    return 1 if suite.find(".//failure") is not None else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
