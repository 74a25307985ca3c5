"""The one shape of ds:Signature that is accepted, read strictly before anything is computed."""

from __future__ import annotations

import binascii
from base64 import b64decode
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from lxml import etree

from warifu_sign.errors import Refusal
from warifu_sign.xml.names import DS, EXCLUSIVE, SIGNED_PROPERTIES, ds, xades
from warifu_sign.xml.tree import Element, elements

_ID_NAMES = ("Id", "ID", "id", "{http://www.w3.org/XML/1998/namespace}id")
_NOT_ELEMENTS = (etree.Comment, etree.PI, etree.Entity)
_MOST_REFERENCES = 2_000
_EXCLUSIVE_PREFIXES = f"{{{EXCLUSIVE}}}InclusiveNamespaces"


@dataclass(frozen=True, slots=True)
class Transform:
    """One step from a reference to its bytes."""

    algorithm: str
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pointer:
    """One ds:Reference as read."""

    uri: str
    kind: str
    transforms: tuple[Transform, ...]
    algorithm: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Info:
    """ds:SignedInfo as read."""

    method: Transform
    algorithm: str
    pointers: tuple[Pointer, ...]


@dataclass(frozen=True, slots=True)
class Properties:
    """What XAdES adds. fingerprint: of the signing certificate under `algorithm`."""

    node: Element
    id: str
    signed_at: datetime
    algorithm: str
    fingerprint: bytes
    stamps: tuple[bytes, ...]
    stamp_method: Transform


@dataclass(frozen=True, slots=True)
class Shape:
    """A whole ds:Signature as read, with the nodes whose canonical bytes matter."""

    node: Element
    info: Element
    value_node: Element
    value: bytes
    certificates: tuple[x509.Certificate, ...]
    properties: Properties | None


def read(node: Element) -> Shape:
    """Read a ds:Signature. Raises Refusal signature-malformed, key-info, xades-*, stamp-many."""
    children = list(elements_of(node))
    names = [etree.QName(one).localname for one in children if _in_ds(one)]
    if len(names) != len(children) or names[:3] != ["SignedInfo", "SignatureValue", "KeyInfo"]:
        raise Refusal("signature-malformed", found=" ".join(names))
    if any(name != "Object" for name in names[3:]) or len(names) > 4:
        raise Refusal("signature-malformed", found=" ".join(names))
    info, value, key_info = children[:3]
    found = tuple(node.iter(xades("QualifyingProperties")))
    properties = _properties(node, children[3:], found) if found or children[3:] else None
    return Shape(node, info, value, coded(value), _certificates(key_info), properties)


def read_info(info: Element) -> Info:
    """Read ds:SignedInfo, from its own canonical bytes."""
    children = list(elements_of(info))
    if len(children) < 3 or len(children) > _MOST_REFERENCES + 2:
        raise Refusal("signature-malformed", found=f"{len(children)} children of SignedInfo")
    method, algorithm, *rest = children
    if (method.tag, algorithm.tag) != (ds("CanonicalizationMethod"), ds("SignatureMethod")):
        raise Refusal("signature-malformed", found="SignedInfo")
    if any(True for _ in elements_of(algorithm)):
        raise Refusal("signature-malformed", found="parameters of SignatureMethod")
    return Info(_transform(method), _algorithm(algorithm), tuple(map(_pointer, rest)))


def ids(root: Element) -> dict[str, Element]:
    """Every element by its Id. Raises Refusal id-twice where two share one."""
    found: dict[str, Element] = {}
    for one in elements(root):
        for name in _ID_NAMES:
            value = one.get(name)
            if value is None:
                continue
            if value in found:
                raise Refusal("id-twice", id=value)
            found[value] = one
    return found


def elements_of(node: Element) -> list[Element]:
    """Child elements, without comments. Raises Refusal where text stands between them."""
    loose = [node.text, *(one.tail for one in node)]
    if any(text and text.strip() for text in loose):
        raise Refusal("signature-malformed", found="text between elements")
    return [one for one in node if one.tag not in _NOT_ELEMENTS]


