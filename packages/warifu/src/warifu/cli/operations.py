"""Operations: status and incident entries, the ledger, keys, and checks of the house itself."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from warifu.app import (
    circles,
    moving,
    notices,
    recall,
    refusals,
    reporting,
    standing,
    which,
    worker,
)
from warifu.app.wiring import clock
from warifu.cli.said import Said
from warifu.flow.report import ENTERED
from warifu.model.sbom import bill
from warifu_wire import atomic
from warifu_wire.canonical import Json
from warifu_wire.errors import Malformed
from warifu_wire.keys import public_key


@click.command()
@click.pass_obj
def status(said: Said) -> None:
    """What is published, which stage is open, what waits and why.

    Example: warifu status
    """
    found = standing.standing(said.house())
    said.tell("\n".join(found.lines(said.language)), **found.to_json())


@click.command("work")
@click.pass_obj
def work_(said: Said) -> None:
    """One round of the worker, for houses that are not served from here.

    Example: warifu work
    """
    house = said.house()
    done: list[str] = []
    leased = worker.beat(house, worker.Beat(), clock, done.append)
    worker.toil(house, clock, done.append, limit=50)
    worker.beat(house, leased, clock, done.append)
    said.tell("\n".join(done) or "nothing was due", done=done)


@click.group()
def incident() -> None:
    """Enter what the system cannot see: findings, contacts, decisions.

    Example: warifu incident enter 3f9a1c22 finding.recorded --ja … --en …
    """


@incident.command("enter")
@click.argument("release")
@click.argument("kind", type=click.Choice(sorted(ENTERED)))
@click.option("--ja", required=True, help="What, in Japanese.")
@click.option("--en", required=True, help="What, in English.")
@click.option("--at", help="When it happened, e.g. 2012-02-06T11:00:00+09:00; by default now.")
@click.option("--by", default="oncall-1", show_default=True, help="Who enters it.")
@click.pass_obj
def enter(said: Said, release: str, kind: str, ja: str, en: str, at: str | None, by: str) -> None:
    """Enter an event; it is marked as entered by a person.

    Example: warifu incident enter 3f9a1c22 incident.declared --ja 調査開始 --en "started"
    """
    house = said.house()
    now = clock()
    when = now if at is None else _time(at)
    told = {"en": en, "ja": ja}
    event = reporting.enter(house, which.release(house, release), kind, told, when, now, by=by)
    said.tell(f"#{event.seq} {event.kind}", seq=event.seq, kind=event.kind)


@click.command()
@click.argument("release")
@click.option("--out", type=click.Path(path_type=Path), default=Path("bom.json"), show_default=True)
@click.pass_obj
def sbom(said: Said, release: str, out: Path) -> None:
    """Export a published release's bill of materials (CycloneDX), with the commits it comes from.

    Example: warifu sbom 3f9a1c22 --out bom.json
    """
    house = said.house()
    made = recall.program(house, which.release(house, release)).composition
    atomic.write(out, bill(made))
    said.tell(f"{out}: {len(made.manifest.members)} members", file=str(out), release=made.id)


@click.command("why")
@click.argument("seq", type=int, required=False)
@click.option("--html", type=click.Path(path_type=Path), help="Write the page to a file.")
@click.option("--look", is_flag=True, help="The closer look at the first binary that differed.")
@click.pass_obj
def why_(said: Said, seq: int | None, html: Path | None, look: bool) -> None:
    """Show again why compose or verify refused: the last time, or by the event's number.

    Example: warifu --lang ja why --html why.html
    """
    house = said.house()
    if look:
        report = refusals.look(house, seq)
        said.tell(report.rstrip(), report=report)
        return
    found = refusals.refused(house, seq)
    if html is not None:
        atomic.write(html, found.document(said.language).encode())
    told = str(html) if html is not None else found.told(said.language)
    said.tell(told, seq=found.seq, code=found.code, facts=dict(found.facts))


@click.group()
def members() -> None:
    """The member directory.

    Example: warifu members read issuance.json --key authority-export.pem
    """


@members.command("read")
@click.argument("export", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--key",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The authority's export key, PEM.",
)
@click.pass_obj
def read_members(said: Said, export: Path, key: Path) -> None:
    """Take the authority's signed issuance export in.

    Example: warifu members read issuance.json --key authority-export.pem
    """
    value: dict[str, Json] = {
        "keytype": "ecdsa",
        "scheme": "ecdsa-sha2-nistp256",
        "keyval": {"public": key.read_text()},
    }
    pinned = public_key("authority-export", value)
    event = notices.read_export(said.house(), export.read_bytes(), pinned, clock())
    facts = event.facts
    said.tell(f"{facts['issued']} issued, {facts['revoked']} revoked.", **facts)


@members.command()
@click.argument("installation")
@click.option("--leave", is_flag=True, help="It is served like any other again.")
@click.option("--by", default="desk", show_default=True, help="Who enters it.")
@click.pass_obj
def volunteer(said: Said, installation: str, leave: bool, by: str) -> None:
    """Let a member's machine be served among the first, from the next change on.

    Example: warifu members volunteer 4f1c0d9e8b7a6c5d4e3f2a1b0c9d8e7f
    """
    enter = circles.withdraw if leave else circles.volunteer
    event = enter(said.house(), installation, clock(), by=by)
    said.tell(f"#{event.seq} {event.kind} {installation}", seq=event.seq, kind=event.kind)


@click.group()
def ledger() -> None:
    """Read and verify the ledger.

    Example: warifu ledger verify
    """


@ledger.command("verify")
@click.pass_obj
def verify_ledger(said: Said) -> None:
    """Hash every event again.

    Example: warifu ledger verify
    """
    count = said.house().ledger.verify()
    said.tell(f"{count} events, every link holds.", events=count)


@ledger.command("move")
@click.argument("to")
@click.option("--by", default="release-engineer", show_default=True, help="Who does it.")
@click.pass_obj
def move_(said: Said, to: str, by: str) -> None:
    """Copy the whole ledger to another database (a path or a postgresql:// address), verified.

    End `warifu serve` first; then name the new place in warifu.toml, `[service] ledger`.

    Example: warifu ledger move postgresql:///warifu
    """
    count = moving.move(said.house(), to, clock(), by=by)
    said.tell(f"{count} events moved, every link holds. Name the new place in warifu.toml.",
              events=count)  # fmt: skip


@ledger.command("show")
@click.option("--kind", help="Only events of this kind.")
@click.pass_obj
def show(said: Said, kind: str | None) -> None:
    """Print the events.

    Example: warifu ledger show --kind publication.opened
    """
    for one in said.house().ledger.events(kind=kind):
        said.tell(
            f"#{one.seq} {one.at:%Y-%m-%d %H:%M:%S}Z {one.kind} {one.subject[:16]} by {one.by}",
            seq=one.seq,
            at=one.at,
            kind=one.kind,
            subject=one.subject,
            by=one.by,
            facts=dict(one.facts),
        )


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed(
            "not-a-time", needed="an ISO 8601 time with its zone", found=text
        ) from error
    if found.tzinfo is None:
        raise Malformed("naive-time", needed="a time with its zone", found=text)
    return found


VERBS = (status, work_, incident, members, sbom, why_, ledger)
