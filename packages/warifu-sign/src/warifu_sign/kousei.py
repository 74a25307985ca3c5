"""The multi-file package: one signature over an application and its attachments (一体署名).

A labelled stand-in: the four parts of the government's common model (構成管理情報, 申請書,
添付書類, 署名情報), signed as e-Gov's kousei.xml is: inclusive C14N, one reference to the
composition by its Japanese ID and one to each file by its escaped name, without transforms; plus
XAdES. The ID is written plainly, which xmlsec1 and Java need; e-Gov escapes it, and both are read.
The package is a ZIP file with kousei.xml beside the files.
"""

from __future__ import annotations

import hashlib
import io
import unicodedata
import zipfile
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, unquote

from lxml import etree

from warifu_sign.chain import Trust
from warifu_sign.errors import Refusal
from warifu_sign.keys import SigningKey
from warifu_sign.policy import Policy
from warifu_sign.verdict import Part, Verdict
from warifu_sign.xml import dsig, shape, verify
from warifu_sign.xml.names import INCLUSIVE
from warifu_sign.xml.proof import check_digest
from warifu_sign.xml.sign import Stamp, signature
from warifu_sign.xml.tree import Element, canonical, parsed

INDEX = "kousei.xml"
COMPOSITION = "構成情報"
SIGNATURES = "署名情報"
MOST_FILES = 1_000
MOST_BYTES = 512 << 20


def signed(
    application: str,
    files: Mapping[str, bytes],
    key: SigningKey,
    *,
    at: datetime,
    stamp: Stamp | None = None,
) -> bytes:
    """A package of files, one of which is the application, signed as one.

    Raises Refusal: package-name, package-many.
    """
    _check_names(list(files))
    if application not in files:
        raise Refusal("package-name", name=application, needed="one of the files")
    tree = etree.fromstring(_index(application, files).encode("utf-8"))
    digest = hashlib.sha256(canonical(tree[0], INCLUSIVE)).digest()
    own = dsig.new_id()
    references = [dsig.Reference(f"#{COMPOSITION}", digest, id=f"{own}-0", media="text/xml")]
    for number, (name, data) in enumerate(sorted(files.items()), 1):
        found = hashlib.sha256(data).digest()
        one = dsig.Reference(quote(name), found, id=f"{own}-{number}", media=_media(name))
        references.append(one)
    written = signature(
        key, tuple(references), id=own, at=at, xades=True, stamp=stamp, method=INCLUSIVE
    )
    tree[1].append(etree.fromstring(written))
    index = etree.tostring(tree, encoding="UTF-8", xml_declaration=True)
    return _zipped({INDEX: index, **dict(sorted(files.items()))})


def verified(data: bytes, trust: Trust, policy: Policy, now: datetime) -> Verdict:
    """Judge a package: valid only if the signature covers its composition and each of its files."""
    try:
        files = unzipped(data)
        tree = parsed(files.pop(INDEX), most=policy.most_bytes)
        root = tree.getroot()
        node = verify.the_signature(root)
        above = node.getparent()
        if above is None or above.tag != SIGNATURES or above.getparent() is not root:
            raise Refusal("signature-misplaced", needed=f"the signature in {SIGNATURES}")
        proof = verify.proved(node, tree, policy)
        parts = _parts(root, proof.pointers, files, policy)
    except Refusal as refusal:
        return verify.refused(refusal, policy)
    return verify.judged(proof, parts, trust, policy, now, kind="kousei")


