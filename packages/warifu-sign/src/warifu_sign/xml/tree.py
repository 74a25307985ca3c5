"""Reading XML that may be hostile, and its canonical bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.parsers import expat

from lxml import etree

from warifu_sign.errors import Refusal
from warifu_sign.xml.names import EXCLUSIVE, INCLUSIVE, XML

Element = etree._Element
Tree = etree._ElementTree

MOST_BYTES = 64 << 20
ENCODINGS = {"UTF-8", "US-ASCII", "ASCII", "SHIFT_JIS", "EUC-JP", "WINDOWS-31J", "CP932"}
_DECLARED = re.compile(rb"""^(?:\xef\xbb\xbf)?<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)""")


def parsed(data: bytes, *, most: int = MOST_BYTES) -> Tree:
    """The tree of a document without a DOCTYPE.

    Raises Refusal: xml-large, xml-encoding, xml-doctype, xml-broken.
    """
    if len(data) > most:
        raise Refusal("xml-large", size=len(data), needed=f"at most {most} bytes")
    _check_encoding(data)
    if b"<!DOCTYPE" in data and _has_doctype(data):
        raise Refusal("xml-doctype", needed="a document without a DOCTYPE")
    try:
        tree = etree.fromstring(data, _parser()).getroottree()
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Refusal("xml-broken", at=str(error)[:120]) from None
    if tree.docinfo.internalDTD is not None:
        raise Refusal("xml-doctype", needed="a document without a DOCTYPE")
    return tree


def canonical(node: Element, method: str, prefixes: tuple[str, ...] = ()) -> bytes:
    """The canonical bytes of one element in its document, without comments."""
    alone = detached(node)
    if method == EXCLUSIVE:
        return _exclusive(alone, prefixes)
    if method == INCLUSIVE:
        for name, value in _inherited(node).items():
            if name not in alone.attrib:
                alone.set(name, value)
        return etree.tostring(alone, method="c14n", exclusive=False, with_comments=False)
    raise Refusal("xml-canonicalisation", method=method)


def canonical_document(tree: Tree, method: str, prefixes: tuple[str, ...] = ()) -> bytes:
    """The canonical bytes of a whole document, without comments."""
    if method == EXCLUSIVE:
        return _exclusive(tree, prefixes)
    if method == INCLUSIVE:
        return etree.tostring(tree, method="c14n", exclusive=False, with_comments=False)
    raise Refusal("xml-canonicalisation", method=method)


def detached(node: Element) -> Element:
    """A copy of the element that stands alone, with the namespaces it had in its document.

    libxml2 canonicalises a subtree in place wrongly where a default namespace is inherited
    (it adds xmlns="" to grandchildren), so the subtree is written out and read again.
    """
    written = etree.tostring(node, encoding="utf-8", with_tail=False)
    return etree.fromstring(written, _parser())


def elements(node: Element | Tree) -> Iterator[Element]:
    """Every element below and including the node; no comments, no processing instructions."""
    yield from node.iter(etree.Element)


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_pis=False
    )


def _exclusive(node: Element | Tree, prefixes: tuple[str, ...]) -> bytes:
    return etree.tostring(
        node,
        method="c14n",
        exclusive=True,
        with_comments=False,
        inclusive_ns_prefixes=list(prefixes) or None,
    )


def _inherited(node: Element) -> dict[str, str]:
    """xml:* attributes of the ancestors, nearest first (C14N 1.0, section 2.4)."""
    found: dict[str, str] = {}
    for above in node.iterancestors():
        for name, value in above.attrib.items():
            if str(name).startswith(f"{{{XML}}}"):
                found.setdefault(str(name), str(value))
    return found


def _check_encoding(data: bytes) -> None:
    """Only encodings in which markup is plain ASCII, so that a DOCTYPE cannot hide."""
    head = data[:4]
    declared = _DECLARED.match(data[:256])
    name = declared.group(1).decode("ascii").upper() if declared else "UTF-8"
    if b"\0" in head or head[:2] in (b"\xff\xfe", b"\xfe\xff") or name not in ENCODINGS:
        raise Refusal("xml-encoding", declared=name, needed="UTF-8")


def _has_doctype(data: bytes) -> bool:
    """Whether the document type is declared, not merely written in a comment or in text."""

    def declared(*_: object) -> None:
        raise Refusal("xml-doctype")

    reader = expat.ParserCreate()
    reader.StartDoctypeDeclHandler = declared
    try:
        reader.Parse(data, True)
    except (Refusal, expat.ExpatError):  # a malformed one cannot be told apart safely
        return True
    return False
