"""TUF metadata signed by the house's keys."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta

from securesystemslib.signer import Key, Signature
from tuf.api.metadata import Metadata, T
from tuf.api.serialization.json import JSONSerializer

from warifu.model.ports import Keyring, Signer
from warifu_wire.errors import Fault, Malformed, Refusal
from warifu_wire.keys import PublicKey, distinct
from warifu_wire.times import Instant


def tuf_key(public: PublicKey) -> Key:
    """A public key as TUF metadata carry it."""
    return Key.from_dict(public.keyid, dict(public.to_json()))


def signed(what: T, signers: Iterable[Signer]) -> bytes:
    """Metadata around `what` with one signature of each signer, as bytes to publish."""
    metadata = Metadata(what)
    covered = metadata.signed_bytes
    for one in signers:
        keyid = one.public.keyid
        metadata.signatures[keyid] = Signature(keyid, one.sign(covered).hex())
    return metadata.to_bytes(JSONSerializer(compact=True))


def expiry(now: Instant, life: timedelta) -> Instant:
    """When something signed now with that life ends; whole seconds."""
    return now.replace(microsecond=0) + life


def quorum(
    keyring: Keyring, role: str, keyids: Collection[str], threshold: int, first: Iterable[str] = ()
) -> Sequence[Signer]:
    """Enough signers of a role: keys of the keyring, under whatever name, that have these ids.

    Names in `first` are tried before others. Raises `Refusal` below the threshold.
    """
    named = [*first, *(one for one in keyring.names() if one not in set(first))]
    known = set(keyring.names())
    found: list[Signer] = []
    for name in named:
        if len(found) < threshold and name in known and keyring.public(name).keyid in keyids:
            with contextlib.suppress(Refusal, Fault):
                found.append(keyring.signer(name))
    if len(found) < threshold:
        raise Refusal(
            "keys-missing",
            needed=f"{threshold} usable keys of {role}",
            role=role,
            usable=len(found),
        )
    return found


def keys_of(keyring: Keyring, role: str, names: Iterable[str], threshold: int) -> list[PublicKey]:
    """The public keys of a role that the keyring knows, each a different one by its numbers."""
    known = set(keyring.names())
    found = [keyring.public(name) for name in names if name in known]
    if distinct(found) != len(found) or len(found) < threshold:
        raise Malformed("keys-not-distinct", needed=f"{threshold} different keys", role=role)
    return found
