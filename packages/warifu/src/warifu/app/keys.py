"""The life of keys and of who may sign: made, rotated, retired, compromised; people come and go.

A rotation has two halves: the keyring has a new key, and the published tree believes it. Whoever
is killed between them calls the same again and it is finished; nothing is rotated twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from warifu.engines.attest import hsm, kms
from warifu.engines.attest.entries import FORMER, Entry, State
from warifu.engines.attest.keyring import FolderKeyring, file_kind
from warifu.model.ledger import Draft
from warifu.model.people import TUF_KEYS
from warifu.model.ports import Ledger, Repository
from warifu.model.publication import Current
from warifu_wire.canonical import Json
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Fault, Refusal
from warifu_wire.keys import PublicKey
from warifu_wire.policy import KeyState, People, Person, people


@dataclass(frozen=True, slots=True)
class Office:
    """What the operations on keys need of a house; `by` is who does them."""

    ledger: Ledger
    keyring: FolderKeyring
    repository: Repository
    product: str
    by: str


@dataclass(frozen=True, slots=True)
class Known:
    """A key as it is listed: whose it is ("" for a role of the tree), and where it lives."""

    name: str
    keyid: str
    state: str
    trial: bool
    place: str
    person: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rotated:
    """The key that signs from now on, the one that does not, and the roles signed anew."""

    new: Entry
    former: Entry
    signed: tuple[str, ...]


def listed(office: Office) -> tuple[Known, ...]:
    """Every key of the keyring, by name."""
    owners = {
        key.keyid: one for one in _current(office).people.people for key, _ in one.keys
    }  # fmt: skip
    return tuple(
        Known(
            name,
            entry.public.keyid,
            entry.state.value,
            entry.trial,
            entry.uri.partition(":")[0],
            owners[entry.public.keyid].id if entry.public.keyid in owners else "",
            tuple(sorted(owners[entry.public.keyid].roles)) if entry.public.keyid in owners else (),
        )
        for name, entry in sorted(office.keyring.entries().items())
    )


def create(
    office: Office, name: str, now: datetime, *, place: str = "asked", scheme: str = "ed25519"
) -> Entry:
    """Make a key, in a file ("asked", "kept") or at a `hsm:` URI; or enter one that a cloud key
    store has made. It signs nothing yet."""
    if place.startswith(f"{hsm.SCHEME}:"):
        made = office.keyring.create_in_token(name, hsm.slot(place), now=now)
    elif kms.holds(place):
        made = office.keyring.enter(name, place, now=now)
    else:
        made = office.keyring.create(name, now=now, kind=file_kind(place), scheme=scheme)
    _tell(office, "key.created", made.public, {"name": name, "place": _place(made)}, now)
    return made


def rotate(
    office: Office, name: str, now: datetime, *, compromised: bool = False, to: str = ""
) -> Rotated:
    """A new key under the name, believed by the tree; the former one is retired or compromised.

    `to` is where it is made: "" like the former, "asked" or "kept" in a file, a `hsm:` URI, or the
    URI of a key that a cloud key store has made.
    Raises `Refusal` when too few keys can sign the change; then both still sign, and the same
    call finishes it once they can.
    """
    former = _unfinished(office.keyring, name)
    if former is None:
        former, _ = office.keyring.rotate(name, now=now, to=to)
    new = office.keyring.entry(name)
    state, known = State.RETIRED, KeyState.RETIRED
    if compromised:
        state, known = State.COMPROMISED, KeyState.COMPROMISED
    everybody = _replaced(_current(office).people, former.public, new.public, known)
    signed = _believed(office, everybody, now)
    facts: dict[str, Json] = {"former": former.public.keyid, "name": name, "state": state.value}
    _tell(office, "key.rotated", new.public, facts, now)
    return Rotated(new, office.keyring.become(former.name, state), signed)


def retire(office: Office, name: str, now: datetime, *, compromised: bool = False) -> Entry:
    """A key that nobody uses signs nothing from now on; raises `Refusal` for one in use."""
    entry = office.keyring.entry(name)
    owners = [
        one.id
        for one in _current(office).people.people
        if (entry.public.keyid, KeyState.ACTIVE) in {(key.keyid, had) for key, had in one.keys}
    ]
    if owners or (name in TUF_KEYS and entry.state is State.ACTIVE):
        needed = f"`warifu keys rotate {name}`, or `warifu people leave`"
        raise Refusal("key-in-use", needed=needed, name=name, by=", ".join(owners) or "the tree")
    state = State.COMPROMISED if compromised else State.RETIRED
    ended = office.keyring.become(name, state)
    _tell(office, f"key.{state.value}", entry.public, {"name": name}, now)
    return ended


def join(office: Office, person: Person, now: datetime) -> tuple[str, ...]:
    """One more person or machine, or new roles and keys of a known one; the roles signed anew."""
    current = _current(office).people
    others = [one for one in current.people if one.id != person.id]
    signed = _believed(office, people(*others, person), now)
    _policy(office, person.id, {"joined": person.id, "roles": _sorted(person.roles)}, now)
    return signed


def leave(office: Office, who: str, now: datetime) -> tuple[str, ...]:
    """A person signs nothing from now on; what they signed in time stays good as evidence.

    Live routes are signed again by those who stay, in the same snapshot; raises `SignoffMissing`
    when they are too few, and then nothing has changed.
    """
    current = _current(office).people
    found = next((one for one in current.people if one.id == who), None)
    if found is None:
        raise Refusal("unknown-person", needed="a person of the policy", person=who)
    gone = replace(found, keys=tuple((key, _retired(state)) for key, state in found.keys))
    signed = _believed(
        office, People(tuple(gone if one == found else one for one in current.people)), now
    )
    mine = {key.keyid for key, _ in gone.keys}
    for name, entry in office.keyring.entries().items():
        if entry.public.keyid in mine and entry.state is State.ACTIVE:
            office.keyring.become(name, State.RETIRED)
    _policy(office, who, {"left": who, "roles": _sorted(found.roles)}, now)
    return signed


def renew(office: Office, now: datetime) -> tuple[str, ...]:
    """Sign the offline roles again where they grow old or keys changed; the roles signed."""
    signed = office.repository.reseal(now)
    if signed:
        _policy(office, office.product, {"signed": list[Json](signed)}, now)
    return signed


def _believed(office: Office, everybody: People, now: datetime) -> tuple[str, ...]:
    """Publish these people, with live routes signed again, and the keys the keyring has now."""
    current = _current(office)
    signed: tuple[str, ...] = ()
    if everybody != current.people:
        again = [] if current.routes is None else [_again(office.keyring, current, everybody)]
        office.repository.policy(current.rules, everybody, now, again)
        signed = ("targets", "releases") if again else ("targets",)
    return tuple(sorted({*signed, *office.repository.reseal(now)}))


def _again(keyring: FolderKeyring, current: Current, everybody: People) -> Envelope:
    """The live routes with signatures of approvers whose keys are here, as many as are needed."""
    envelope = current.routes
    if envelope is None:
        raise Refusal("nothing-published", needed="published routes")
    needed = current.rules.thresholds["approver"]
    names = {entry.public.keyid: name for name, entry in keyring.entries().items()}
    for one in everybody.people:
        if len(everybody.signed(envelope, "approver")) >= needed:
            break
        if "approver" in one.roles:
            envelope = _signed(envelope, keyring, _active(one, names))
    return envelope


def _signed(envelope: Envelope, keyring: FolderKeyring, names: Iterable[str]) -> Envelope:
    """The envelope signed by the first of these keys that can; a lost one is no signature."""
    for name in names:
        try:
            signer = keyring.signer(name)
        except (Refusal, Fault):
            continue
        return envelope.signed(signer.public.keyid, signer.sign)
    return envelope


def _active(person: Person, names: dict[str, str]) -> list[str]:
    return [
        names[key.keyid]
        for key, state in person.keys
        if state is KeyState.ACTIVE and key.keyid in names
    ]


def _replaced(current: People, former: PublicKey, new: PublicKey, known: KeyState) -> People:
    """The people with a new key beside the former one, wherever somebody has that."""

    def keys(one: Person) -> tuple[tuple[PublicKey, KeyState], ...]:
        if former.keyid not in {key.keyid for key, _ in one.keys}:
            return one.keys
        kept = tuple(
            (key, known if key.keyid == former.keyid else state)
            for key, state in one.keys
            if key.keyid != new.keyid
        )
        return (*kept, (new, KeyState.ACTIVE))

    return people(*(replace(one, keys=keys(one)) for one in current.people))


def _unfinished(keyring: FolderKeyring, name: str) -> Entry | None:
    """The former key of a rotation that was not finished."""
    for other, entry in sorted(keyring.entries().items(), reverse=True):
        if other.partition(FORMER)[0] == name and other != name and entry.state is State.ACTIVE:
            return entry
    return None


def _retired(state: KeyState) -> KeyState:
    return KeyState.RETIRED if state is KeyState.ACTIVE else state


def _current(office: Office) -> Current:
    return office.repository.current(office.product)


def _place(entry: Entry) -> str:
    return entry.uri.partition(":")[0]


def _sorted(names: Iterable[str]) -> list[Json]:
    return list[Json](sorted(names))


def _policy(office: Office, subject: str, facts: dict[str, Json], now: datetime) -> None:
    versions = _current(office).versions
    key = f"policy.changed/{versions['root']}.{versions['targets']}/{subject}"
    office.ledger.append(Draft("policy.changed", subject, now, office.by, facts, key=key))


def _tell(office: Office, kind: str, key: PublicKey, facts: dict[str, Json], now: datetime) -> None:
    office.ledger.append(
        Draft(kind, key.keyid, now, office.by, facts, key=f"{kind}/{key.keyid}")
    )  # fmt: skip
