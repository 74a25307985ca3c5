"""`warifu.toml`: what the program is, and where the service keeps things. Nothing is required."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from warifu.model.program import PARTS, Program, program
from warifu_wire.errors import Fault, Malformed, Refusal

NAME = "warifu.toml"
TABLES = PARTS | {"service", "rollout", "policy", "probe"}


@dataclass(frozen=True, slots=True)
class Places:
    """Where the service keeps things: `ledger` a path or DSN, `store` a folder or an S3 URL.

    `address` is the public address members know.
    """

    state: Path
    address: str
    ledger: str
    store: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """The stages members are offered a release in, by count; `soak` in seconds between them."""

    members: int
    volunteers: int
    stages: tuple[int, ...]
    finished: tuple[int, ...]
    soak: int


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of sign-off and leases; times in seconds."""

    approvals: int
    lease: int
    offline: int


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
    policy: Policy
    probing: Probing


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
    for key in content:
        if key not in TABLES:
            raise Malformed("unknown-key", needed=f"one of {', '.join(sorted(TABLES))}", key=key)
    described = program(content)
    return Config(
        root,
        described,
        _places(_table(content, "service"), root, described.product),
        _rollout(_table(content, "rollout")),
        _policy(_table(content, "policy")),
        _probing(_table(content, "probe")),
    )


def state_folder(product: str) -> Path:
    """Where a product's state lies unless said otherwise: outside the source (XDG data folder)."""
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data) / "warifu" / product


def _places(found: dict[str, object], root: Path, product: str) -> Places:
    _only("service", found, {"state", "address", "ledger", "store"})
    said = _text("service", found, "state", "")
    state = (root / said).resolve() if said else state_folder(product)
    return Places(
        state,
        _text("service", found, "address", "http://127.0.0.1:8000").rstrip("/"),
        _text("service", found, "ledger", str(state / "ledger.sqlite")),
        _text("service", found, "store", str(state / "depot")),
    )


def _rollout(found: dict[str, object]) -> Rollout:
    _only("rollout", found, {"members", "volunteers", "stages", "finished", "soak"})
    stages = _numbers("rollout", found, "stages", (40, 150, 500))
    finished = _numbers("rollout", found, "finished", (6, 22, 75))
    if len(stages) != len(finished) or list(stages) != sorted(set(stages)):
        raise Malformed("bad-key", needed="rising stages, each with its `finished`", key="rollout")
    return Rollout(
        _number("rollout", found, "members", 3_000),
        _number("rollout", found, "volunteers", 12),
        stages,
        finished,
        _number("rollout", found, "soak", 7_200),
    )


def _policy(found: dict[str, object]) -> Policy:
    _only("policy", found, {"approvals", "lease", "offline"})
    return Policy(
        _number("policy", found, "approvals", 2),
        _number("policy", found, "lease", 600),
        _number("policy", found, "offline", 7 * 86_400),
    )


def _probing(found: dict[str, object]) -> Probing:
    _only("probe", found, {"host", "use"})
    uses = _table(found, "use")
    return Probing(
        _text("probe", found, "host", ""),
        tuple(_use(name, _table(uses, name)) for name in uses),
    )


def _use(name: str, found: dict[str, object]) -> Use:
    table = f"probe.use.{name}"
    _only(table, found, {"run", "seconds", "secrets", "proves", "says"})
    run = _texts(table, found, "run")
    if not run:
        raise Malformed("bad-key", needed="a command", key=f"{table}.run")
    seconds = _number(table, found, "seconds", 60)
    secrets = _table(found, "secrets")
    told = {one: _text(f"{table}.secrets", secrets, one, "") for one in secrets}
    says = _text(table, found, "says", "")
    return Use(name, run, seconds, told, _texts(table, found, "proves"), says)


def _table(content: Mapping[str, object], name: str) -> dict[str, object]:
    found = content.get(name, {})
    if not isinstance(found, dict):
        raise Malformed("bad-key", needed="a table", key=name)
    return found


def _only(table: str, found: dict[str, object], names: set[str]) -> None:
    for key in found:
        if key not in names:
            needed = f"one of {', '.join(sorted(names))}"
            raise Malformed("unknown-key", needed=needed, key=f"{table}.{key}")


def _text(table: str, found: dict[str, object], key: str, default: str) -> str:
    value = found.get(key, default)
    if not isinstance(value, str):
        raise Malformed("bad-key", needed="a string", key=f"{table}.{key}")
    return value


def _texts(table: str, found: dict[str, object], key: str) -> tuple[str, ...]:
    value = found.get(key, ())
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise Malformed("bad-key", needed="a list of strings", key=f"{table}.{key}")
    return tuple(value)


def _number(table: str, found: dict[str, object], key: str, default: int) -> int:
    value = found.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Malformed("bad-key", needed="a whole number above 0", key=f"{table}.{key}")
    return value


def _numbers(
    table: str, found: dict[str, object], key: str, default: tuple[int, ...]
) -> tuple[int, ...]:
    value = found.get(key, default)
    if not isinstance(value, list | tuple) or not all(isinstance(one, int) for one in value):
        raise Malformed("bad-key", needed="a list of whole numbers", key=f"{table}.{key}")
    return tuple(value)
