"""nginx in front of this house: what it is told, and whether it may read what it serves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from warifu.app import wiring
from warifu.app.wiring import House
from warifu.web import nginx
from warifu.web.nginx import Site
from warifu.web.serve import allowed
from warifu_wire.errors import Refusal


def site(house: House, listen: str, upstream: str) -> str:
    """The configuration; raises `Refusal` for trial keys beyond this machine, or a tree in a
    bucket, which a proxy in front of the bucket serves."""
    if wiring.shelf(house.config) is not None:
        raise Refusal("tree-in-bucket", needed="a CDN before the bucket, or `warifu serve` alone")
    allowed(listen.rpartition(":")[0].strip("[]"), trial=house.trial)
    return nginx.configuration(
        Site(house.public, listen, upstream, house.config.policy.lease, house.log)
    )


def closed(folder: Path) -> Iterator[Path]:
    """The folders on the way to one that other users of this machine cannot pass."""
    for one in reversed((folder, *folder.parents)):
        if one.exists() and not one.stat().st_mode & 0o001:
            yield one
