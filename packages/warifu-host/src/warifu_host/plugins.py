"""Finding a plug-in and judging its files before any of them is loaded."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from warifu_host.errors import Failed

LOADED = (".py", ".so", ".pyd", ".dll", ".pth", ".zip", ".egg")


@dataclass(frozen=True, slots=True)
class Listing:
    """A plug-in as its plugin.json states it. folder: where that file is."""

    folder: Path
    name: str
    abi: int
    entry: str
    digests: dict[str, str]


def found(program: Path) -> Listing:
    """The plug-in of a program's tree. Raises Failed plugin-not-loaded."""
    places = sorted(program.glob("*/plugin/plugin.json"))
    if len(places) != 1:
        raise Failed("plugin-not-loaded", why="no-plugin", found=len(places))
    (place,) = places
    try:
        stated = json.loads(place.read_bytes())
        digests = {str(name): str(digest) for name, digest in stated["digests"].items()}
        return Listing(
            place.parent, str(stated["name"]), int(stated["abi"]), str(stated["entry"]), digests
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Failed(
            "plugin-not-loaded", why="listing-malformed", error=type(error).__name__
        ) from None


def check(listing: Listing, abi: int) -> None:
    """Raise Failed unless the plug-in fits this host and its files are those it lists."""
    if listing.abi != abi:
        raise Failed("abi-mismatch", host=abi, plugin=listing.abi)
    present = {path.name: path for path in listing.folder.iterdir() if path.suffix in LOADED}
    if set(present) != set(listing.digests):
        differing = sorted(set(present) ^ set(listing.digests))
        raise Failed("plugin-not-loaded", why="files-differ", files=", ".join(differing))
    for name, path in present.items():
        _check_file(path, name, listing.digests[name])


def check_release(program: Path, members: dict[str, str]) -> None:
    """Raise Failed unless everything loadable in the tree is in the release, byte for byte.

    members: sha256 by path of the release's manifest.
    """
    for name, digest in members.items():
        path = program / name
        if not path.is_file():
            raise Failed("plugin-not-loaded", why="file-missing", file=name)
        _check_file(path, name, digest)
    for path in sorted(program.rglob("*")):
        name = path.relative_to(program).as_posix()
        if path.suffix in LOADED and name not in members:
            raise Failed("plugin-not-loaded", why="not-in-release", file=name)


def _check_file(path: Path, name: str, digest: str) -> None:
    try:
        is_found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise Failed("plugin-not-loaded", why="unreadable", file=name, error=error) from None
    if is_found != digest:
        raise Failed(
            "plugin-not-loaded", why="digest-differs", file=name, expected=digest, found=is_found
        )
