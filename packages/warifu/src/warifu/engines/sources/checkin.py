"""Between the bytes of a file and git's object of it: as it would be checked in, and out.

Both are asked for many files at once; a process for each would take minutes where a whole other
tree is judged.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from warifu.engines.sources.git import WORK_TREE, Git
from warifu.engines.sources.render import Leaf, attributes
from warifu_wire.errors import Fault

_ENCODING, _IDENT, _ENDS = "working-tree-encoding", "ident", ("text", "eol", "crlf")
_NAME, _PATH = 255, 2_000
"""Longer names and paths (in bytes) cannot be laid in a folder, and so are no checked-out files."""


def blob(data: bytes, like: str) -> str:
    """The object id of a blob, in the format of another id; it names and proves nothing."""
    algorithm = hashlib.sha1 if len(like) == 40 else hashlib.sha256
    head = b"blob %d\0" % len(data)
    return algorithm(head + data, usedforsecurity=False).hexdigest()


def checked_in(
    git: Git, leaves: Mapping[str, Leaf], files: Mapping[int, tuple[str, bytes]]
) -> dict[int, str]:
    """The known objects that are checked out as exactly these bytes at these paths.

    `files` are paths and bytes by number, and the attributes those of a commit's `leaves`. Only
    those are told whose object is another one than the bytes themselves would make.
    """
    with attributes(git, leaves) as view:
        asked = _asked(view, sorted({path for path, _ in files.values()}))
        left = {at: one for at, one in files.items() if _changes(*one, asked) and _can_lie(one[0])}
        named = _named(git, leaves, left)
        kinds = git.kinds(list(named.values()))
        known = {at: name for (at, name), kind in zip(named.items(), kinds, strict=True) if kind}
        out = checked_out(view, [(name, files[at][0]) for at, name in known.items()])
    return {
        at: name
        for (at, name), data in zip(known.items(), out, strict=True)
        if data == files[at][1]
    }


def _named(
    git: Git, leaves: Mapping[str, Leaf], left: Mapping[int, tuple[str, bytes]]
) -> dict[int, str]:
    """The objects that files become when they are checked in."""
    named: dict[int, str] = {}
    while left:  # more than once only where one path is a folder of another
        with attributes(git, leaves) as view:
            laid = _lay(Path(view.extra[WORK_TREE]), left)
            given = _lines(left[at][0] for at in laid)
            told = view.ask("hash-object", "--stdin-paths", given=given).decode().split()
        named |= dict(zip(laid, told, strict=True))
        left = {at: one for at, one in left.items() if at not in named} if laid else {}
    return named


def checked_out(view: Git, wanted: Sequence[tuple[str, str]]) -> list[bytes]:
    """Objects as they are checked out at their paths, in order; raises `Fault` where one is not."""
    if not wanted:
        return []
    # git tells the size before the conversion, so each head ends with what no file can hold.
    mark = secrets.token_bytes(16).hex().encode()
    given = _lines(f"{name} {path}" for name, path in wanted)
    form = f"--batch=%(objectname){mark.decode()}"
    _, *pieces = view.ask("cat-file", form, "--filters", given=given).split(mark + b"\n")
    if len(pieces) != len(wanted):
        raise Fault("git does not have all objects of a line", needed="a sound repository")
    tails = [b"\n" + name.encode() for name, _ in wanted[1:]] + [b"\n"]
    return [piece.removesuffix(tail) for piece, tail in zip(pieces, tails, strict=True)]


def _asked(view: Git, paths: Sequence[str]) -> frozenset[tuple[str, str]]:
    """The conversions that attributes ask for, as path and attribute."""
    if not paths:
        return frozenset()
    given = _lines(paths).replace(b"\n", b"\0")
    words = ("check-attr", "--stdin", "-z", _ENCODING, _IDENT, *_ENDS)
    told = view.ask(*words, given=given).decode("utf-8", "surrogateescape").split("\0")
    rows = zip(told[::3], told[1::3], told[2::3], strict=False)
    return frozenset(
        (path, name) for path, name, value in rows if value not in ("unspecified", "unset")
    )


def _changes(path: str, data: bytes, asked: frozenset[tuple[str, str]]) -> bool:
    """Whether checking in may make other bytes of these."""
    return (
        (path, _ENCODING) in asked
        or (b"$Id:" in data and (path, _IDENT) in asked)
        or (b"\r\n" in data and any((path, name) in asked for name in _ENDS))
    )


def _can_lie(path: str) -> bool:
    """Whether a file of this path can be laid in a folder without changing what git reads there."""
    parts = path.encode("utf-8", "surrogateescape").split(b"/")
    return (
        parts[-1] != b".gitattributes"
        and not path.startswith('"')
        and len(path.encode("utf-8", "surrogateescape")) <= _PATH
        and all(len(one) <= _NAME for one in parts)
    )


def _lay(work: Path, files: Mapping[int, tuple[str, bytes]]) -> list[int]:
    """Write as many files as have a place beside each other; which ones."""
    laid = []
    for at, (path, data) in files.items():
        target = work / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as sink:
                sink.write(data)
        except (FileExistsError, NotADirectoryError):
            continue
        laid.append(at)
    return laid


def _lines(rows: Iterable[str]) -> bytes:
    return "".join(f"{one}\n" for one in rows).encode("utf-8", "surrogateescape")
