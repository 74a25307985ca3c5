"""The life of keys, and of the people who sign."""

from __future__ import annotations

import json

import click

from warifu.app import checklists, keys
from warifu.app.keys import Office
from warifu.app.wiring import clock
from warifu.cli.said import Said
from warifu_wire import times
from warifu_wire.policy import KeyState, Person

_by = click.option("--by", default="release-engineer", show_default=True, help="Who does it.")

_PLACES = (
    "asked: a file, its passphrase is asked for; kept: a file, its passphrase lies beside it, for "
    "machines; hsm:<number>?label=…&module=…: a token; awskms:<id>, gcpkms:<name> or "
    "azurekms:<vault>/<name>: a key that a cloud key store has made."
)


def _office(said: Said, by: str = "release-engineer") -> Office:
    house = said.house()
    return Office(house.ledger, house.keyring, house.repository, house.product, by)


@click.group("keys")
def keys_() -> None:
    """Make, rotate, retire and list keys; print what to do when one is lost or stolen.

    Example: warifu keys list
    """


@keys_.command("list")
@click.pass_obj
def list_(said: Said) -> None:
    """Every key: its state, where it lives, and whose it is.

    Example: warifu keys list
    """
    found = keys.listed(_office(said))
    lines = [
        f"{one.name:24} {one.state:12} {one.place:8} {one.keyid[:22]:24} "
        f"{one.person} {' '.join(one.roles)}".rstrip()
        for one in found
    ]
    said.tell("\n".join(lines), keys=[_known(one) for one in found])


@keys_.command()
@click.argument("name")
@click.pass_obj
def show(said: Said, name: str) -> None:
    """Print the public half of a key, as metadata carry it.

    Example: warifu keys show sparkle
    """
    public = _office(said).keyring.public(name)
    value = public.to_json()
    text = json.dumps(value, indent=1)
    said.tell(f"{name}: {public.keyid}\n{text}", keyid=public.keyid, key=value)


@keys_.command()
@click.argument("name")
@click.option("--scheme", default="ed25519", show_default=True, help="Kind of key in a file.")
@click.option("--place", default="asked", show_default=True, help=_PLACES)
@_by
@click.pass_obj
def create(said: Said, name: str, scheme: str, place: str, by: str) -> None:
    """Make a key; it signs nothing before a person or a role is given it.

    Example: warifu keys create approver-3
    """
    made = keys.create(_office(said, by), name, clock(), place=place, scheme=scheme)
    said.tell(f"{name}: {made.public.keyid}", name=name, keyid=made.public.keyid)


@keys_.command()
@click.argument("name")
@click.option("--to", default="", help=f"{_PLACES} By default like the former.")
@click.option("--compromised", is_flag=True, help="The former key was stolen: it never counts.")
@_by
@click.pass_obj
def rotate(said: Said, name: str, to: str, compromised: bool, by: str) -> None:
    """Replace a key everywhere; killed halfway, the same command finishes it.

    Example: warifu keys rotate timestamp
    """
    found = keys.rotate(_office(said, by), name, clock(), compromised=compromised, to=to)
    said.tell(
        f"{name}: {found.new.public.keyid}; the former key is {found.former.name}, "
        f"{found.former.state}; signed anew: {', '.join(found.signed) or 'nothing'}",
        name=name,
        keyid=found.new.public.keyid,
        former=found.former.public.keyid,
        state=found.former.state.value,
        signed=list(found.signed),
    )


@keys_.command()
@click.argument("name")
@click.option("--compromised", is_flag=True, help="It was stolen: it never counts.")
@_by
@click.pass_obj
def retire(said: Said, name: str, compromised: bool, by: str) -> None:
    """End a key that no role and no person uses any more.

    Example: warifu keys retire approver-3
    """
    ended = keys.retire(_office(said, by), name, clock(), compromised=compromised)
    said.tell(f"{name}: {ended.state}", name=name, state=ended.state.value)


@keys_.command()
@_by
@click.pass_obj
def renew(said: Said, by: str) -> None:
    """Sign root and policy again where they grow old or their keys changed.

    Example: warifu keys renew
    """
    signed = keys.renew(_office(said, by), clock())
    said.tell(f"signed anew: {', '.join(signed) or 'nothing'}", signed=list(signed))


@keys_.command()
@click.pass_obj
def expiring(said: Said) -> None:
    """The roles that run out, soonest first, and what to do.

    Example: warifu keys expiring
    """
    found = said.house().repository.expiring(clock())
    lines = [f"{one.role} {times.spell(one.expires)}: {one.needed}" for one in found]
    told = [{"role": one.role, "expires": times.spell(one.expires)} for one in found]
    said.tell("\n".join(lines) or "nothing expires soon", expiring=told)


@keys_.command("checklist")
@click.argument("case", type=click.Choice(list(checklists.CASES)))
@click.pass_obj
def checklist_(said: Said, case: str) -> None:
    """Print what to do, step by step.

    Example: warifu keys checklist lost
    """
    lines = checklists.checklist(case).lines(said.language)
    said.tell("\n".join(lines), case=case, lines=lines)


@click.group("people")
def people_() -> None:
    """Who signs: persons and machines come and go without stopping what is live.

    Example: warifu people list
    """


@people_.command("list")
@click.pass_obj
def people_list(said: Said) -> None:
    """Persons and machines with their roles and how many active keys they have.

    Example: warifu people list
    """
    office = _office(said)
    found = office.repository.current(office.product).people.people
    active = {one.id: sum(state is KeyState.ACTIVE for _, state in one.keys) for one in found}
    lines = [f"{one.id:24} {' '.join(sorted(one.roles)):12} {active[one.id]}" for one in found]
    told = [{"id": one.id, "roles": sorted(one.roles), "active": active[one.id]} for one in found]
    said.tell("\n".join(lines), people=told)


@people_.command()
@click.argument("who")
@click.option("--role", "roles", multiple=True, required=True, help="What they may sign.")
@click.option("--name", default="", help="What they are called; by default the id.")
@click.option("--key", default="", help="The name of their key; by default the id.")
@_by
@click.pass_obj
def join(said: Said, who: str, roles: tuple[str, ...], name: str, key: str, by: str) -> None:
    """Let a person sign; their key must be in the keyring.

    Example: warifu people join approver-3 --role approver
    """
    office = _office(said, by)
    public = office.keyring.public(key or who)
    person = Person(who, name or who, False, frozenset(roles), ((public, KeyState.ACTIVE),))
    signed = keys.join(office, person, clock())
    said.tell(f"{who} signs as {', '.join(roles)}.", person=who, signed=list(signed))


@people_.command()
@click.argument("who")
@_by
@click.pass_obj
def leave(said: Said, who: str, by: str) -> None:
    """A person signs nothing from now on; live routes are signed again by those who stay.

    Example: warifu people leave approver-2
    """
    signed = keys.leave(_office(said, by), who, clock())
    said.tell(f"{who} signs nothing any more.", person=who, signed=list(signed))


def _known(one: keys.Known) -> dict[str, object]:
    return {
        "keyid": one.keyid,
        "name": one.name,
        "person": one.person,
        "place": one.place,
        "roles": list(one.roles),
        "state": one.state,
        "trial": one.trial,
    }


VERBS = (keys_, people_)