def unzipped(data: bytes) -> dict[str, bytes]:
    """The files of a package by name. Raises Refusal package-broken, -name, -many, -large."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_names([entry.filename for entry in entries])
            if sum(entry.file_size for entry in entries) > MOST_BYTES:
                raise Refusal("package-large", needed=f"at most {MOST_BYTES} bytes")
            found = {entry.filename: _read(archive, entry) for entry in entries}
    except Refusal:
        raise
    except Exception as error:  # zipfile raises a dozen kinds of error on hostile archives
        raise Refusal("package-broken", why=type(error).__name__) from None
    if INDEX not in found:
        raise Refusal("package-broken", why=f"no {INDEX}")
    return found


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """One file; what is stated about its size is not believed."""
    with archive.open(entry) as source:
        data = source.read(entry.file_size + 1)
    if len(data) != entry.file_size:
        raise Refusal("package-broken", why="size", name=entry.filename)
    return data


def _check_names(names: list[str]) -> None:
    """Plain names that stay distinct where case or Unicode form does not count."""
    if not 0 < len(names) <= MOST_FILES + 1:
        raise Refusal("package-many", found=len(names), needed=f"1 to {MOST_FILES} files")
    for name in names:
        odd = any(one in '/\\:*?"<>|' or unicodedata.category(one) == "Cc" for one in name)
        if odd or not name.strip(" .") or len(name.encode("utf-8")) > 255:
            raise Refusal("package-name", name=name, needed="a plain file name")
    if len({unicodedata.normalize("NFC", name).casefold() for name in names}) != len(names):
        raise Refusal("package-name", needed="names that differ beyond case and Unicode form")


def _parts(
    root: Element, pointers: tuple[shape.Pointer, ...], files: dict[str, bytes], policy: Policy
) -> tuple[Part, ...]:
    """What was signed: the composition and every file, each exactly once."""
    compositions = [one for one in root.iter(COMPOSITION) if one.get("ID") == COMPOSITION]
    if len(compositions) != 1 or compositions[0] is not root[0]:
        raise Refusal("reference", needed=f"one {COMPOSITION}")
    parts: dict[str, bytes] = {}
    for pointer in pointers:
        name, data = _resolved(pointer, compositions[0], files)
        if name in parts:
            raise Refusal("reference", part=name, needed="each part once")
        check_digest(pointer, data, policy)
        parts[name] = data
    missing = (set(files) | {INDEX}) ^ set(parts)
    listed = sorted(one.text or "" for one in compositions[0].iter("ファイル名"))
    if missing or listed != sorted(files):
        differing = missing or set(listed) ^ set(files)
        raise Refusal("package-differs", parts=", ".join(sorted(differing)))
    return tuple(Part(name, data) for name, data in parts.items())


def _resolved(
    pointer: shape.Pointer, composition: Element, files: dict[str, bytes]
) -> tuple[str, bytes]:
    """The bytes behind a reference: inside the package or nowhere."""
    if pointer.uri.startswith("#"):
        if unquote(pointer.uri[1:]) != COMPOSITION:
            raise Refusal("reference", part=pointer.uri)
        return INDEX, verify.referenced(composition, pointer)
    if pointer.transforms:
        raise Refusal("transform", found=pointer.transforms[0].algorithm)
    for name in (unquote(pointer.uri), pointer.uri):
        if name in files:
            return name, files[name]
    raise Refusal("reference", part=pointer.uri, needed="a file of the package")


def _index(application: str, files: Mapping[str, bytes]) -> str:
    def named(names: list[str]) -> str:
        return "".join(f"<ファイル名>{dsig.text(name)}</ファイル名>" for name in names)

    attached = sorted(name for name in files if name != application)
    return (
        f'<DataRoot><{COMPOSITION} ID="{COMPOSITION}">'
        "<構成管理情報><様式>warifu-kousei</様式><版>1</版></構成管理情報>"
        f"<申請書>{named([application])}</申請書><添付書類>{named(attached)}</添付書類>"
        f"</{COMPOSITION}><{SIGNATURES}></{SIGNATURES}></DataRoot>"
    )


def _zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return out.getvalue()


def _media(name: str) -> str:
    known = {".xml": "text/xml", ".pdf": "application/pdf"}
    return known.get(name[-4:].lower(), "application/octet-stream")
