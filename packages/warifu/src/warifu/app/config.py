"""`warifu.toml`: what the program is, and where the service keeps things. Nothing is required."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from warifu.model.brakes import Brakes, Calendar, Desk
from warifu.model.feed import Client, Feed
from warifu.model.program import PARTS, Program, program
from warifu.model.rollout import Pace
from warifu.model.table import Table
from warifu_wire.errors import Fault, Malformed, Refusal

NAME = "warifu.toml"
TABLES = PARTS | {"service", "rollout", "routes", "policy", "probe", "keep", "feeds"}


@dataclass(frozen=True, slots=True)
class Places:
    """Where the service keeps things: `ledger` a path or DSN, `store` and `public` (the published
    tree) each a folder or an S3 URL.

    `address` is the public address members know.
    """

    state: Path
    address: str
    ledger: str
    store: str
    public: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """The stages members are offered a release in, by count; `soak` in seconds between them.

    `volunteers` is how many of those who said yes are served first; `pace` is what is known of the
    fleet, `brakes` the further gates before a stage opens.
    """

    members: int
    volunteers: int
    stages: tuple[int, ...]
    finished: tuple[int, ...]
    soak: int
    pace: Pace
    brakes: Brakes


@dataclass(frozen=True, slots=True)
class Said:
    """A release named by the first characters of its id, and what is said about it to members."""

    release: str
    why: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ways:
    """Releases everybody below goes to `first`, and those where the way `ends`."""

    first: tuple[Said, ...]
    ends: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of sign-off and leases; times in seconds."""

    approvals: int
    lease: int
    offline: int


@dataclass(frozen=True, slots=True)
class Keep:
    """How long what members' machines told us is kept: who downloaded what, and their reports."""

    downloads: timedelta
    reports: timedelta


@dataclass(frozen=True, slots=True)
class Use:
    """One more step of the production probe: the usual work after the program was started.

    Each of `secrets` is handed over on the descriptor that `{secret.name}` names, never as a word;
    `proves` are files the step must leave, `says` words it must print.
    """

    name: str
    run: tuple[str, ...]
    seconds: int
    secrets: Mapping[str, str]
    proves: tuple[str, ...]
    says: str


@dataclass(frozen=True, slots=True)
class Probing:
    """Where the probe's host application is, and what it does with the program once it runs."""

    host: str
    uses: tuple[Use, ...]


@dataclass(frozen=True, slots=True)
class Config:
    """Everything `warifu.toml` says; `root` is the folder it lies in."""

    root: Path
    program: Program
    service: Places
    rollout: Rollout
    ways: Ways
    policy: Policy
    probing: Probing
    keep: Keep
    feeds: tuple[Feed, ...]


def load(path: Path) -> Config:
    """Read a `warifu.toml`; raises `Refusal` when missing, `Malformed` naming an unknown key."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Refusal(
            "no-config", needed="`warifu init` in the source folder", path=path
        ) from error
    except OSError as error:
        raise Fault(f"cannot read {path}: {error.strerror}", needed="read access") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Malformed("not-toml", needed="TOML 1.0 in UTF-8", path=path, why=error) from error
    return parse(content, path.resolve().parent)


def parse(content: Mapping[str, object], root: Path) -> Config:
    """The configuration of a file's content; raises `Malformed` naming the key."""
    whole = Table("", content).only(*TABLES)
    described = program(content)
    return Config(
        root,
        described,
        _places(whole.table("service"), root, described.product),
        _rollout(whole.table("rollout")),
        _ways(whole.table("routes")),
        _policy(whole.table("policy")),
        _probing(whole.table("probe")),
        _keep(whole.table("keep")),
        _feeds(whole.table("feeds")),
    )


def state_folder(product: str) -> Path:
    """Where a product's state lies unless said otherwise: outside the source (XDG data folder)."""
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data) / "warifu" / product


def _places(found: Table, root: Path, product: str) -> Places:
    found.only("state", "address", "ledger", "store", "public")
    said = found.text("state", "")
    state = (root / said).resolve() if said else state_folder(product)
    return Places(
        state,
        found.text("address", "http://127.0.0.1:8000").rstrip("/"),
        found.text("ledger", str(state / "ledger.sqlite")),
        found.text("store", str(state / "depot")),
        found.text("public", str(state / "public")),
    )


def _rollout(found: Table) -> Rollout:
    found.only(
        *("members", "volunteers", "stages", "finished", "soak"),
        *("install", "report", "probe_age", "calendar", "desk"),
    )
    stages = found.numbers("stages", (40, 150, 500))
    finished = found.numbers("finished", (6, 22, 75))
    if len(stages) != len(finished) or list(stages) != sorted(set(stages)):
        raise Malformed("bad-key", needed="rising stages, each with its `finished`", key="rollout")
    return Rollout(
        found.number("members", 3_000),
        found.number("volunteers", 12),
        stages,
        finished,
        found.number("soak", 7_200),
        Pace(
            found.share("install", 60),
            found.share("report", 50),
            found.number("probe_age", 3_600),
        ),
        _brakes(found),
    )


def _brakes(found: Table) -> Brakes:
    """Gates that a house declares; absent tables declare none."""
    days = found.table("calendar").only("opens", "closes", "holidays")
    desk = found.table("desk").only("capacity", "feared", "contact")
    opens = days.number("opens", 9, 0, 23)
    return Brakes(
        Calendar(opens, days.number("closes", 17, opens + 1, 24), days.dates("holidays"))
        if "calendar" in found.fields
        else None,
        Desk(
            desk.number("capacity", 0, 0),
            desk.share("feared", 85),
            desk.share("contact", 10),
        )
        if "desk" in found.fields
        else None,
    )


def _ways(found: Table) -> Ways:
    found.only("first", "end")
    first, ends = (tuple(_said(row) for row in found.rows(key)) for key in ("first", "end"))
    return Ways(first, ends)


def _said(row: Table) -> Said:
    row.only("release", "en", "ja")
    return Said(row.text("release"), {"en": row.text("en"), "ja": row.text("ja")})


def _policy(found: Table) -> Policy:
    found.only("approvals", "lease", "offline")
    return Policy(
        found.number("approvals", 2),
        found.number("lease", 600),
        found.number("offline", 7 * 86_400),
    )


def _keep(found: Table) -> Keep:
    found.only("downloads", "reports")
    days = (found.number(key, 1_095) for key in ("downloads", "reports"))
    return Keep(*(timedelta(days=one) for one in days))


def _feeds(found: Table) -> tuple[Feed, ...]:
    """Feeds for other people's clients; none unless declared."""
    found.only(*Client)
    return tuple(_feed(client, found.table(client)) for client in Client if client in found.fields)


def _feed(client: Client, found: Table) -> Feed:
    found.only("name", "file", "label", "key")
    usual = {Client.ELECTRON: "latest.yml", Client.SPARKLE: "appcast.xml"}[client]
    return Feed(
        client,
        found.text("name", usual),
        found.text("file", ""),
        found.text("label", "version"),
        found.text("key", None if client is Client.SPARKLE else ""),
    )


def _probing(found: Table) -> Probing:
    found.only("host", "use")
    uses = found.table("use")
    return Probing(
        found.text("host", ""),
        tuple(_use(name, uses.table(name)) for name in uses.fields),
    )


def _use(name: str, found: Table) -> Use:
    found.only("run", "seconds", "secrets", "proves", "says")
    run = found.texts("run", ())
    if not run:
        raise found.wrong("run", "a command")
    return Use(
        name,
        run,
        found.number("seconds", 60),
        found.pairs("secrets"),
        found.texts("proves", ()),
        found.text("says", ""),
    )
