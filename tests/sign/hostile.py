"""Documents made to be accepted wrongly, or to break the reader."""

from __future__ import annotations

import copy
import hashlib
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from io import BytesIO

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from lxml import etree
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer
from pyhanko.sign import signers

from tests.sign.pki import APPLICATION, DAY, ENCRYPTS, ISSUES, NOW, Authority, ec_key, pdf, rsa_key
from warifu_sign.keys import LoadedKey
from warifu_sign.pdf import sign as pdf_sign
from warifu_sign.xml import dsig
from warifu_sign.xml.names import DS, ENVELOPED, EXCLUSIVE, ds
from warifu_sign.xml.sign import enveloped, signature
from warifu_sign.xml.tree import canonical_document, parsed

OTHER = "供託".encode()
XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"


def certificates(authority: Authority) -> Iterator[tuple[str, bytes]]:
    """Right signatures by certificates that may not sign."""
    ekus = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    ca = x509.BasicConstraints(ca=True, path_length=None)
    revoked = authority.issue(ec_key())
    authority.revoke(revoked)
    signers = {
        "certificate-expired": authority.issue(ec_key(), end=NOW - DAY),
        "certificate-not-yet-valid": authority.issue(ec_key(), start=NOW + DAY),
        "certificate-revoked": revoked,
        "key-usage": authority.issue(ec_key(), usage=ENCRYPTS),
        "key-usage none": authority.issue(ec_key(), usage=None),
        "extended-key-usage": authority.issue(ec_key(), extensions=[(ekus, False)]),
        "signer-is-ca": authority.issue(ec_key(), usage=ISSUES, extensions=[(ca, True)]),
        "key-weak": authority.issue(rsa_key(1024)),
    }
    for reason, key in signers.items():
        yield reason, enveloped(APPLICATION, key, at=NOW - DAY)


def _signed(authority: Authority) -> bytes:
    return enveloped(APPLICATION, authority.issue(rsa_key()), at=NOW)


def _wrapped(
    authority: Authority, place: Callable[[etree._Element, etree._Element], None]
) -> bytes:
    """Signature wrapping: the signed original is hidden, another content stands in its place."""
    original = etree.fromstring(_signed(authority))
    forged = copy.deepcopy(original)
    forged.set("種別", "供託")
    place(forged, original)
    return etree.tostring(forged, encoding="utf-8")


def wrappings(authority: Authority) -> Iterator[tuple[str, bytes]]:
    """Six placements of the signed original (XSW), and forgeries by Id."""

    def own(forged: etree._Element) -> etree._Element:
        node = forged.find(ds("Signature"))
        assert node is not None
        return node

    def in_object(forged: etree._Element, original: etree._Element) -> None:
        etree.SubElement(own(forged), ds("Object")).append(original)

    def in_own_object(forged: etree._Element, original: etree._Element) -> None:
        node = own(original)
        original.remove(node)
        forged.replace(own(forged), node)
        etree.SubElement(node, ds("Object")).append(original)

    def beside(forged: etree._Element, original: etree._Element) -> None:
        forged.insert(0, original)

    def unsigned_beside(forged: etree._Element, original: etree._Element) -> None:
        original.remove(own(original))
        forged.insert(0, original)

    def deep(forged: etree._Element, original: etree._Element) -> None:
        etree.SubElement(etree.SubElement(forged, "包"), "中").append(original)
        forged.remove(own(forged))

    def after(forged: etree._Element, original: etree._Element) -> None:
        forged.append(original)

    places = (in_object, in_own_object, beside, unsigned_beside, deep, after)
    for number, place in enumerate(places, 1):
        yield f"xsw{number} {place.__name__}", _wrapped(authority, place)

    key = authority.issue(rsa_key())
    by_id = b'<a><b Id="x">1</b><b>2</b></a>'
    digest = hashlib.sha256(canonical_document(parsed(b'<b Id="x">1</b>'), EXCLUSIVE)).digest()
    reference = dsig.Reference("#x", digest, (EXCLUSIVE,), id="r", media="text/xml")
    yield "reference to a part", _with(key, by_id, (reference,))
    yield "the same Id twice", _with(key, b'<a><b Id="x">1</b><c ID="x"/></a>', (reference,))


def _with(
    key: LoadedKey, document: bytes, references: tuple[dsig.Reference, ...], *, xades: bool = True
) -> bytes:
    tree = etree.fromstring(document)
    own = dsig.new_id()
    written = signature(key, references, id=own, at=NOW, xades=xades, stamp=None)
    tree.append(etree.fromstring(written))
    return etree.tostring(tree, encoding="utf-8")


