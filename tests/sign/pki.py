"""A small certificate authority for the tests of the signing tool."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from warifu_sign.chain import Trust
from warifu_sign.keys import LoadedKey

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

# Whole seconds: certificates and signatures carry no finer time.
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)

SIGNS = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
ISSUES = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
ENCRYPTS = x509.KeyUsage(False, False, True, False, False, False, False, False, False)


def name(text: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
            x509.NameAttribute(NameOID.COMMON_NAME, text),
        ]
    )


@cache
def rsa_key(bits: int = 2048, number: object = 0) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key(number: object = 0) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class Authority:
    """Root with its own key; issues what a test asks for."""

    title: str = "試験認証局"
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    revoked: list[tuple[int, datetime]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.root = (
            self.builder(name(self.title), self.key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(ISSUES, critical=True)
            .sign(self.key, hashes.SHA256())
        )

    def builder(
        self,
        subject: x509.Name,
        key: Private,
        *,
        start: datetime = NOW - 30 * DAY,
        end: datetime = NOW + 365 * DAY,
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(name(self.title))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
        )

    def issue(
        self,
        key: Private | None = None,
        *,
        subject: str = "会員 0001",
        start: datetime = NOW - 30 * DAY,
        end: datetime = NOW + 365 * DAY,
        usage: x509.KeyUsage | None = SIGNS,
        extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
    ) -> LoadedKey:
        private = key or rsa_key()
        builder = self.builder(name(subject), private, start=start, end=end)
        if usage is not None:
            builder = builder.add_extension(usage, critical=True)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        return LoadedKey(private, builder.sign(self.key, hashes.SHA256()), (self.root,))

    def revoke(self, key: LoadedKey, at: datetime = NOW - DAY) -> None:
        self.revoked.append((key.certificate.serial_number, at))

    def crl(self, *, this: datetime = NOW - DAY, following: datetime = NOW + 7 * DAY) -> bytes:
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(name(self.title))
            .last_update(this)
            .next_update(following)
        )
        for serial, at in self.revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def trust(self) -> Trust:
        return Trust((self.root.public_bytes(Encoding.DER),), crls=(self.crl(),))


def pdf(text: str = "Application 0001") -> bytes:
    """A one-page PDF."""
    content = f"BT /F1 24 Tf 72 720 Td ({text}) Tj ET".encode("ascii")
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
            b"/Resources<</Font<</F1 5 0 R>>>>>>"
        ),
        b"<</Length %d>>\nstream\n%b\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
    places = []
    for number, one in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    tail = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    return out + head + table + tail % (len(objects) + 1, len(out))


APPLICATION = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!-- 注記 --><?様式 番号="1"?>\n'
    '<申請書 xmlns="urn:example:moushikomi" xmlns:添="urn:example:tenpu" 種別="登記">\n'
    "  <!-- 控え --><申請人><氏名>会員 &amp; 0001</氏名></申請人>\n"
    '  <添:添付 xmlns=""><名前>委任状.pdf</名前></添:添付>&#13;\n'
    "</申請書>\n"
).encode()
