"""What a browser sends: forms as fields, and forms with files (RFC 7578, as HTML writes them)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from warifu_sign.errors import Refusal

_BOUNDARY = re.compile(r'boundary="?([^";]{1,70})"?')
_NAMED = re.compile(rb'; (name|filename)="([^"]*)"')
_ESCAPED = {"%22": '"', "%0D": "\r", "%0A": "\n"}  # and nothing else is escaped there


@dataclass(frozen=True, slots=True)
class Sent:
    """Fields by name, and files by the name each has on the member's machine."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


def read(kind: str, body: bytes) -> Sent:
    """A form, by its content type. Raises Refusal form-broken, and package-name for equal names."""
    boundary = _BOUNDARY.search(kind)
    if kind.startswith("multipart/form-data") and boundary:
        return _parts(body, boundary.group(1).encode("latin-1", "replace"))
    text = body.decode("utf-8", "replace")
    return Sent({name: one[0] for name, one in parse_qs(text, keep_blank_values=True).items()})


def _parts(body: bytes, boundary: bytes) -> Sent:
    before, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if before or not parts or not parts[-1].startswith(b"--"):
        raise Refusal("form-broken", needed="the whole form")
    found = Sent()
    for part in parts[:-1]:
        head, _, data = part.partition(b"\r\n\r\n")
        named = {name: _text(value) for name, value in _NAMED.findall(head)}
        file = named.get(b"filename")
        if file is None:
            found.fields[named.get(b"name", "")] = data.decode("utf-8", "replace")
        elif file in found.files:
            raise Refusal("package-name", name=file, needed="files whose names differ")
        else:
            found.files[file] = data
    return found


def _text(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return re.sub("%22|%0D|%0A", lambda one: _ESCAPED[one.group()], text)