def references(authority: Authority) -> Iterator[tuple[str, bytes]]:
    """Right arithmetic over the wrong things."""
    key = authority.issue(rsa_key())
    empty = hashlib.sha256(b"").digest()
    for uri in ("file:///etc/passwd", "http://127.0.0.1:9/a", "../../etc/passwd", "#xpointer(/)"):
        yield f"reference to {uri}", _with(key, APPLICATION, (dsig.Reference(uri, empty),))
    document = hashlib.sha256(canonical_document(parsed(APPLICATION), EXCLUSIVE)).digest()
    for name in (XPATH, XSLT, DS + "base64", EXCLUSIVE + "WithComments"):
        one = dsig.Reference("", document, (ENVELOPED, name))
        yield f"transform {name}", _with(key, APPLICATION, (one,))
    whole = dsig.Reference("", document, (ENVELOPED, EXCLUSIVE))
    yield "reference twice", _with(key, APPLICATION, (whole, whole))
    yield "no reference", _with(key, APPLICATION, ())


def algorithms(authority: Authority) -> Iterator[tuple[str, bytes]]:
    """Weak, foreign or mistaken algorithms and values."""
    data = _signed(authority)
    for old, new in (
        ("xmlenc#sha256", "xmldsig-more#md5"),
        ("2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#rsa-sha1"),
        ("2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#hmac-sha1"),
        ("xmldsig-more#rsa-sha256", "xmldsig-more#ecdsa-sha256"),
        ("xmldsig-more#rsa-sha256", "xmldsig-more#unheard-of"),
    ):
        yield f"algorithm {new}", data.replace(old.encode(), new.encode())
    key = authority.issue(ec_key())
    plain = enveloped(APPLICATION, key, at=NOW)
    value = plain.partition(b'-value">')[2].partition(b"<")[0]
    raw = b64decode(value)
    r, s = (int.from_bytes(half, "big") for half in (raw[:32], raw[32:]))
    yield "ecdsa in DER", plain.replace(value, b64encode(encode_dss_signature(r, s)))
    foreign = b64encode(authority.issue(rsa_key(number=3)).certificate.public_bytes(Encoding.DER))
    first = data.partition(b"<ds:X509Certificate>")[2].partition(b"<")[0]
    yield "another certificate", data.replace(first, foreign)
    key_value = b"<ds:KeyInfo><ds:KeyValue><a/></ds:KeyValue>"
    yield "a bare key beside it", data.replace(b"<ds:KeyInfo>", key_value)
    yield (
        "no properties signed",
        data.replace(b'Type="http://uri.etsi.org/01903#Sign', b'Type="urn:x'),
    )
    alone = LoadedKey(rsa_key(), authority.issue(rsa_key()).certificate)
    bare = enveloped(APPLICATION, alone, at=NOW, xades=False)
    start, end = data.index(b"<ds:Object>"), data.index(b"</ds:Object>") + len(b"</ds:Object>")
    added = data[start:end] + b"</ds:Signature>"
    yield "unsigned properties added", bare.replace(b"</ds:Signature>", added)
    mine = bare.partition(b"<ds:X509Certificate>")[2].partition(b"<")[0]
    yield "explicit curve", bare.replace(mine, b64encode(x509_with_explicit_curve()))


def x509_with_explicit_curve() -> bytes:
    """A certificate whose curve is spelled out instead of named."""
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-pkeyopt", "ec_param_enc:explicit", "-nodes", "-subj", "/CN=x", "-keyout", "-"),
            *("-outform", "DER", "-days", "1"),
        ],
        capture_output=True,
        check=True,
    ).stdout
    return made[made.index(b"\x30\x82", made.rindex(b"-----")) :] if b"-----" in made else made


def entities() -> Iterator[tuple[str, bytes]]:
    """DTDs and entities."""
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    quadratic = "a" * 50_000
    for name, dtd, body in (
        ("xxe", '<!ENTITY x SYSTEM "file:///etc/passwd">', "&x;"),
        ("xxe by http", '<!ENTITY x SYSTEM "http://127.0.0.1:9/">', "&x;"),
        ("billion laughs", f'<!ENTITY l0 "ha">{laughs}', "&l9;"),
        ("quadratic blow-up", f'<!ENTITY x "{quadratic}">', "&x;" * 5_000),
        ("ids by dtd", "<!ATTLIST a b ID #IMPLIED>", ""),
        ("parameter entity", '<!ENTITY % x SYSTEM "file:///dev/zero">%x;', ""),
    ):
        yield name, f"<!DOCTYPE a [{dtd}]><a>{body}</a>".encode()
    yield "external dtd", b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'
    yield (
        "dtd in utf-16",
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]><a/>'.encode("utf-16"),
    )
    yield "dtd in utf-7", b'<?xml version="1.0" encoding="UTF-7"?>+ADw-!DOCTYPE a+AD4-<a/>'
    yield "deep", b"<a>" * 100_000 + b"</a>" * 100_000
    yield "wide attributes", b"<a " + b" ".join(b"a%d='x'" % n for n in range(200_000)) + b"/>"
    yield "nothing", b""
    yield "noise", bytes(range(256)) * 64


