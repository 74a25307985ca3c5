"""The road back, after the stop: remedy, notify, report."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from warifu.app import notices, reporting, road, which
from warifu.app.circles import circles
from warifu.app.proposals import ways
from warifu.app.wiring import clock
from warifu.cli.said import Said


@click.command()
@click.argument("release")
@click.pass_obj
def remedy(said: Said, release: str) -> None:
    """Count who is affected, and propose the repair and the corrected update of one fix.

    Example: warifu remedy 3f9a1c22
    """
    house = said.house()
    now = clock()
    bad = which.release(house, release)
    found = road.assess(house, bad, now, by="oncall-1")
    proposed = road.remedy(house, bad, now, circles=circles(house, now), fleet=ways(house))
    said.tell(
        f"{release}: {len(found.downloaded)} downloaded, {len(found.installed)} installed, "
        f"{len(found.affected)} affected. Repair and corrected update proposed: {proposed.digest}.",
        **found.to_json(),
        proposal=proposed.digest,
    )


@click.command()
@click.argument("release")
@click.option("--by", default="approver-1", show_default=True, help="Who releases the mailing.")
@click.option("--posted", type=int, help="The count on the post's receipt, once handed over.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("notices"), show_default=True)
@click.option(
    "--issued",
    nargs=2,
    type=click.DateTime(["%Y-%m-%d"]),
    help="To whom a certificate was issued from this day to that, and not to the downloaders.",
)
@click.pass_obj
def notify(
    said: Said,
    release: str,
    by: str,
    posted: int | None,
    out: Path,
    issued: tuple[datetime, datetime] | None,
) -> None:
    """Write letters to everyone who downloaded a release, and record the posting.

    Example: warifu notify 3f9a1c22 --posted 12
    """
    house = said.house()
    window = None if issued is None else (issued[0].date(), issued[1].date())
    bad = which.release(house, release)
    done = notices.letters(house, bad, out, clock(), by=by, window=window)
    if posted is not None:
        notices.posted(house, done, posted, clock(), by=by)
    files = ", ".join(str(one) for one in done.files)
    said.tell(
        f"{len(done.campaign.recipients)} letters: {files or 'none'}.",
        count=len(done.campaign.recipients),
        files=[str(one) for one in done.files],
        campaign=done.campaign.id,
    )


@click.command()
@click.argument("release")
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
@click.option("--by", default="approver-1", show_default=True, help="Who issues the report.")
@click.pass_obj
def report(said: Said, release: str, out: Path, by: str) -> None:
    """Write the incident's report in both languages; every fact in it names its event.

    Example: warifu report 3f9a1c22
    """
    house = said.house()
    files = reporting.issue(house, which.release(house, release), out, clock(), by=by)
    said.tell("\n".join(str(one) for one in files), files=[str(one) for one in files])


VERBS = (remedy, notify, report)
