"""How a password comes in: asked for on the terminal, or from a descriptor; never an argument."""

from __future__ import annotations

import os
import sys
from getpass import getpass

from warifu_sign.errors import Refusal

MOST = 1024


def password(descriptor: int | None, prompt: str) -> str:
    """One line. Raises Refusal password-missing where there is nobody to ask."""
    if descriptor is None:
        if not sys.stdin.isatty():
            raise Refusal("password-missing", needed="a terminal, or --passphrase-fd")
        return getpass(prompt)
    try:
        return _line(descriptor)
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal("password-missing", why=error, needed="a readable descriptor") from None


def _line(descriptor: int) -> str:
    """Up to the end of the line and not a byte further: the next password may follow."""
    found = bytearray()
    while len(found) < MOST:
        one = os.read(descriptor, 1)
        if one in (b"", b"\n"):
            break
        found += one
    return found.decode("utf-8").removesuffix("\r")


def chosen(descriptor: int | None, prompt: str) -> str:
    """A new password: asked for twice on a terminal. Raises Refusal password-differs."""
    first = password(descriptor, prompt)
    if descriptor is None and first != getpass("もう一度 / again: "):
        raise Refusal("password-differs", needed="the same password twice")
    return first
