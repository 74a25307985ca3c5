"""The wiring: one product's house, with its engines chosen by what warifu.toml says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from warifu.app.config import Config
from warifu.app.reactions import Reacting
from warifu.engines.attest.entries import Kind
from warifu.engines.attest.keyring import FolderKeyring
from warifu.engines.attest.statements import FolderStatements
from warifu.engines.depot.folder import FolderDepot
from warifu.engines.ledger.store import DatabaseLedger
from warifu.engines.probe.origin import PublicOrigin
from warifu.engines.targets.layout import Lives
from warifu.engines.targets.repository import TufRepository
from warifu.engines.targets.store import FolderStore, Store
from warifu.engines.traffic.store import SqliteTraffic
from warifu.engines.traffic.weblog import WebLog
from warifu.model import people
from warifu.model.ports import Depot, Ledger, Origin, Repository, Shelf, Statements
from warifu.model.ports_watch import Downloads, Traffic
from warifu_wire import atomic
from warifu_wire.errors import Fault, Refusal

ROOT = "root.json"
BUCKET = "s3:"
Ask = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class House:
    """Everything the verbs are given; `root` is the first root as members' updaters embed it."""

    config: Config
    ledger: Ledger
    depot: Depot
    statements: Statements
    keyring: FolderKeyring
    repository: Repository
    traffic: Traffic
    downloads: Downloads
    root: bytes

    @property
    def product(self) -> str:
        """The product's name."""
        return self.config.program.product

    @property
    def origin(self) -> Origin:
        """The public address."""
        return PublicOrigin(self.config.service.address, self.root)

    @property
    def log(self) -> Path:
        """Where the web server, ours or nginx, writes its download log."""
        return self.config.service.state / "downloads.log"

    @property
    def public(self) -> Path:
        """The folder that is served, where the tree lies in one."""
        return Path(self.config.service.public)

    @property
    def trial(self) -> bool:
        """Whether any key is a trial key: then nothing is served beyond this machine."""
        return any(one.trial for one in self.keyring.entries().values())


def clock() -> datetime:
    """The time now, UTC, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def nobody(name: str) -> str:
    """No one is there to be asked for a passphrase."""
    raise Refusal("passphrase-needed", needed=f"the passphrase of {name}", key=name)


def found(config: Config, now: datetime, told: Callable[[str], None]) -> House:
    """Found a product's house: trial keys for everybody, the first tree, an empty ledger.

    Repeating it after a kill finishes it; raises `Refusal` when it is finished already.
    """
    state = config.service.state
    if (state / ROOT).exists():
        raise Refusal("already-founded", needed="another product or state folder", folder=state)
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Fault(f"cannot make {state}: {error.strerror}", needed="write access") from error
    keyring = FolderKeyring(state / "keys")
    everybody = people.persons(config.policy.approvals)
    names = people.key_names(everybody)
    for number, name in enumerate(names, 1):
        if name not in keyring.names():
            keyring.create(name, now=now, kind=Kind.TRIAL)
        told(f"key {number} of {len(names)}: {name}")
    policy = config.policy
    repository = _repository(config, keyring)
    repository.create(
        people.rules(policy.approvals, policy.lease, policy.offline),
        people.everybody(everybody, keyring.public),
        [config.program.product],
        now,
    )
    root = tree_store(config).read("metadata/1.root.json")
    if root is None:
        raise Fault("the first root is not where it was written", needed="the published tree")
    atomic.write(state / ROOT, root)
    return open_house(config)


def open_house(config: Config, ask: Ask = nobody) -> House:
    """The house as it stands; raises `Refusal` when it was never founded."""
    state = config.service.state
    try:
        root = (state / ROOT).read_bytes()
    except FileNotFoundError as error:
        raise Refusal("not-founded", needed="`warifu init` first", folder=state) from error
    depot = _depot(config.service.store)
    keyring = FolderKeyring(state / "keys", ask=ask)
    return House(
        config,
        Reacting(DatabaseLedger(config.service.ledger)),
        depot,
        FolderStatements(state / "statements"),
        keyring,
        _repository(config, keyring),
        SqliteTraffic(state / "traffic.sqlite"),
        WebLog(state / "traffic.sqlite"),
        root,
    )


def _depot(store: str) -> Depot:
    """A folder, or a bucket by its address; the bucket's library is loaded only then."""
    if store.startswith(BUCKET):
        from warifu.engines.depot.bucket import BucketDepot

        return BucketDepot(store)
    return FolderDepot(Path(store))


def _repository(config: Config, keyring: FolderKeyring) -> Repository:
    lives = Lives(timestamp=timedelta(seconds=config.policy.lease))
    return TufRepository(tree_store(config), keyring, lives)


def tree_store(config: Config) -> Store:
    """Where the published tree is written: a folder, or a bucket that many signers may share."""
    if config.service.public.startswith(BUCKET):
        from warifu.engines.depot.bucket import opened
        from warifu.engines.targets.bucket import BucketStore

        return BucketStore(opened(config.service.public))
    return FolderStore(Path(config.service.public))


def shelf(config: Config) -> Shelf | None:
    """The tree in a bucket, for the web server to read; None for a folder: it reads that itself."""
    if not config.service.public.startswith(BUCKET):
        return None
    from warifu.engines.depot.bucket import opened
    from warifu.engines.targets.bucket import BucketShelf

    return BucketShelf(opened(config.service.public))
