"""Issuing: the certificate, its row and its audit entry are one change."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from warifu_ca import certify, keys, pkcs12, profiles
from warifu_ca.authority import Authority
from warifu_ca.names import Holder
from warifu_ca.profiles import Profile
from warifu_ca.store import Change
from warifu_wire import times
from warifu_wire.digest import Digest, digest, of_bytes
from warifu_wire.errors import Refusal
from warifu_wire.times import Instant

DEFAULT = "shiho-shoshi-like"
COMPATIBILITY = "compatibility"
LARGEST_CSR = 16_384  # bytes
KeyMadeBy = Literal["member", "authority"]


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate of a member as the authority remembers it."""

    serial: str
    sha256: Digest
    der: bytes
    holder: Holder
    profile: str
    key: KeyMadeBy
    key_kind: str
    spki: Digest
    not_before: Instant
    not_after: Instant
    reference: str | None
    renews: str | None
    received_at: str | None

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate, parsed."""
        return x509.load_der_x509_certificate(self.der)


def request(data: bytes, kinds: tuple[str, ...]) -> keys.PublicKey:
    """The key of a PKCS #10 request; raises `Refusal` (csr-malformed, key-not-allowed)."""
    try:
        if len(data) > LARGEST_CSR:
            raise ValueError("too large")
        found = x509.load_der_x509_csr(data)
        public = found.public_key()
        kept = keys.allowed(public, kinds)
        if not found.is_signature_valid:
            raise ValueError("its own signature does not verify")
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise Refusal("csr-malformed", needed="self-signed PKCS #10", why=error) from error
    return kept


def der_request(data: bytes) -> bytes:
    """A PKCS #10 request in DER, from DER or PEM; raises `Refusal` (csr-malformed)."""
    if not data.startswith(b"-----"):
        return data
    try:
        return x509.load_pem_x509_csr(data).public_bytes(Encoding.DER)
    except ValueError as error:
        raise Refusal("csr-malformed", needed="PKCS #10 in DER or PEM", why=error) from error


def from_csr(authority: Authority, who: Holder, csr: bytes, profile: str = DEFAULT) -> Issued:
    """A certificate for the key of a PKCS #10 request in DER; raises `Refusal`."""
    return from_csrs(authority, [(who, csr)], profile)[0]


def from_csrs(
    authority: Authority, wanted: Iterable[tuple[Holder, bytes]], profile: str = DEFAULT
) -> list[Issued]:
    """Many at once, all or none, in one transaction."""
    rules = member_profile(profile, authority_key=False)
    asked = [(who, request(csr, rules.keys)) for who, csr in wanted]
    with authority.store.change() as change:
        return [
            issue(change, authority, rules, who, public, made_by="member") for who, public in asked
        ]


def as_pkcs12(
    authority: Authority,
    who: Holder,
    password: str,
    kind: str = "rsa-2048",
    profile: str = COMPATIBILITY,
) -> tuple[Issued, bytes]:
    """Key and certificate made here, as a PKCS #12 file under `password`; nothing of it is kept."""
    secret = pkcs12.passphrase(password)
    rules = member_profile(profile, authority_key=True)
    if kind not in rules.keys:
        raise Refusal("key-not-allowed", needed=" | ".join(rules.keys), found=kind)
    key = keys.make(kind)
    with authority.store.change() as change:
        made = issue(change, authority, rules, who, key.public_key(), made_by="authority")
        return made, bundle(authority, key, made, secret)


def bundle(authority: Authority, key: keys.PrivateKey, made: Issued, secret: bytes) -> bytes:
    """The PKCS #12 file of a certificate: key, certificate and chain."""
    chain = [authority.certificates["issuing"], authority.certificates["root"]]
    return pkcs12.write(key, made.certificate, chain, secret, made.holder.roman)


def member_profile(id: str, *, authority_key: bool) -> Profile:
    """A profile for members whose keys are made there, or here; raises `Refusal`."""
    profile = profiles.load(id)
    if not profile.holder or profile.authority_key != authority_key:
        whose = "made by the authority" if authority_key else "made by the member"
        raise Refusal("profile-not-allowed", needed=f"a profile for keys {whose}", profile=id)
    return profile


def renewed_profile(id: str) -> Profile:
    """What a certificate renews into: the same profile, but always with the member's own key."""
    profile = profiles.load(id)
    return profiles.load(DEFAULT) if profile.authority_key else profile