def coded(node: Element) -> bytes:
    """The base64 content of an element."""
    if len(node):
        raise Refusal("signature-malformed", found=etree.QName(node).localname)
    try:
        return b64decode("".join((node.text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        raise Refusal("signature-malformed", found=etree.QName(node).localname) from None


def _in_ds(node: Element) -> bool:
    return etree.QName(node).namespace == DS


def _algorithm(node: Element) -> str:
    value = node.get("Algorithm")
    if not value:
        raise Refusal("signature-malformed", found=etree.QName(node).localname)
    return value


def _transform(node: Element) -> Transform:
    prefixes: tuple[str, ...] = ()
    for child in elements_of(node):
        if child.tag != _EXCLUSIVE_PREFIXES or prefixes:
            raise Refusal("transform", found=str(child.tag))
        prefixes = tuple((child.get("PrefixList") or "").split())
    return Transform(_algorithm(node), prefixes)


def _pointer(node: Element) -> Pointer:
    children = elements_of(node)
    transforms: tuple[Transform, ...] = ()
    if children and children[0].tag == ds("Transforms"):
        transforms = tuple(map(_transform, elements_of(children.pop(0))))
    uri = node.get("URI")
    if (
        node.tag != ds("Reference")
        or [one.tag for one in children] != [ds("DigestMethod"), ds("DigestValue")]
        or uri is None
        or len(transforms) > 3
    ):
        raise Refusal("signature-malformed", found="Reference")
    method, value = children
    return Pointer(uri, node.get("Type") or "", transforms, _algorithm(method), coded(value))


def _certificates(key_info: Element) -> tuple[x509.Certificate, ...]:
    """The certificates of KeyInfo; a bare key may stand beside them only if it is the same."""
    found: list[x509.Certificate] = []
    for child in elements_of(key_info):
        if child.tag == ds("KeyValue"):
            raise Refusal("key-info", found="KeyValue", needed="X509Data only")
        if child.tag != ds("X509Data"):
            raise Refusal("key-info", found=etree.QName(child).localname, needed="X509Data only")
        coded_ones = (one for one in elements_of(child) if one.tag == ds("X509Certificate"))
        found.extend(_certificate(coded(one)) for one in coded_ones)
    if not 1 <= len(found) <= 16:
        raise Refusal("key-info", found=f"{len(found)} certificates", needed="the signer's")
    return tuple(found)


def _certificate(der: bytes) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(der)
        certificate.public_key()
    except Exception:  # cryptography has a dozen kinds of error for malformed certificates
        raise Refusal("certificate-malformed") from None
    return certificate


def _properties(
    signature: Element, objects: list[Element], found: tuple[Element, ...]
) -> Properties:
    if len(found) != 1 or len(objects) != 1 or found[0].getparent() is not objects[0]:
        raise Refusal("xades-malformed", found=f"{len(found)} QualifyingProperties")
    qualifying = found[0]
    if len(elements_of(objects[0])) != 1:
        raise Refusal("xades-malformed", found="Object")
    if qualifying.get("Target") != f"#{signature.get('Id')}":
        raise Refusal("xades-malformed", found="Target")
    node = _one(qualifying, "SignedProperties")
    level = _one(node, "SignedSignatureProperties")
    certificate = _one(_one(level, "SigningCertificateV2"), "Cert")
    fingerprint = _one(certificate, "CertDigest")
    algorithm, digest = (fingerprint.find(ds(name)) for name in ("DigestMethod", "DigestValue"))
    own = node.get("Id")
    if algorithm is None or digest is None or not own:
        raise Refusal("xades-malformed", found="SignedProperties")
    stamps = _stamps(qualifying)
    return Properties(
        node,
        own,
        _instant(_one(level, "SigningTime").text),
        _algorithm(algorithm),
        coded(digest),
        tuple(token for token, _ in stamps),
        stamps[0][1] if stamps else Transform(""),
    )


def _stamps(qualifying: Element) -> list[tuple[bytes, Transform]]:
    found: list[tuple[bytes, Transform]] = []
    for stamp in qualifying.iter(xades("SignatureTimeStamp")):
        method = stamp.find(ds("CanonicalizationMethod"))
        token = stamp.find(xades("EncapsulatedTimeStamp"))
        if token is None or method is None:
            raise Refusal("stamp-malformed", found="SignatureTimeStamp")
        found.append((coded(token), _transform(method)))
    if len(found) > 1:
        raise Refusal("stamp-malformed", found=f"{len(found)} time stamps")
    return found


def _one(node: Element, name: str) -> Element:
    found = node.findall(xades(name))
    if len(found) != 1:
        raise Refusal("xades-malformed", found=name)
    return found[0]


def _instant(text: str | None) -> datetime:
    try:
        when = datetime.fromisoformat((text or "").strip())
    except ValueError:
        raise Refusal("xades-malformed", found="SigningTime") from None
    if when.tzinfo is None:
        raise Refusal("xades-malformed", found="SigningTime without a zone")
    return when.astimezone(UTC)


def is_properties(pointer: Pointer) -> bool:
    """Whether a reference says that it points to SignedProperties."""
    return pointer.kind == SIGNED_PROPERTIES