def pdfs(authority: Authority) -> Iterator[tuple[str, bytes]]:
    """PDF: later revisions, gaps, loose objects, second signatures, encryption."""
    held = pdf_sign.HeldKey(authority.issue(rsa_key()))
    signed = pdf_sign.signed(pdf(), held, pdf_sign.MOJ, at=NOW)
    yield "shadow replace", _revised(signed, _other_content)
    yield "shadow hide", _revised(signed, _no_content)
    yield "new page", _revised(signed, _new_page)
    yield "sneaky field", _revised(signed, _field)
    yield "universal: no Contents", signed.replace(b"/Contents <", b"/Content$ <")
    yield "universal: null range", _same_length(signed, b"/ByteRange [", b"]", b"null")
    yield "loose objects", signed + b"\n4 0 obj\n<</Length 0>>\nstream\n\nendstream\nendobj\n"
    gap = signed.replace(b"/ByteRange [0 ", b"/ByteRange [0 1 ")
    yield "five numbers", gap
    yield "broken xref", signed.replace(b"startxref", b"startxxxx")
    yield "two signatures", _signed_again(signed, held)
    yield "encrypted", _encrypted()
    yield "cut", signed[: len(signed) // 2]
    yield "header only", b"%PDF-1.7\n"


def _same_length(data: bytes, start: bytes, end: bytes, put: bytes) -> bytes:
    first = data.index(start)
    last = data.index(end, first) + len(end)
    named = start.rstrip(b"[")
    return data[:first] + (named + put).ljust(last - first) + data[last:]


def _revised(signed: bytes, change: Callable[[IncrementalPdfFileWriter], None]) -> bytes:
    writer = IncrementalPdfFileWriter(BytesIO(signed))
    change(writer)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def _page(writer: IncrementalPdfFileWriter) -> generic.DictionaryObject:
    page = writer.root["/Pages"]["/Kids"][0]
    writer.update_container(page)
    found = page.get_object()
    assert isinstance(found, generic.DictionaryObject)
    return found


def _other_content(writer: IncrementalPdfFileWriter) -> None:
    stream = generic.StreamObject(stream_data=b"BT /F1 24 Tf 72 720 Td (Other) Tj ET")
    _page(writer)["/Contents"] = writer.add_object(stream)


def _no_content(writer: IncrementalPdfFileWriter) -> None:
    del _page(writer)["/Contents"]


def _new_page(writer: IncrementalPdfFileWriter) -> None:
    pages = writer.root["/Pages"]
    kids = pages["/Kids"]
    kids.append(kids.raw_get(0))
    writer.update_container(kids)


def _field(writer: IncrementalPdfFileWriter) -> None:
    form = writer.root["/AcroForm"]
    field = generic.DictionaryObject(
        {
            generic.pdf_name("/FT"): generic.pdf_name("/Tx"),
            generic.pdf_name("/T"): generic.pdf_string("amount"),
            generic.pdf_name("/V"): generic.pdf_string("1000000"),
        }
    )
    form["/Fields"].append(writer.add_object(field))
    writer.update_container(form["/Fields"])


def _signed_again(signed: bytes, held: pdf_sign.HeldKey) -> bytes:
    writer = IncrementalPdfFileWriter(BytesIO(signed))
    meta = signers.PdfSignatureMetadata(field_name="Signature2", md_algorithm="sha256")
    return pdf_sign.finished(writer, meta, held, at=NOW, look=None)


def _encrypted() -> bytes:
    writer = copy_into_new_writer(PdfFileReader(BytesIO(pdf())))
    writer.encrypt(owner_pass="secret")
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def everything(authority: Authority) -> dict[str, bytes]:
    """All of them by name."""
    return {
        name: data
        for group in (
            certificates(authority),
            wrappings(authority),
            references(authority),
            algorithms(authority),
            entities(),
            pdfs(authority),
        )
        for name, data in group
    }
