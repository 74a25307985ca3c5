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
from warifu_wire import atomic, enrolment
from warifu_wire.canonical import Json
from warifu_wire.errors import Fault, Malformed, Refusal
from warifu_wire.keys import PublicKey, public_key
from warifu_wire.pseudonym import pseudonym

PRIVATE = 0o600
DONE, FAULTY = 200, 500


def installation(machine: Machine) -> str:
    """The installation's id, asked for once; raises `Fault` while nobody can be asked.

    Ids come from the provider: one made here could be ground for an early place in a ramp.
    """
    found = known(machine)
    if not found:
        found = _enrolled(machine)
        atomic.write(machine.layout.installation, found.encode("ascii"))
        machine.reached("enrolled")
    return found


def renewed(machine: Machine) -> str:
    """Another key and another id, where this one is not this machine's alone; raises `Fault`.

    The key first: were it ended in between, the reports signed by it are refused, and it is asked
    for again.
    """
    _made(machine)
    machine.layout.installation.unlink(missing_ok=True)
    machine.reached("renamed")
    return installation(machine)


def known(machine: Machine) -> str:
    """The installation's id if it has one already, else ""; asks nobody."""
    try:
        return machine.layout.installation.read_text("ascii")
    except FileNotFoundError:
        return ""


def today(machine: Machine) -> str:
    """What this machine calls itself to file servers today; "" before it has an id.

    Only the provider, who gave the id, can tell whose name it is, and only for the day.
    """
    found = known(machine)
    return pseudonym(found, machine.means.clock().wall) if found else ""


def key(machine: Machine) -> Ed25519PrivateKey:
    """The installation's private key, made when there is none; raises `Malformed` for damage."""
    path = machine.layout.key
    try:
        found = load_pem_private_key(path.read_bytes(), None)
    except FileNotFoundError:
        return _made(machine)
    except ValueError as error:
        raise Malformed("key-damaged", needed="to be enrolled again", path=path) from error
    if isinstance(found, Ed25519PrivateKey):
        return found
    raise Malformed("key-damaged", needed="an Ed25519 key", path=path)


def public(machine: Machine) -> PublicKey:
    """The installation's public key."""
    raw = key(machine).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    value: Json = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": raw.hex()}}
    return public_key("installation", value)


def _made(machine: Machine) -> Ed25519PrivateKey:
    made = Ed25519PrivateKey.generate()
    pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    atomic.write(machine.layout.key, pem, mode=PRIVATE)
    return made


def _enrolled(machine: Machine) -> str:
    asked = enrolment.Asked(public(machine), machine.settings.product)
    address = f"{machine.settings.address.rstrip('/')}/enrol"
    reply = machine.means.transport.post(address, asked.to_bytes())
    body = b"".join(reply.chunks)
    if reply.status >= FAULTY:
        raise Fault(f"no answer from {address} ({reply.status})", needed="a later try")
    if reply.status != DONE:
        raise Refusal("not-enrolled", needed="an installation id", status=reply.status)
    found = enrolment.read_answer(body)
    if not found or not found.isascii():
        raise Malformed("not-enrolled", needed="an installation id")
    return found
