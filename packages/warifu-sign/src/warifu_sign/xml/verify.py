"""Verification of enveloped XML signatures; the kousei package shares its steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from warifu_sign import chain, stamps
from warifu_sign.certificate import signatory
from warifu_sign.errors import Refusal
from warifu_sign.policy import Policy
from warifu_sign.verdict import Part, Status, Verdict
from warifu_sign.xml import shape
from warifu_sign.xml.names import ENVELOPED, EXCLUSIVE, INCLUSIVE, ds
from warifu_sign.xml.proof import check_digest, check_value, hashed
from warifu_sign.xml.tree import Element, Tree, canonical, canonical_document, parsed


@dataclass(frozen=True, slots=True)
class Proof:
    """A signature whose arithmetic is right. pointers: the references to data."""

    read: shape.Shape
    certificate: x509.Certificate
    pointers: tuple[shape.Pointer, ...]


def enveloped(data: bytes, trust: chain.Trust, policy: Policy, now: datetime) -> Verdict:
    """Judge a document that carries one signature over all of itself, as its root's last child."""
    try:
        tree = parsed(data, most=policy.most_bytes)
        node = the_signature(tree.getroot())
        if node.getparent() is not tree.getroot():
            raise Refusal("signature-misplaced", needed="the signature directly under the root")
        proof = proved(node, tree, policy)
        part = _whole(proof.pointers, data, policy)
    except Refusal as refusal:
        return refused(refusal, policy)
    return judged(proof, (part,), trust, policy, now, kind="xml")


def the_signature(root: Element) -> Element:
    """The one ds:Signature of a document. Raises Refusal signature-missing, signature-many."""
    found = tuple(root.iter(ds("Signature")))
    if not found:
        raise Refusal("signature-missing")
    if len(found) > 1:
        raise Refusal("signature-many", found=len(found), needed="exactly one")
    return found[0]


def proved(node: Element, tree: Tree, policy: Policy) -> Proof:
    """Read and compute a signature; the data references stay to be resolved by the caller.

    Raises Refusal with the code of whatever is wrong.
    """
    known = shape.ids(tree.getroot())
    read = shape.read(node)
    method = shape.read_info(read.info).method
    signed = canonical(read.info, method.algorithm, method.prefixes)
    certificate = _signing_certificate(read, policy)
    # What was signed is read again from the very bytes that the value covers.
    info = shape.read_info(parsed(signed).getroot())
    check_value(certificate, info.algorithm, signed, read.value, policy)
    properties = [one for one in info.pointers if shape.is_properties(one)]
    _check_properties(read, properties, known, policy)
    pointers = tuple(one for one in info.pointers if not shape.is_properties(one))
    return Proof(read, certificate, pointers)


def judged(
    proof: Proof,
    parts: tuple[Part, ...],
    trust: chain.Trust,
    policy: Policy,
    now: datetime,
    *,
    kind: str,
) -> Verdict:
    """The verdict on a signature whose arithmetic is right: its times and its certificate."""
    properties = proof.read.properties
    claimed = properties.signed_at if properties else None
    try:
        stamped = _stamped(proof, trust, policy, now)
        if claimed and claimed > now + policy.clock_tolerance:
            raise Refusal("time-in-future", claimed=claimed.isoformat())
        if claimed and stamped and claimed > stamped + policy.clock_tolerance:
            raise Refusal("time-after-stamp", claimed=claimed.isoformat())
    except Refusal as refusal:
        return refused(refusal, policy)
    others = tuple(one for one in proof.read.certificates if one != proof.certificate)
    found = chain.signer(proof.certificate, others, trust, policy, now, stamped=stamped)
    profile = "xmldsig" if properties is None else ("xades-t" if stamped else "xades-b")
    if kind != "xml":
        profile = f"{kind}-t" if stamped else kind
    return Verdict(
        status=found.status,
        reason=found.reason or "ok",
        policy=policy.version,
        profile=profile,
        facts=found.facts,
        signatory=signatory(proof.certificate),
        claimed_at=claimed,
        stamped_at=stamped,
        parts=parts if found.status is Status.VALID else (),
    )


