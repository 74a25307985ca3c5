"""`warifu-replay`: the whole road on real parts, then February 2012 in four stories."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import click

from warifu_replay import as_it_was, cells, only_members, only_production, wrong_half
from warifu_replay.fleet_table import Summary
from warifu_replay.hosts import Edition
from warifu_replay.source import Story
from warifu_replay.told import Teller, Verdict, table
from warifu_replay.town import Seat, Town, found, read_directory
from warifu_wire.errors import Fault, Refusal


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--product", default="e-application-tool", show_default=True, help="Its name.")
@click.option(
    "--members", default=cells.LETTERS, show_default=True, help="Members of the simulated fleet."
)
@click.option(
    "--q", "shares", type=float, multiple=True, help="Failing share; default .85 and .05."
)
@click.option("--install", default=0.6, show_default=True, help="Share that installs an offer.")
@click.option("--report", default=0.5, show_default=True, help="Share that reports.")
@click.option("--planned", type=click.DateTime(["%Y-%m-%d"]), help="When the next release is due.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep everything in this folder.")
@click.option("--json", "as_json", is_flag=True, help="The table as JSON.")
@click.option("--quiet", is_flag=True, help="No progress.")
def main(
    product: str,
    members: int,
    shares: tuple[float, ...],
    install: float,
    report: float,
    planned: datetime | None,
    keep: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Release the e-application tool from git to a signed document, then replay February 2012.

    Example: warifu-replay --q 0.3 --install 0.8
    """
    story = (
        Story(product, members)
        if planned is None
        else Story(product, members, planned=planned.date())
    )
    told = Teller(quiet)
    try:
        with tempfile.TemporaryDirectory(prefix="warifu-replay-") as scratch:
            _, verdicts = replay(keep or Path(scratch), story, told)
    except (Refusal, Fault) as error:
        print(f"the replay ended: {error}", file=sys.stderr)
        sys.exit(1 if isinstance(error, Refusal) else 3)
    told.story("Fleets of the same story, simulated by the same rules")
    made = cells.made(members, shares or (0.85, 0.05), install, report)
    print(_spelled(verdicts, made, story, told) if as_json else _shown(verdicts, made, told))


def replay(folder: Path, story: Story, told: Teller) -> tuple[Town, list[Verdict]]:
    """The four stories on one house; every line is seen on real parts, or it is a `Fault`.

    The servers have ended when it returns; everything else is left in `folder`.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        told.story("The town: provider, authority, members")
        town = found(folder, story, told, stack)
        _members(town)
        told.story(as_it_was.STORY)
        first, program = as_it_was.tell(town)
        town.production_host(Edition.NEXT)
        town.propose([program.composition.id])
        town.sign()
        told.story(wrong_half.STORY)
        second = wrong_half.tell(town, program, town.members[0])
        told.story(only_production.STORY)
        third = only_production.tell(town, program)
        told.story(only_members.STORY)
        fourth = only_members.tell(town, program, town.members[2])
        count = town.house.ledger.verify()
        told(f"the ledger: {count} events, every link holds")
    return town, [first, second, third, fourth]


def _members(town: Town) -> None:
    """One with today's host, three with the first one; the last did not volunteer."""
    first = Seat(Edition.FIRST)
    town.join(Seat(Edition.TODAY), first, first, Seat(Edition.FIRST, volunteer=False))
    last = town.members[-1]
    signed = last.sign()
    if signed.code or not last.verified(town.root_pem):
        raise Fault(f"{last.number} cannot sign: {signed.told}", needed="a signed document")
    count = read_directory(town)
    town.told(f"{count} members with Ver1.00 and a certificate in the directory; signing works")


def _shown(verdicts: list[Verdict], made: Sequence[Summary], told: Teller) -> str:
    seconds = time.monotonic() - told.began
    return "\n".join(["", table(verdicts), "", cells.table(made), "", f"{seconds:.0f} s in all"])


def _spelled(verdicts: list[Verdict], made: Sequence[Summary], story: Story, told: Teller) -> str:
    return json.dumps(
        {
            "cells": cells.rows(made),
            "members": story.members,
            "seconds": time.monotonic() - told.began,
            "stories": [
                {"story": one.story, "wrong": one.wrong, "stopped_by": one.stopped_by,
                 "figures": one.figures}
                for one in verdicts
            ],
        },
        ensure_ascii=False,
    )  # fmt: skip
