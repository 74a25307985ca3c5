"""A member's folder: certificate file, what is trusted, signed documents, the authority's address.

A root that came with a certificate is trusted once the member has compared it with the letter.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from warifu_sign import batch, files
from warifu_sign.certificate import days_left
from warifu_sign.window import renewing

RENEWAL = timedelta(days=120)  # docs/ca-protocol.md, "Renew"
MOST_CERTIFICATE = 1 << 20
MOST_LIST = 32 << 20


class Phase(StrEnum):
    """Where a certificate stands in its life."""

    NONE = "none"
    GOOD = "good"
    ENDING = "ending"  # it may be renewed
    ENDED = "ended"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of a member's folder, and what lies there."""

    folder: Path

    def prepare(self) -> None:
        """Make what is missing, for this user alone; finish a change of files that was cut off."""
        folders = (self.signed, self.trusted, self.unconfirmed, self.chain, self.lists)
        for one in (self.folder, *folders):
            one.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.adopt()

    @property
    def file(self) -> Path:
        """The member's certificate file."""
        return self.folder / "member.p12"

    @property
    def coming(self) -> Path:
        """The certificate file that is being fetched; it takes the other's place when complete."""
        return self.folder / "coming.p12"

    @property
    def lists(self) -> Path:
        """The newest revocation lists, DER."""
        return self.folder / "lists"

    @property
    def signed(self) -> Path:
        """Where signed documents go."""
        return self.folder / "signed"

    @property
    def trusted(self) -> Path:
        """Roots that the member confirmed, DER."""
        return self.folder / "trust"

    @property
    def unconfirmed(self) -> Path:
        """Roots that came with a certificate and wait for the comparison with the letter, DER."""
        return self.folder / "to-compare"

    @property
    def chain(self) -> Path:
        """The certificates between the member's and the root, DER."""
        return self.folder / "chain"

    @property
    def address(self) -> str:
        """The authority's address, as the last letter was redeemed there; else ""."""
        path = self.folder / "authority.json"
        if not path.exists():
            return ""
        try:
            return str(json.loads(files.read(path, most=MOST_CERTIFICATE))["address"])
        except (ValueError, KeyError, TypeError):
            return ""

    def remember(self, address: str) -> None:
        """Keep the authority's address."""
        told = json.dumps({"address": address}) + "\n"
        files.write(self.folder / "authority.json", told.encode("utf-8"))

    def certificate(self) -> x509.Certificate | None:
        """The member's certificate, which may be shown while the key is locked."""
        path = self.folder / "member.cer"
        if not path.exists():
            return None
        return x509.load_der_x509_certificate(files.read(path, most=MOST_CERTIFICATE))

    def show(self, certificate: x509.Certificate) -> None:
        """Keep what may be shown of the certificate file."""
        files.write(self.folder / "member.cer", certificate.public_bytes(Encoding.DER))

    def adopt(self) -> None:
        """Put a certificate file that was fetched in its place; the one before stays beside it."""
        if not self.coming.exists() or self.coming.with_name("coming.p12.pending").exists():
            return
        own = self.certificate()
        if self.file.exists():
            kept = renewing.kept_name(self.file, own) if own else self.file.with_stem("before")
            files.write(kept, files.read(self.file, most=MOST_CERTIFICATE), files.PRIVATE)
        self.coming.replace(self.file)
        files.sync_folder(self.folder)

    def phase(self, now: datetime) -> Phase:
        """Where the member's certificate stands."""
        own = self.certificate()
        if own is None:
            return Phase.NONE
        if self.revoked() == fingerprint(own) or listed(self.lists, own):
            return Phase.REVOKED
        if days_left(own, now) < 0:
            return Phase.ENDED
        return Phase.ENDING if now >= own.not_valid_after_utc - RENEWAL else Phase.GOOD

    def revoked(self) -> str:
        """The fingerprint of the certificate that was ended from here; else ""."""
        path = self.folder / "revoked"
        return files.read(path, most=1_000).decode("ascii", "replace") if path.exists() else ""

    def note_revoked(self, certificate: x509.Certificate) -> None:
        """Remember that a certificate was ended."""
        files.write(self.folder / "revoked", fingerprint(certificate).encode("ascii"))

    @property
    def renewal_under_way(self) -> bool:
        """Whether a renewal was begun and is not finished."""
        return renewing.under_way(self.file)

    def take_chain(self, chain: tuple[x509.Certificate, ...]) -> None:
        """Keep what came with a certificate; a root that is not trusted yet is to be compared."""
        for one in chain:
            folder = self.chain
            if one.issuer == one.subject:
                folder = self.trusted if one in self.roots() else self.unconfirmed
            files.write(folder / f"{fingerprint(one)[:16]}.cer", one.public_bytes(Encoding.DER))

    def roots(self) -> tuple[x509.Certificate, ...]:
        """The roots that are trusted."""
        return certificates(self.trusted)

    def compared(self, same: bool) -> None:
        """The member's answer: the waiting roots are those of the letter, or go away."""
        for path in self.unconfirmed.glob("*.cer"):
            if same:
                files.write(self.trusted / path.name, files.read(path, most=MOST_CERTIFICATE))
            path.unlink()

    def free(self, name: str) -> Path:
        """Where a signed document goes: a name not taken yet; nothing is ever replaced."""
        wanted = batch.named(Path(name or "document"), self.signed)
        found, number = wanted, 1
        while found.exists():
            number += 1
            found = wanted.with_stem(f"{wanted.stem} ({number})")
        return found


def listed(folder: Path, own: x509.Certificate) -> bool:
    """Whether a kept list of its issuer names a certificate."""
    for path in folder.glob("*.crl"):
        found = x509.load_der_x509_crl(files.read(path, most=MOST_LIST))
        if found.issuer == own.issuer:
            return found.get_revoked_certificate_by_serial_number(own.serial_number) is not None
    return False


def certificates(folder: Path) -> tuple[x509.Certificate, ...]:
    """Every certificate of a folder, DER."""
    paths = sorted(folder.glob("*.cer"))
    return tuple(
        x509.load_der_x509_certificate(files.read(path, most=MOST_CERTIFICATE)) for path in paths
    )


def fingerprint(certificate: x509.Certificate) -> str:
    """sha256 of the DER, in hex."""
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
