"""TUF metadata signed by the house's keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from securesystemslib.signer import Key, Signature
from tuf.api.metadata import Metadata, T
from tuf.api.serialization.json import JSONSerializer

from warifu.model.ports import Keyring, Signer
from warifu_wire.errors import Malformed, Refusal
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


def quorum(keyring: Keyring, role: str, names: Iterable[str], threshold: int) -> Sequence[Signer]:
    """Signers of a role among those the keyring can use now; raises `Refusal` below threshold."""
    known = set(keyring.names())
    found: list[Signer] = []
    for name in names:
        if name in known and len(found) < threshold:
            try:
                found.append(keyring.signer(name))
            except Refusal:
                continue
    if len(found) < threshold:
        raise Refusal(
            "keys-missing",
            needed=f"{threshold} usable keys of {', '.join(names)}",
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
