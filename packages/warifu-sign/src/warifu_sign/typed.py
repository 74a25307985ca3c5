"""What people type from paper: spaces, hyphens, width and look-alikes do not count."""

from __future__ import annotations

import unicodedata

_DASHES = frozenset("-\u2010\u2011\u2012\u2013\u2014\u2212\u30fc")
_LOOK_ALIKE = str.maketrans("OIL", "011")


def plain(text: str) -> str:
    """In half width and capitals, without spaces and hyphens."""
    half = unicodedata.normalize("NFKC", text).upper()
    return "".join(one for one in half if not one.isspace() and one not in _DASHES)


def code(text: str) -> str:
    """A code of the letter: as `plain`, O read as 0, I and L as 1 (docs/ca-protocol.md)."""
    return plain(text).translate(_LOOK_ALIKE)
