"""The keyring file: which keys there are, where their private halves live, and what became of them.

A trial key says so in its key id, so every signature and every page made with it says so too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from warifu_wire import canonical, times
from warifu_wire.canonical import Json
from warifu_wire.errors import Malformed, Refusal
from warifu_wire.keys import PublicKey, public_key

TYPE = "urn:warifu:keyring:v1"
TRIAL = "trial-"
FORMER = "-was-"
"""Between a key's name and a number: a former key of that name."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


class State(StrEnum):
    """Only an active key signs; the others stay listed, because old statements name them."""

    ACTIVE = "active"
    RETIRED = "retired"
    COMPROMISED = "compromised"


class Kind(StrEnum):
    """How a key file is opened: a person is asked, or a file of mode 600 beside it is read."""

    ASKED = "asked"
    KEPT = "kept"
    TRIAL = "trial"


@dataclass(frozen=True, slots=True)
class Entry:
    """A named key: `uri` says where the private half is, `secret` names the file beside the
    keyring that opens it ("" asks a person), `made` is when it was entered."""

    name: str
    uri: str
    public: PublicKey
    made: datetime
    state: State = State.ACTIVE
    secret: str = ""

    @property
    def trial(self) -> bool:
        """Whether this key was made for trial and must never guard anything true."""
        return self.public.keyid.startswith(TRIAL)

    @property
    def kind(self) -> Kind:
        """How the key is opened."""
        if self.trial:
            return Kind.TRIAL
        return Kind.KEPT if self.secret else Kind.ASKED

    def to_json(self) -> dict[str, Json]:
        """The entry as the keyring file holds it, without its name."""
        return {
            "keyid": self.public.keyid,
            "made": times.spell(self.made),
            "public": self.public.to_json(),
            "secret": self.secret,
            "state": self.state.value,
            "uri": self.uri,
        }


def spell(entries: Mapping[str, Entry]) -> bytes:
    """The keyring file."""
    keys: dict[str, Json] = {name: entry.to_json() for name, entry in entries.items()}
    return canonical.dumps({"keys": keys, "type": TYPE})


def read(data: bytes) -> dict[str, Entry]:
    """The entries of a keyring file; raises `Malformed`."""
    match canonical.loads(data):
        case {"type": kind, "keys": dict(keys)} if kind == TYPE:
            return {name: _entry(name, value) for name, value in keys.items()}
    raise Malformed("not-a-keyring", needed="a warifu keyring v1")


def named(name: str) -> str:
    """`name` if a key may be called so; raises `Refusal`."""
    if _NAME.fullmatch(name):
        return name
    raise Refusal("bad-key-name", needed="lower-case letters, digits and hyphens", name=name)


def _entry(name: str, value: Json) -> Entry:
    match value:
        case {
            "keyid": str(keyid),
            "made": made,
            "public": public,
            "secret": str(secret),
            "state": str(state),
            "uri": str(uri),
            **rest,
        } if not rest and state in set(State) and "/" not in secret:
            key = public_key(keyid, public)
            return Entry(named(name), uri, key, times.read(made), State(state), secret)
    raise Malformed("not-a-key-entry", needed="keyid, made, public, secret, state and uri")
