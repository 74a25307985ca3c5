"""Who this installation is: a key made here, and an id given by the provider for it."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from warifu_client.machine import Machine
from warifu_wire import atomic, canonical
from warifu_wire.canonical import Json
from warifu_wire.errors import Fault, Malformed, Refusal
from warifu_wire.fields import text

ENROL_TYPE = "urn:warifu:enrol:v1"
PRIVATE = 0o600
DONE = frozenset({200, 201})


def installation(machine: Machine) -> str:
    """The installation's id, asked for once; raises `Fault` while nobody can be asked.

    Ids come from the provider: one made here could be ground for an early place in a ramp.
    """
    try:
        found = machine.layout.installation.read_text("ascii")
    except FileNotFoundError:
        found = _enrolled(machine)
        atomic.write(machine.layout.installation, found.encode("ascii"))
        machine.reached("enrolled")
    return found


def key(machine: Machine) -> Ed25519PrivateKey:
    """The installation's private key, made when there is none; raises `Malformed` for damage."""
    path = machine.layout.key
    try:
        found = load_pem_private_key(path.read_bytes(), None)
    except FileNotFoundError:
        made = Ed25519PrivateKey.generate()
        pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        atomic.write(path, pem, mode=PRIVATE)
        return made
    except ValueError as error:
        raise Malformed("key-damaged", needed="to be enrolled again", path=path) from error
    if isinstance(found, Ed25519PrivateKey):
        return found
    raise Malformed("key-damaged", needed="an Ed25519 key", path=path)


def public(machine: Machine) -> dict[str, Json]:
    """The installation's public key as a TUF key object."""
    raw = key(machine).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": raw.hex()}}


def _enrolled(machine: Machine) -> str:
    asked: dict[str, Json] = {
        "key": public(machine),
        "product": machine.settings.product,
        "type": ENROL_TYPE,
    }
    address = f"{machine.settings.address.rstrip('/')}/enrol"
    reply = machine.means.transport.post(address, canonical.dumps(asked))
    body = b"".join(reply.chunks)
    if reply.status >= 500:
        raise Fault(f"{address} answered {reply.status}", needed="a later try")
    if reply.status not in DONE:
        raise Refusal("not-enrolled", needed="an installation id", status=reply.status)
    match canonical.loads(body):
        case {"installation": str(found), **rest} if found.isascii() and found and not rest:
            return text(found)
    raise Malformed("not-enrolled", needed="an installation id")