def refused(refusal: Refusal, policy: Policy) -> Verdict:
    """The verdict that a refusal amounts to."""
    undecided = refusal.code in {"signature-missing", "stamp-untrusted"}
    status = Status.INDETERMINATE if undecided else Status.INVALID
    return Verdict(status=status, reason=refusal.code, policy=policy.version, facts=refusal.facts)


def _whole(pointers: tuple[shape.Pointer, ...], data: bytes, policy: Policy) -> Part:
    """The document without its signature, if exactly that is what was signed."""
    if len(pointers) != 1 or pointers[0].uri != "":
        raise Refusal("reference", needed="one reference, to the whole document")
    (pointer,) = pointers
    algorithms = [one.algorithm for one in pointer.transforms]
    if algorithms not in ([ENVELOPED], [ENVELOPED, EXCLUSIVE], [ENVELOPED, INCLUSIVE]):
        raise Refusal("transform", found=" ".join(algorithms))
    last = pointer.transforms[-1]
    method = INCLUSIVE if last.algorithm == ENVELOPED else last.algorithm
    covered = canonical_document(_without_signature(data), method, last.prefixes)
    check_digest(pointer, covered, policy)
    return Part("", covered)


def _without_signature(data: bytes) -> Tree:
    """The enveloped-signature transform (XMLDSig 6.6.4): the text after the signature stays."""
    tree = parsed(data)
    node = the_signature(tree.getroot())
    parent, before, tail = node.getparent(), node.getprevious(), node.tail or ""
    if parent is None:
        raise Refusal("signature-misplaced")
    parent.remove(node)
    if before is None:
        parent.text = (parent.text or "") + tail
    else:
        before.tail = (before.tail or "") + tail
    return tree


def _signing_certificate(read: shape.Shape, policy: Policy) -> x509.Certificate:
    """The certificate that XAdES names, or else the only one that issued none of the others."""
    if read.properties is not None:
        named = read.properties
        for one in read.certificates:
            if hashed(named.algorithm, _der(one), policy) == named.fingerprint:
                return one
        raise Refusal("certificate-not-named", needed="the certificate that the signer named")
    issuers = {one.issuer for one in read.certificates if one.issuer != one.subject}
    leaves = [one for one in read.certificates if one.subject not in issuers]
    if len(leaves) != 1:
        raise Refusal("key-info", found=f"{len(leaves)} possible signers", needed="exactly one")
    return leaves[0]


def _check_properties(
    read: shape.Shape,
    pointers: list[shape.Pointer],
    known: dict[str, Element],
    policy: Policy,
) -> None:
    """Properties that are not signed could have been put there by anybody."""
    if read.properties is None:
        if pointers:
            raise Refusal("xades-malformed", found="a reference to no properties")
        return
    if len(pointers) != 1 or pointers[0].uri != f"#{read.properties.id}":
        raise Refusal("xades-unsigned", needed="signed properties")
    (pointer,) = pointers
    if known.get(read.properties.id) is not read.properties.node:
        raise Refusal("xades-unsigned", needed="the properties that were signed")
    check_digest(pointer, referenced(read.properties.node, pointer), policy)


def referenced(node: Element, pointer: shape.Pointer) -> bytes:
    """The canonical bytes of an element under a reference's transforms: at most one C14N."""
    if len(pointer.transforms) > 1:
        raise Refusal("transform", found=f"{len(pointer.transforms)} transforms")
    if not pointer.transforms:
        return canonical(node, INCLUSIVE)
    (transform,) = pointer.transforms
    return canonical(node, transform.algorithm, transform.prefixes)


def _stamped(proof: Proof, trust: chain.Trust, policy: Policy, now: datetime) -> datetime | None:
    properties = proof.read.properties
    if properties is None or not properties.stamps:
        return None
    method = properties.stamp_method
    covered = canonical(proof.read.value_node, method.algorithm, method.prefixes)
    return stamps.proved(properties.stamps[0], covered, trust, policy, now)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)
