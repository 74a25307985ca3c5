"""What every verb of the command line shares: secrets by descriptor, answers, refusals."""

from __future__ import annotations

import base64
import functools
import getpass
import json
import os
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from warifu_ca import keys, names, profiles
from warifu_ca.authority import ROLES, Authority, opened
from warifu_ca.issuing import Issued
from warifu_ca.names import Holder
from warifu_ca.store import broken
from warifu_wire import times
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Fault, Refusal

Command = Callable[..., None]
Folder = click.argument("folder", type=click.Path(path_type=Path))
Out = click.Path(path_type=Path, dir_okay=False)
Kind = click.Choice(["rsa-2048", "p-256"])
Profile = click.Choice(profiles.names())
Existing = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Terms:
    """How a command was asked to be answered, and where its secrets come from."""

    as_json: bool
    passphrase_fd: int | None
    pin_fd: int | None

    def secret(self, prompt: str = "Passphrase of the authority: ") -> str:
        """The passphrase, and on a second line the token's PIN where one was given."""
        found = passphrase(self.passphrase_fd, prompt)
        return found if self.pin_fd is None else f"{found}\n{passphrase(self.pin_fd, '')}"

    def open(self, folder: Path) -> Authority:
        """The authority in `folder`."""
        return opened(folder, self.secret())

    def say(self, told: Mapping[str, Any]) -> None:
        """One object: JSON on one line, or a name and a value on each."""
        if self.as_json:
            click.echo(json.dumps(told, ensure_ascii=False, sort_keys=True))
            return
        for name, value in told.items():
            click.echo(f"{name:>12}  {value}")


def common(command: Command) -> Command:
    """`--json` and the descriptors of secrets, given to the command as its `terms`."""

    @click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
    @click.option("--passphrase-fd", type=int, help="Read the passphrase from this descriptor.")
    @click.option("--pin-fd", type=int, help="Read the token's PIN from this descriptor.")
    @functools.wraps(command)
    def asked(*, as_json: bool, passphrase_fd: int | None, pin_fd: int | None, **rest: Any) -> None:
        command(terms=Terms(as_json, passphrase_fd, pin_fd), **rest)

    return asked


def holder(command: Command) -> Command:
    """The member a certificate or a letter is for, given to the command as `who`."""

    @click.option("--member", required=True, help="Member number.")
    @click.option("--name", required=True, help="Name as registered.")
    @click.option("--roman", required=True, help="Name in Latin letters.")
    @functools.wraps(command)
    def asked(*, member: str, name: str, roman: str, **rest: Any) -> None:
        command(who=names.holder(member, name, roman), **rest)

    return asked


def passphrase(descriptor: int | None, prompt: str) -> str:
    """A secret from a descriptor's first line, or typed; never from the command line."""
    if descriptor is None:
        return getpass.getpass(prompt)
    try:
        with os.fdopen(os.dup(descriptor), encoding="utf-8") as stream:
            return stream.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(
            "descriptor-unreadable", needed="an open descriptor with a line", fd=descriptor
        ) from error


def digests(authority: Authority) -> dict[str, object]:
    """What others pin: the sha256 of each certificate and of the export key."""
    told: dict[str, object] = {role: of_bytes(authority.der(role)) for role in ROLES}
    export_key = keys.public_of(authority.certificates["export"])
    return {"trial": authority.settings.trial, **told, "export_key": keys.spki(export_key)}


def certificate(made: Issued) -> dict[str, object]:
    """A certificate for showing."""
    return {
        "serial": made.serial,
        "sha256": made.sha256,
        "member": made.holder.member,
        "profile": made.profile,
        "key": made.key,
        "key_kind": made.key_kind,
        "not_before": times.spell(made.not_before),
        "not_after": times.spell(made.not_after),
    }


def lines_of(data: bytes, needed: frozenset[str]) -> list[dict[str, str]]:
    """JSON Lines of texts with exactly these names; raises `Refusal` (line-malformed)."""
    return [_line(number, line, needed) for number, line in enumerate(data.splitlines(), 1)]


def _line(number: int, line: bytes, needed: frozenset[str]) -> dict[str, str]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if isinstance(found, dict) and set(found) == needed:
        return {name: str(value) for name, value in found.items()}
    raise Refusal("line-malformed", needed=", ".join(sorted(needed)), line=number)


def wanted(data: bytes) -> list[tuple[Holder, bytes]]:
    """Members and their requests (base64 DER) from JSON Lines; raises `Refusal`."""
    rows = lines_of(data, frozenset({"member", "name", "roman", "csr"}))
    return [(_holder(row), _decoded(row["csr"])) for row in rows]


def members(data: bytes) -> list[Holder]:
    """Members from JSON Lines; raises `Refusal`."""
    return [_holder(row) for row in lines_of(data, frozenset({"member", "name", "roman"}))]


def _holder(row: Mapping[str, str]) -> Holder:
    return names.holder(row["member"], row["name"], row["roman"])


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Refusal("line-malformed", needed="csr in base64", csr=text[:16]) from error


def ended(run: Callable[[], object], as_json: bool) -> None:
    """Run; a refusal is exit 1 with its code, a fault exit 3, wrong usage exit 2."""
    try:
        try:
            run()
        except sqlite3.Error as error:
            raise broken(error) from error
    except Refusal as error:
        told = {"code": error.reason, "facts": error.facts, "needed": error.needed}
        _end({"refusal": told} if as_json else str(error), 1)
    except Fault as error:
        _end({"fault": {"what": error.what, "needed": error.needed}} if as_json else str(error), 3)


def _end(told: dict[str, Any] | str, status: int) -> None:
    click.echo(told if isinstance(told, str) else json.dumps(told, ensure_ascii=False), err=True)
    raise SystemExit(status)
