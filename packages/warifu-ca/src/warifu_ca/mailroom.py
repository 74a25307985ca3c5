"""The commands that open the window: a reference number and a PIN, on screen or on paper."""

from __future__ import annotations

from pathlib import Path

import click

from warifu_ca import codes, issuing, letters, paper, speaking
from warifu_ca.names import Holder
from warifu_ca.speaking import Existing, Folder, Kind, Out, Profile, Terms, common, holder
from warifu_wire import atomic, times
from warifu_wire.digest import digest


@click.command()
@Folder
@holder
@click.option("--profile", default=issuing.DEFAULT, type=Profile, show_default=True)
@click.option("--key", default="rsa-2048", type=Kind, help="With a compatibility profile.")
@click.option("--letter", type=Out, help="Print the PIN into this PDF and nowhere else.")
@click.option("--language", default="ja", type=click.Choice(paper.LANGUAGES), show_default=True)
@click.option("--updater-digest", help="sha256 of the updater, for the letter.")
@click.option("--root-digest", help="sha256 of the TUF root, for the letter.")
@common
def window(
    folder: Path,
    who: Holder,
    profile: str,
    key: str,
    letter: Path | None,
    language: paper.Language,
    updater_digest: str | None,
    root_digest: str | None,
    terms: Terms,
) -> None:
    """Open the download window for one member: a reference number and a PIN, shown once.

    Example: warifu-ca window ca --member 0001 --name 会員一号 --roman "MEMBER 0001"
    """
    trust = _trust(updater_digest, root_digest) if letter else None
    if letter is not None:
        paper.printable(who)
    authority = terms.open(folder)
    made = letters.write(authority, who, profile, key)
    told = _told(made)
    if letter is not None and trust is not None:
        atomic.write(letter, paper.letter(authority, made, trust, language), mode=0o600)
        terms.say({**told, "letter": str(letter)})
    else:
        terms.say({**told, "pin": codes.grouped(made.pin)})


@click.command("window-many")
@Folder
@click.argument("members", type=Existing)
@click.option("--profile", default=issuing.DEFAULT, type=Profile, show_default=True)
@click.option("--key", default="rsa-2048", type=Kind, help="With a compatibility profile.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--language", default="ja", type=click.Choice(paper.LANGUAGES), show_default=True)
@click.option("--updater-digest", required=True, help="sha256 of the updater.")
@click.option("--root-digest", required=True, help="sha256 of the TUF root.")
@common
def window_many(
    folder: Path,
    members: Path,
    profile: str,
    key: str,
    out: Path,
    language: paper.Language,
    updater_digest: str,
    root_digest: str,
    terms: Terms,
) -> None:
    """Write a letter for each line of {member, name, roman}, as OUT/<member>.pdf.

    A member whose letter lies there already is passed over, so an interrupted run is finished by
    running it again.

    Example: warifu-ca window-many ca members.jsonl --out letters --updater-digest … --root-digest …
    """
    trust = _trust(updater_digest, root_digest)
    whom = speaking.members(members.read_bytes())
    for who in whom:
        paper.printable(who)
    authority = terms.open(folder)
    out.mkdir(mode=0o700, exist_ok=True)
    waiting = [who for who in whom if not (out / f"{who.member}.pdf").exists()]
    for who in waiting:
        made = letters.write(authority, who, profile, key)
        sheet = paper.letter(authority, made, trust, language)
        atomic.write(out / f"{who.member}.pdf", sheet, mode=0o600)
    terms.say({"written": len(waiting), "there": len(whom) - len(waiting), "out": str(out)})


def _trust(updater: str | None, root: str | None) -> paper.FirstTrust:
    return paper.FirstTrust(digest(updater), digest(root))


def _told(made: letters.Sealed) -> dict[str, str]:
    return {
        "reference": codes.grouped(made.reference),
        "member": made.holder.member,
        "profile": made.profile.id,
        "closes": times.spell(made.closes_at),
    }
