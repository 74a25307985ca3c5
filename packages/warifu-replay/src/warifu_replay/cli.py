"""`warifu-replay`: the whole road on real parts, then February 2012 in four stories."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import click

from warifu.app import words
from warifu_replay import as_it_was, cells, kept, only_members, only_production, wrong_half
from warifu_replay.fleet_table import Summary
from warifu_replay.hosts import Edition
from warifu_replay.source import Story
from warifu_replay.told import Teller, Verdict, proofs
from warifu_replay.town import Seat, Town, found, read_directory
from warifu_wire.errors import Fault, Refusal
from warifu_wire.manifest import Kind


@dataclass(frozen=True, slots=True)
class Ended:
    """What a replay came to: the stories on real parts, the fleets, and how long it took."""

    story: Story
    verdicts: Sequence[Verdict]
    fleets: Sequence[Summary]
    authority: str
    seconds: float

    def to_json(self) -> Mapping[str, object]:
        """All of it, for programs."""
        return {
            "authority": self.authority,
            "cells": cells.spelled(cells.rows(self.verdicts, self.fleets)),
            "members": self.story.members,
            "product": self.story.product,
            "seconds": self.seconds,
            "stories": [asdict(one) for one in self.verdicts],
        }

    def text(self) -> str:
        """The proofs and the table, for people."""
        table = cells.table(cells.rows(self.verdicts, self.fleets))
        return "\n".join(("", proofs(self.verdicts), "", table, "", f"{self.seconds:.0f} s in all"))


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
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
@click.pass_context
def main(
    context: click.Context,
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
    if context.invoked_subcommand is not None:
        return
    story = (
        Story(product, members)
        if planned is None
        else Story(product, members, planned=planned.date())
    )
    told = Teller(quiet)
    with _said(), ExitStack() as stack:
        folder = (
            Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="warifu-replay-")))
            if keep is None
            else stack.enter_context(kept.place(keep))
        )
        town, verdicts = replay(folder, story, told, kept.ports())
        told.story("Fleets of the same story, simulated by the same rules")
        fleets = cells.simulated(members, shares or (0.85, 0.05), install, report)
        seconds = time.monotonic() - told.began
        ended = Ended(story, verdicts, fleets, town.authority_address, seconds)
        kept.tell(folder, ended.to_json())
    print(json.dumps(ended.to_json(), ensure_ascii=False) if as_json else ended.text())
    if keep is not None:
        told(f"kept in {keep}: `make serve` shows every release and incident")


@main.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("out/replay"))
def show(folder: Path) -> None:
    """Serve a kept replay: its pages, its published tree, and its authority.

    Example: warifu-replay show out/replay
    """
    with _said():
        kept.show(folder, Teller())


@contextmanager
def _said() -> Iterator[None]:
    """Turns what is refused into one message and an exit code."""
    try:
        yield
    except (Refusal, Fault) as error:
        print(words.told(error, "en"), file=sys.stderr)
        sys.exit(1 if isinstance(error, Refusal) else 3)


def replay(
    folder: Path, story: Story, told: Teller, ports: tuple[int, int]
) -> tuple[Town, list[Verdict]]:
    """The four stories on one house; every line is seen on real parts, or it is a `Fault`.

    The servers have ended when it returns; everything else is left in `folder`. `ports` are the
    provider's and the authority's.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        told.story("The town: provider, authority, members")
        town = found(folder, story, told, stack, ports)
        _members(town)
        told.story(as_it_was.STORY)
        first, programs = as_it_was.tell(town)
        town.production_host(Edition.NEXT)
        told.story(wrong_half.STORY)
        second = wrong_half.tell(town, programs, town.members[0])
        update = programs[Kind.UPDATE]
        told.story(only_production.STORY)
        third = only_production.tell(town, update)
        told.story(only_members.STORY)
        fourth = only_members.tell(town, update, town.members[2])
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
