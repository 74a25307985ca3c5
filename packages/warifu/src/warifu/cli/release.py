"""The road outward: init, compose, verify, sign, publish, serve."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from warifu.app import feeding, feedpage, founding, pacing, proposals, recall, road, waits, which
from warifu.app.wiring import House, clock
from warifu.cli.said import Said
from warifu.model import archive as archives
from warifu.model.brakes import Calendar
from warifu.model.people import persons
from warifu_wire.manifest import Kind

_kinds = click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice([one.value for one in Kind]),
    help="Program kind; by default install, and update once published.",
)


@click.command()
@click.option("--product", default="", help="The product's name; by default the folder's.")
@click.option("--version", default="", help="The version label; by default from git describe.")
@click.option("--base", default="", help="The released commit that the changes follow.")
@click.option("--commit", default="HEAD", show_default=True, help="The approved commit.")
@click.option(
    "--next",
    "later",
    multiple=True,
    help="A branch that is planned for later, NAME or NAME=YYYY-MM-DD.",
)
@click.option("--start", default="", help="How it starts, e.g. '{python} {tree}/main.py'.")
@click.option("--suite", default="", help="Its suite; it writes JUnit to {junit}.")
@click.option("--include", multiple=True, help="What belongs to the program; by default all.")
@click.option("--address", default="", help="The public address.")
@click.pass_obj
def init(
    said: Said,
    product: str,
    version: str,
    base: str,
    commit: str,
    later: tuple[str, ...],
    start: str,
    suite: str,
    include: tuple[str, ...],
    address: str,
) -> None:
    """Write warifu.toml and found the house with trial keys.

    Example: warifu init --next develop=2012-02-12 --start "{python} {tree}/main.py"
    """
    given = founding.Given(
        product,
        version,
        base,
        commit,
        later,
        tuple(shlex.split(start)),
        tuple(shlex.split(suite)),
        include,
        address,
    )
    house = founding.init(said.folder, given, clock(), said.step)
    who = ", ".join(persons(house.config.policy.approvals))
    said.tell(
        f"{house.product}: founded in {house.config.service.state} with trial keys for {who}.",
        product=house.product,
        state=house.config.service.state,
        people=list(persons(house.config.policy.approvals)),
        root=house.root.hex(),
    )


@click.command()
@_kinds
@click.option(
    "--archive",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="An archive made elsewhere, judged by the same gate.",
)
@click.pass_obj
def compose(said: Said, kinds: tuple[str, ...], archive: Path | None) -> None:
    """Build the programs twice from the approved commit; anything else in them is refused.

    Example: warifu compose --kind update --archive update.zip
    """
    house = said.house()
    candidate = None if archive is None else _read(archive)
    for kind in _chosen(house, kinds):
        said.step(f"{kind}: building twice")
        made = road.compose(house, kind, clock(), candidate)
        said.tell(
            f"{kind}: {made.id} ({len(made.manifest.members)} files, commit "
            f"{made.source.commit[:12]}): exactly the approved bytes.",
            kind=kind,
            release=made.id,
            artifact=made.artifact,
            commit=made.source.commit,
        )


@click.command()
@_kinds
@click.pass_obj
def verify(said: Said, kinds: tuple[str, ...]) -> None:
    """Run the suites on the composed bytes and let the gate answer for them.

    Example: warifu verify
    """
    house = said.house()
    for kind in _chosen(house, kinds):
        said.step(f"{kind}: suites on the artifact")
        made = road.verify(house, kind, clock())
        said.tell(
            f"{kind}: {made.composition.id} verified; evidence {made.evidence}.",
            kind=kind,
            release=made.composition.id,
            evidence=made.evidence,
        )


@click.command()
@click.option("--as", "person", required=True, help="Who signs, e.g. approver-1.")
@click.option("--lift", multiple=True, help="A stopped, held or capped release to resume.")
@click.option("--show", is_flag=True, help="Show what would be signed, and sign nothing.")
@click.option("--go-on", default="", help="A release to leave its stage with fewer reports.")
@click.option("--feeds", is_flag=True, help="The feeds for other people's clients.")
@click.option("--lift-by", default="", help="All stops of a person or the alarm are lifted.")
@_kinds
@click.pass_obj
def sign(
    said: Said,
    person: str,
    lift: tuple[str, ...],
    lift_by: str,
    show: bool,
    go_on: str,
    feeds: bool,
    kinds: tuple[str, ...],
) -> None:
    """Show the proposed change and sign exactly that; the first to sign proposes it.

    What was stopped goes on only by a signed change: its stages begin anew, after a new probe.

    Example: warifu sign --as approver-1
    """
    house = said.house()
    now = clock()
    if feeds:
        print(feedpage.text(house.product, house.config.feeds, said.language), end="")
        done = feeding.permit(house, person, now)
    elif go_on:
        done = pacing.go_on(house, which.release(house, go_on), person, now)
    else:
        road.may_sign(house, person)
        ended = proposals.Lift(lift, lift_by)
        proposed = proposals.proposal(house, _chosen(house, kinds), ended, now)
        text, page = road.page(house, proposed, said.language)
        print(text, end="", file=sys.stderr if said.as_json else sys.stdout)
        if show:
            return
        done = road.sign(house, proposed, page, person, now)
    said.tell(
        f"signed by {', '.join(done.signed)}: {len(done.signed)} of {done.needed}.",
        digest=done.digest,
        signed=list(done.signed),
        needed=done.needed,
    )


@click.command()
@click.pass_obj
def publish(said: Said) -> None:
    """Enact the approved change and fetch it back from the public address.

    Example: warifu publish
    """
    house = said.house()
    untimely = (house.config.rollout.brakes.calendar or Calendar()).brake(clock())
    if untimely is not None:
        said.step(waits.told(untimely, said.language))
    why_not = road.publish(house, clock())
    state = f"recorded, not in force yet\n  {why_not}" if why_not else "published and fetched back"
    said.tell(
        f"{house.product}: {state}",
        published=not why_not,
        why=why_not,
        releases=[one.composition.id for one in recall.proposal(house).programs],
    )
    if why_not:
        sys.exit(3)


def _read(archive: Path) -> bytes:
    archives.sized(archive.stat().st_size)
    return archive.read_bytes()


def _chosen(house: House, kinds: tuple[str, ...]) -> tuple[Kind, ...]:
    return tuple(Kind(one) for one in kinds) or proposals.usual(house)


VERBS = (init, compose, verify, sign, publish)
