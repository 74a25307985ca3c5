"""Renewal, asked for with the old key, and revocation by the certificate's own key.

A renewal replaces the certificate file in one step and keeps the one before beside it. Run again
after an interruption, it goes on with the same new key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from warifu_sign import files, p12
from warifu_sign.certificate import serial
from warifu_sign.errors import Refusal
from warifu_sign.keys import LoadedKey, SigningKey
from warifu_sign.p12 import Private
from warifu_sign.window import pending as attempt
from warifu_sign.window.asking import Issued, Window
from warifu_sign.window.pending import KeyKind
from warifu_sign.words import JST

Reason = Literal["keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation"]
REASONS: tuple[Reason, ...] = get_args(Reason)


@dataclass(frozen=True, slots=True)
class Renewed:
    """The new certificate's file stands.

    kept: where the file before is, when this run replaced it. receipt: when the authority had ours.
    """

    key: LoadedKey
    kept: Path | None
    receipt: str


@dataclass(frozen=True, slots=True)
class Revoked:
    """A certificate that ended: when the authority first recorded it, and why."""

    serial: str
    at: str
    reason: str


def renew(
    window: Window, file: Path, password: str, *, kind: KeyKind = "rsa-2048", now: datetime
) -> Renewed:
    """Replace a certificate file by its successor's, with a new key under the same password.

    Raises Refusal and Fault of password, window and files; root-differs.
    """
    held = p12.opened(files.read(file, most=p12.MOST_BYTES), password)
    p12.checked_password(password)
    pending = _pending(file)
    with attempt.key(pending, password, kind) as private:
        if private.public_key() == held.certificate.public_key():  # cut off before the receipt
            return Renewed(held, None, attempt.receipt(window, held, None, now, pending))
        issued = window.issued("renew", _asked(held, private, now), held.sign)
    _check_issuer(held, issued)
    data, key = attempt.sealed(private, issued, password)
    kept = kept_name(file, held.certificate)
    files.write(kept, files.read(file, most=p12.MOST_BYTES), files.PRIVATE)
    files.write(file, data, files.PRIVATE)
    return Renewed(key, kept, attempt.receipt(window, key, None, now, pending))


def revoke(window: Window, key: SigningKey, reason: Reason, *, now: datetime) -> Revoked:
    """End a certificate for good; repeated, it tells the first time. Raises as Window.ask."""
    own = serial(key.certificate)
    payload = {
        "action": "revoke",
        "at": attempt.spelled(now),
        "reason": reason,
        "serial": own,
    }
    answer = window.ask("revoke", payload, key.sign)
    if answer.get("state") != "revoked" or answer.get("serial") != own:
        raise Refusal("window-answer", why="not about this certificate")
    return Revoked(own, str(answer.get("at", "")), str(answer.get("reason", "")))


def _asked(held: LoadedKey, private: Private, now: datetime) -> dict[str, Any]:
    return {
        "action": "renew",
        "at": attempt.spelled(now),
        "csr": attempt.request(private),
        "serial": serial(held.certificate),
    }


def change_password(file: Path, present: str, new: str) -> None:
    """Put a certificate file under another password, unless a renewal holds on to the present one.

    Raises Refusal renewal-under-way, and Refusal and Fault of password and files.
    """
    if under_way(file):
        raise Refusal("renewal-under-way", needed="the renewal, finished")
    data = p12.changed(files.read(file, most=p12.MOST_BYTES), present, new)
    files.write(file, data, files.PRIVATE)


def under_way(file: Path) -> bool:
    """Whether a renewal of a certificate file was begun and is not finished."""
    return _pending(file).exists()


def _pending(file: Path) -> Path:
    return file.with_name(file.name + ".renewal")


def kept_name(file: Path, certificate: x509.Certificate) -> Path:
    """Where the file before goes: member.p12 becomes member-until-2029-11-22.p12."""
    ends = certificate.not_valid_after_utc.astimezone(JST)
    return file.with_stem(f"{file.stem}-until-{ends:%Y-%m-%d}")


def _check_issuer(held: LoadedKey, issued: Issued) -> None:
    """The successor must come from a root that the member trusts already."""
    trusted = {one for one in held.chain if one.issuer == one.subject}
    above: x509.Certificate | None = issued.certificate
    for _ in range(len(issued.chain) + 1):
        if above in trusted or not trusted:
            return
        below = above
        above = next((one for one in issued.chain if below and _issued(below, one)), None)
    raise Refusal("root-differs", needed="a certificate by the same authority")


def _issued(below: x509.Certificate, above: x509.Certificate) -> bool:
    try:
        below.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