def issue(
    change: Change,
    authority: Authority,
    profile: Profile,
    who: Holder,
    public: keys.PublicKey,
    *,
    made_by: KeyMadeBy,
    reference: str | None = None,
    renews: str | None = None,
) -> Issued:
    """Sign and record inside the caller's change; raises `Refusal` (key-reused, …)."""
    if known_key(change.db, keys.spki(public)):
        raise Refusal("key-reused", needed="a key no certificate of this authority has")
    signer, issuer = authority.signer("issuing", change.now)
    made = certify.certificate(profile, who, public, signer, issuer, authority.places, change.now)
    _insert(change, profile, made, who, made_by, reference, renews)
    found = by_serial(change.db, certify.hexadecimal(made.serial_number))
    change.tell(
        "issued",
        {
            "certificate": found.sha256,
            "key": found.key,
            "key_kind": found.key_kind,
            "member": who.member,
            "name": who.name,
            "not_after": times.spell(found.not_after),
            "not_before": times.spell(found.not_before),
            "profile": found.profile,
            "renews": renews,
            "roman": who.roman,
            "serial": found.serial,
        },
    )
    return found


def record_own(change: Change, profile: Profile, made: x509.Certificate) -> None:
    """Record a certificate of the authority itself."""
    _insert(change, profile, made, None, "authority", None, None)
    change.tell(
        "issued-own",
        {
            "certificate": of_bytes(made.public_bytes(Encoding.DER)),
            "profile": profile.id,
            "serial": certify.hexadecimal(made.serial_number),
        },
    )


def by_serial(db: sqlite3.Connection, serial: str) -> Issued:
    """A member's certificate; raises `Refusal` (serial-unknown)."""
    row = db.execute(
        "SELECT * FROM certificate WHERE serial = ? AND member IS NOT NULL", (serial,)
    ).fetchone()
    if row is None:
        raise Refusal("serial-unknown", needed="the serial number of a member's certificate")
    return _issued(row)


def members(db: sqlite3.Connection, before: Instant | None = None) -> list[Issued]:
    """Every certificate of a member, by number; only those that end before `before`, when given."""
    limit = "9999" if before is None else times.spell(before)
    rows = db.execute(
        """SELECT * FROM certificate WHERE member IS NOT NULL AND not_after < ?
           ORDER BY member, not_before, serial""",
        (limit,),
    )
    return [_issued(row) for row in rows]


def by_reference(db: sqlite3.Connection, reference: str) -> Issued | None:
    """The certificate a letter yielded, if any."""
    return _one(
        db.execute("SELECT * FROM certificate WHERE reference = ?", (reference,)).fetchone()
    )


def successor(db: sqlite3.Connection, serial: str) -> Issued | None:
    """The certificate that renewed this one, if any."""
    return _one(db.execute("SELECT * FROM certificate WHERE renews = ?", (serial,)).fetchone())


def known_key(db: sqlite3.Connection, spki: str) -> bool:
    """Whether any certificate of this authority has this key."""
    return db.execute("SELECT 1 FROM certificate WHERE spki = ?", (spki,)).fetchone() is not None


def _one(row: sqlite3.Row | None) -> Issued | None:
    return None if row is None else _issued(row)


def _insert(
    change: Change,
    profile: Profile,
    made: x509.Certificate,
    who: Holder | None,
    made_by: KeyMadeBy,
    reference: str | None,
    renews: str | None,
) -> None:
    der = made.public_bytes(Encoding.DER)
    public = keys.public_of(made)
    change.db.execute(
        """INSERT INTO certificate (serial, issuer, profile, member, name, roman, key, key_kind,
             spki, sha256, der, not_before, not_after, reference, renews)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            certify.hexadecimal(made.serial_number),
            profile.issuer,
            profile.id,
            *((who.member, who.name, who.roman) if who else (None, None, None)),
            made_by,
            keys.kind_of(public),
            keys.spki(public),
            of_bytes(der),
            der,
            times.spell(made.not_valid_before_utc),
            times.spell(made.not_valid_after_utc),
            reference,
            renews,
        ),
    )


def _issued(row: sqlite3.Row) -> Issued:
    return Issued(
        serial=row["serial"],
        sha256=digest(row["sha256"]),
        der=row["der"],
        holder=Holder(row["member"], row["name"], row["roman"]),
        profile=row["profile"],
        key=row["key"],
        key_kind=row["key_kind"],
        spki=digest(row["spki"]),
        not_before=times.read(row["not_before"]),
        not_after=times.read(row["not_after"]),
        reference=row["reference"],
        renews=row["renews"],
        received_at=row["received_at"],
    )
