"""The network by TLS with an authority of the provider's own, and through a proxy."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.client.conftest import Clock, start
from tests.client.provider import PRODUCT, Provider, release
from tests.client.serving import serving
from warifu_client import applying, settings, transport
from warifu_client.ended import End
from warifu_client.layout import Layout
from warifu_client.machine import Machine, Means
from warifu_client.settings import Settings
from warifu_wire.errors import Fault
from warifu_wire.manifest import Kind

FIRST = release({"start.py": b"raise SystemExit(0)\n"}, kind=Kind.INSTALL)


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate of loopback that signs itself, and a server that has its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    roots, private = folder / "roots.pem", folder / "private.pem"
    roots.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(roots, private)
    return roots, context


def test_only_the_given_authority_is_believed(
    tmp_path: Path, provider: Provider, clock: Clock
) -> None:
    provider.publish(FIRST)
    roots, context = certificate(tmp_path)
    with serving(provider.folder, context) as site:

        def machine(name: str, authority: str) -> Machine:
            told = Settings(site.address, PRODUCT, authority=authority)
            layout = Layout(tmp_path / name)
            settings.write(layout, told, provider.root)
            return Machine(layout, told, Means(clock, transport.of(told), start))

        with pytest.raises(Fault, match="no answer"):
            applying.apply(machine("stranger", ""))
        assert applying.apply(machine("member", str(roots))).end is End.INSTALLED


def test_a_proxy_is_asked_for_everything(tmp_path: Path, provider: Provider, clock: Clock) -> None:
    """The server stands in for the proxy: it is asked by whole addresses."""
    provider.publish(FIRST)
    with serving(provider.folder) as site:
        told = Settings("http://provider.invalid", PRODUCT, proxy=site.address)
        layout = Layout(tmp_path / "proxied")
        settings.write(layout, told, provider.root)
        machine = Machine(layout, told, Means(clock, transport.of(told), start))
        assert applying.apply(machine).end is End.INSTALLED
    assert all(one.path.startswith("http://provider.invalid/") for one in site.asked)
