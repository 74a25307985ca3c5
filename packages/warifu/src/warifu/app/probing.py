"""The box for one release: a machine of our own, in the state whose members would be offered it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from warifu.app.house import House
from warifu.engines.build.workfolder import spread
from warifu.engines.probe.box import MachineBox
from warifu.engines.probe.origin import PublicOrigin
from warifu.engines.probe.recipe import Step
from warifu.model import archive
from warifu.model.composition import recall
from warifu_wire import atomic
from warifu_wire.digest import Digest
from warifu_wire.errors import Malformed
from warifu_wire.times import Instant

_UPDATER = ("{python}", "-m", "warifu_client.cli")
_AT = ("--folder", "{folder}/machine", "--json")


def own_machine(house: House, now: Instant) -> str:
    """The installation id of our probing machine; its key is made at the first call."""
    path = identity(house)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = Ed25519PrivateKey.generate()
        pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        atomic.write(path, pem, mode=0o600)
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise Malformed("key-damaged", needed="an Ed25519 key", path=path)
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return house.traffic.enrol(
        {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": raw.hex()}}, now
    )


def identity(house: House) -> Path:
    """Where the probing machine's key lies."""
    return house.config.service.state / "probe" / "key.pem"


@contextmanager
def box(house: House, release: Digest) -> Iterator[MachineBox]:
    """The box, with the tree that members of this release's route have now laid beside it."""
    with TemporaryDirectory(prefix="warifu-before-") as name:
        before = _before(house, release, Path(name, "program"))
        known = {
            "before": before,
            "host": house.config.probing.host,
            "identity": str(identity(house)),
            "source": str(house.config.root),
            "state": str(house.config.service.state),
        }
        origin = PublicOrigin(house.config.service.address, house.root)
        yield MachineBox(origin, steps(house), known)


def steps(house: House) -> tuple[Step, ...]:
    """Install, start, and then whatever `[probe.use]` of warifu.toml declares as the usual work."""
    given = ("--address", "{address}", "--root", "{root}", "--product", "{product}")
    before = ("--legacy", "{before}", "--host", "{host}")
    installed = {"release": "{release}"}
    return (
        Step("init", (*_UPDATER, "init", *given, *before, *_AT)),
        Step("identity", ("cp", "{identity}", "{folder}/machine/key.pem")),
        Step("install", (*_UPDATER, "apply", *_AT), seconds=300, expects=installed),
        Step(
            "start", (*_UPDATER, "status", "--start", *_AT), seconds=120, expects={"health": "ok"}
        ),
        *(
            Step(one.name, one.run, one.seconds, proves=one.proves)
            for one in house.config.probing.uses
        ),
    )


def _before(house: House, release: Digest, folder: Path) -> str:
    """The tree of a release that is routed to this one, as somebody installed it by hand."""
    road = house.repository.current(house.product).road
    routes = () if road is None else road.routes
    for route in routes:
        if route.offer == release and route.installed not in (None, release):
            for event in house.ledger.events(kind="composition.made", subject=route.installed):
                made = recall(event.facts, house.depot, house.statements)
                folder.mkdir()
                spread(archive.read(house.depot.get(made.artifact)), folder)
                return str(folder)
    return ""
