"""Fetching a certificate by letter so that a broken line or a killed process costs nothing.

The certificate file is complete before the receipt is sent. Run again at any point, it goes on with
the same key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from warifu_sign import files, p12
from warifu_sign.errors import Refusal
from warifu_sign.keys import LoadedKey
from warifu_sign.p12 import Private
from warifu_sign.window import pending as attempt
from warifu_sign.window.asking import Issued, Window
from warifu_sign.window.letter import Letter
from warifu_sign.window.pending import KeyKind


@dataclass(frozen=True, slots=True)
class Fetched:
    """A certificate file that stands. receipt: when the authority had our receipt."""

    key: LoadedKey
    holder: str
    receipt: str


def fetch(
    window: Window,
    letter: Letter,
    password: str,
    out: Path,
    *,
    kind: KeyKind = "rsa-2048",
    now: datetime,
    made_there: bool = False,
) -> Fetched:
    """Redeem a letter into a certificate file.

    made_there: the letter is of the compatibility profile, whose key the authority makes.
    Raises Refusal and Fault of password, letter, window and files; out-exists.
    """
    p12.checked_password(password, initial=letter.pin)
    pending = out.with_name(out.name + ".pending")
    if out.exists() and not pending.exists():
        raise Refusal("out-exists", out=out, needed="another file name")
    if made_there:
        issued = _redeemed(window, letter, None, now)
        data, key = _received(issued, letter, password)
        if not pending.exists():
            files.write(pending, b"", files.PRIVATE)
    else:
        with attempt.key(pending, password, kind) as private:
            issued = _redeemed(window, letter, private, now)
        data, key = attempt.sealed(private, issued, password)
    files.write(out, data, files.PRIVATE)
    receipt = attempt.receipt(window, key, letter.reference, now, pending)
    return Fetched(key, issued.holder, receipt)


def _redeemed(window: Window, letter: Letter, private: Private | None, now: datetime) -> Issued:
    payload = {
        "action": "redeem",
        "at": attempt.spelled(now),
        "csr": attempt.request(private) if private is not None else None,
        "reference": letter.reference,
    }
    try:
        return window.issued("redeem", payload, letter.key().sign)
    except Refusal as refusal:
        if refusal.code == "request-malformed" and refusal.facts.get("field") == "csr":
            raise Refusal("letter-kind", needed="the kind of certificate of the letter") from None
        raise


def _received(issued: Issued, letter: Letter, password: str) -> tuple[bytes, LoadedKey]:
    """A key made by the authority, out of the PIN's hands at once."""
    if not issued.by_authority:
        raise Refusal("window-answer", why="no key came with the certificate")
    private = p12.opened_private(issued.by_authority, letter.pin)
    return attempt.sealed(private, issued, password)
