"""The town of the story: provider, authority, hosts, members' machines. All of it is real."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from warifu.app import config as configs
from warifu.app import founding, notices, probing, recall, road
from warifu.app.circles import Circles
from warifu.app.wiring import ROOT, House
from warifu.model.approval import Change
from warifu.model.routing import Fleet
from warifu.model.verification import Verified
from warifu_ca import export as issuance
from warifu_ca import founding as authorities
from warifu_ca import letters
from warifu_ca.authority import Authority
from warifu_ca.names import Holder
from warifu_replay import hosts, probe, running, source
from warifu_replay.hosts import Edition
from warifu_replay.member import Member
from warifu_replay.sample import PDF, XML
from warifu_replay.source import Lines, Story
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest
from warifu_wire.errors import Fault
from warifu_wire.keys import public_key
from warifu_wire.manifest import Kind
from warifu_wire.routes import Known

Told = Callable[[str], None]
AUTHORITY, SOURCE = "authority", "source"
"""The folders of the authority, and of the program's repository, in a town."""
APPROVERS = ("approver-1", "approver-2")
ONCALL = "oncall-1"
CA_PASSPHRASE = "authority-passphrase"  # noqa: S105 - of a trial authority
PATIENCE = 240.0
SIDE_BY_SIDE = 2


@dataclass(frozen=True, slots=True)
class Seat:
    """A place in town: which host a member runs, and whether they volunteered to be first."""

    host: Edition
    volunteer: bool = True


@dataclass(slots=True)
class Town:
    """Everything a story acts on; `told` gets one line for each thing that was proved."""

    folder: Path
    story: Story
    lines: Lines
    house: House
    authority: Authority
    authority_address: str
    hosts: dict[Edition, Path]
    told: Told
    fleet: Fleet
    members: list[Member] = field(default_factory=list)

    @property
    def root_pem(self) -> Path:
        """The authority's root, for verifiers that are not ours."""
        return self.folder / "samples" / "root.pem"

    def production_host(self, edition: Edition) -> None:
        """Put a host into production: the probe's machine runs it from now on."""
        place = self.folder / "production-host"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.hosts[edition], place)

    def compose(self, kind: Kind) -> Verified:
        """Compose and verify one program from the commit that warifu.toml approves."""
        self.read_config()
        made = road.compose(self.house, kind, now())
        self.told(f"composed {kind} {made.id[:12]}: {len(made.manifest.members)} files, two builds")
        checked = road.verify(self.house, kind, now())
        self.told(f"verified {kind} {made.id[:12]}: the suite passed on these very bytes")
        return checked

    def propose(self, programs: list[Digest], lift: tuple[Digest, ...] = ()) -> Change:
        """Open a change with these releases; our own machine first, then the volunteers."""
        circles = self.circles()
        entries = self.house.repository.current(self.house.product).stops.entries
        stops = [one for one in entries if one.release in lift]
        return road.propose(
            self.house, programs, now(), circles=circles, fleet=self.fleet, lift=stops
        )

    def circles(self) -> Circles:
        """Our probing machine, and the members who volunteered."""
        own = probing.own_machine(self.house, now())
        return Circles((own,), tuple(one.installation for one in self.members if one.volunteer))

    def sign(self) -> None:
        """Both approvers sign the open proposal."""
        proposed = recall.proposal(self.house)
        _, page = road.page(self.house, proposed, "ja")
        done = [road.sign(self.house, proposed, page, one, now()) for one in APPROVERS][-1]
        self.told(f"signed by {' and '.join(done.signed)}: programs, routes and stages as one")

    def publish(self) -> None:
        """Publish the open, signed proposal."""
        why_not = road.publish(self.house, now())
        if why_not:
            raise Fault(f"not published: {why_not}", needed="the server of the story")
        self.told("published, and fetched back from the public address")

    def read_config(self) -> None:
        """Take up what warifu.toml says now."""
        config = configs.load(self.lines.folder / configs.NAME)
        self.house = replace(self.house, config=config)

    def waited(self, kind: str, subject: str | None = None, after: int = 0) -> None:
        """Wait for the worker to bring an event about; raises `Fault` when it does not."""
        end = time.monotonic() + PATIENCE
        while next(self.house.ledger.events(kind=kind, subject=subject, after=after), None) is None:
            if time.monotonic() > end:
                log = (self.folder / "server.log").read_text()[-800:]
                raise Fault(f"no {kind} of {subject or 'anything'}: {log}", needed="the worker")
            time.sleep(0.2)

    def offered(self) -> list[str]:
        """The members whose machines are offered something now."""
        found: list[str] = []

        def asked(one: Member) -> None:
            if one.update("check").facts.get("end") == "offered":
                found.append(one.number)

        each(self.members, asked)
        return sorted(found)

    def first(self, kind: str, after: int) -> datetime:
        """When the first event of a kind came after one that had this number."""
        return next(self.house.ledger.events(kind=kind, after=after)).at

    def join(self, *seats: Seat) -> None:
        """Members with a host, Ver1.00 installed by hand, an updater and a certificate."""
        joined = [self._seated(number, seat) for number, seat in enumerate(seats, 1)]
        root = self.house.config.service.state / ROOT
        address, product = self.house.config.service.address, self.house.product
        each(joined, lambda one: one.set_up(address, root, product))
        sealed = {}
        for one in joined:
            self.house.traffic.confirm(one.installation, one.number, now())
            holder = Holder(one.number, f"会員 {one.number}", f"MEMBER {one.number}")
            sealed[one.number] = letters.write(self.authority, holder)
        each(
            joined,
            lambda one: one.fetch_certificate(
                self.authority_address, sealed[one.number].reference, sealed[one.number].pin
            ),
        )
        self.members += joined

    def _seated(self, number: int, seat: Seat) -> Member:
        name = f"{number:04d}"
        home = self.folder / "members" / name
        program = source.released_tree(self.lines, self.lines.released, home / "program")
        return Member(name, home, self.hosts[seat.host], program, seat.volunteer)


