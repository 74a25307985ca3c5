"""Enveloped XML signatures: plain XMLDSig, XAdES-B-B and XAdES-B-T."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

from lxml import etree

from warifu_sign.errors import Refusal
from warifu_sign.keys import SigningKey
from warifu_sign.xml import dsig
from warifu_sign.xml.names import ENVELOPED, EXCLUSIVE, ds
from warifu_sign.xml.tree import canonical_document, parsed

Stamp = Callable[[bytes], bytes]


def enveloped(
    document: bytes,
    key: SigningKey,
    *,
    at: datetime,
    xades: bool = True,
    stamp: Stamp | None = None,
) -> bytes:
    """The document with a signature over all of it as the last child of its root.

    stamp: from bytes to an RFC 3161 token over them; makes XAdES-B-T of XAdES-B-B.
    Raises Refusal: what tree.parsed raises, already-signed; and what key and stamp raise.
    """
    tree = parsed(document)
    root = tree.getroot()
    if next(root.iter(ds("Signature")), None) is not None:
        raise Refusal("already-signed", needed="a document without a signature")
    digest = hashlib.sha256(canonical_document(tree, EXCLUSIVE)).digest()
    own = dsig.new_id()
    whole = dsig.Reference(
        "", digest, (ENVELOPED, EXCLUSIVE), id=f"{own}-document" if xades else "", media="text/xml"
    )
    written = signature(key, (whole,), id=own, at=at, xades=xades, stamp=stamp)
    if (len(root) or root.text) and root.getnext() is None:
        # The last end tag is the root's. In every encoding that is read, markup and the signature
        # are ASCII, so the rest of the document stays as it is, byte for byte.
        end = document.rindex(b"</")
        return document[:end] + written.encode("ascii") + document[end:]
    root.append(etree.fromstring(written))
    return etree.tostring(tree, encoding="UTF-8", xml_declaration=True)


def signature(
    key: SigningKey,
    references: tuple[dsig.Reference, ...],
    *,
    id: str,
    at: datetime,
    xades: bool,
    stamp: Stamp | None,
    method: str = EXCLUSIVE,
) -> str:
    """A ds:Signature over the references, at the level that xades and stamp ask for."""
    properties = ""
    if xades:
        properties = dsig.signed_properties(key.certificate, references, id=id, at=at)
        references = (*references, dsig.properties_reference(properties, id=id))
    pieces = dsig.signed(key, references, id=id, properties=properties, method=method)
    token = stamp(pieces.value.encode("utf-8")) if stamp else b""
    return dsig.assembled(pieces, stamp=token)
