"""`warifu bundle`: a release as one file, for members who cannot reach the provider."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from warifu.app import bundling, which
from warifu.app.bundling import Made
from warifu.app.wiring import clock
from warifu.cli.said import Said
from warifu_wire import atomic, times


@click.group()
def bundle() -> None:
    """A release as one file, with a lease that approvers sign; checked by the installed updater.

    Example: warifu bundle make 3f9a1c22 --days 2
    """


@bundle.command("make")
@click.argument("release")
@click.option("--days", type=click.IntRange(1), default=2, show_default=True, help="How long.")
@click.option("--out", type=click.Path(path_type=Path), help="By default RELEASE.bundle.")
@click.pass_obj
def make(said: Said, release: str, days: int, out: Path | None) -> None:
    """Write the file, its lease not signed yet: no updater takes it.

    Example: warifu bundle make 3f9a1c22 --days 2 --out update.bundle
    """
    house = said.house()
    wanted = which.release(house, release)
    made = bundling.make(house, wanted, timedelta(days=days), clock())
    file = out or Path(f"{wanted[:12]}.bundle")
    atomic.write(file, made.data)
    _tell(said, file, made)


@bundle.command("sign")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--as", "person", required=True, help="Who signs, e.g. approver-1.")
@click.pass_obj
def sign(said: Said, file: Path, person: str) -> None:
    """Sign that exactly this file may be installed without asking until its lease ends.

    Example: warifu bundle sign update.bundle --as approver-1
    """
    made = bundling.sign(said.house(), file.read_bytes(), person, clock())
    atomic.write(file, made.data)
    _tell(said, file, made)


def _tell(said: Said, file: Path, made: Made) -> None:
    signed, lease = made.signed, made.lease
    until = times.spell(lease.expires)
    said.tell(
        f"{file}: {lease.release[:12]}, may be installed offline until {until}\n"
        f"bundle sha256 {lease.bundle}\n"
        f"signed by {', '.join(signed.signed) or 'nobody'}: "
        f"{len(signed.signed)} of {signed.needed}.",
        file=str(file),
        release=lease.release,
        bundle=lease.bundle,
        expires=until,
        signed=list(signed.signed),
        needed=signed.needed,
    )


VERBS = (bundle,)