def each(members: Sequence[Member], act: Callable[[Member], None]) -> None:
    """Let members act side by side, as they do; the first failure is everybody's."""
    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
        list(pool.map(act, members))


def read_directory(town: Town) -> int:
    """Take the authority's signed export into the member directory; how many certificates."""
    certificate = town.authority.certificates["export"]
    pem = certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    value: dict[str, Json] = {
        "keytype": "ecdsa",
        "scheme": "ecdsa-sha2-nistp256",
        "keyval": {"public": pem.decode()},
    }
    key = public_key("authority-export", value)
    event = notices.read_export(town.house, issuance.export(town.authority), key, now())
    return int(str(event.facts["issued"]))


def now() -> datetime:
    """The time now, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def found(folder: Path, story: Story, told: Told, stack: ExitStack, ports: tuple[int, int]) -> Town:
    """Build the town: repository, authority, hosts, house, and the two servers on these ports."""
    lines = source.lay(folder / SOURCE, story)
    told(f"the tool's git repository: released, approved, next (planned {story.planned})")
    address, ca_address = (f"http://127.0.0.1:{port}" for port in ports)
    ca_folder = folder / AUTHORITY
    authority = authorities.found(
        ca_folder, CA_PASSPHRASE, url=ca_address, name="Example Authority", name_ja="模擬認証局",
        tokens={}, kinds=authorities.KINDS,
    )  # fmt: skip
    stack.enter_context(authority_at(ca_folder, ca_address))
    _samples(folder / "samples", ca_address)
    trees = {edition: hosts.lay(folder / "hosts" / edition, edition) for edition in Edition}
    production = folder / "production-host"
    service = f'[service]\nstate = "{folder / "state"}"\naddress = "{address}"\n\n'
    rollout = f"[rollout]\nmembers = {story.members}\nstages = []\nfinished = []\nsoak = 1\n\n"
    uses = probe.tables(production, ca_folder, CA_PASSPHRASE, ca_address, folder / "samples")
    former = replace(lines, approved=lines.released)
    tables = service + rollout + uses
    source.describe(lines.folder, story, former, lines.released, story.first, service=tables)
    house = founding.init(lines.folder, founding.Given(), now(), lambda _: None)
    told(f"the house of {house.product}: trial keys of every role, first signed tree")
    old = road.compose(house, Kind.INSTALL, now())
    told(f"Ver1.00, as members installed it by hand: {old.id[:12]}")
    source.describe(lines.folder, story, lines, lines.approved, story.edition)
    fleet = Fleet((Known(old.id, 1, "Ver1.00"),))
    town = Town(folder, story, lines, house, authority, ca_address, trees, told, fleet)
    town.production_host(Edition.TODAY)
    program = source.released_tree(lines, lines.released, folder / "by-hand")
    probing.installed_by_hand(house, old.id, program)
    words = ("warifu.cli", "-C", str(lines.folder), "serve")
    stack.enter_context(
        running.server(words, f"{address}/metadata/timestamp.json", folder / "server.log")
    )
    told(f"the public address {address}, and the authority {ca_address}")
    return town


def authority_at(folder: Path, address: str) -> AbstractContextManager[None]:
    """The authority of that folder, answering at an address while it is entered."""
    port = address.rpartition(":")[2]
    words = ("warifu_ca", "serve", str(folder), "--port", port, "--passphrase-fd", "0")
    given = CA_PASSPHRASE.encode()
    return running.server(words, address, folder.parent / "authority.log", given)


def _samples(folder: Path, authority: str) -> None:
    folder.mkdir()
    (folder / "sample.xml").write_bytes(XML)
    (folder / "sample.pdf").write_bytes(PDF)
    with running.answer(f"{authority}/root.cer") as answer:
        root = x509.load_der_x509_certificate(answer.read())
    (folder / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
