"""The door of the authority: one command line, `--json` on every verb."""

from __future__ import annotations

import getpass
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from warifu_ca import (
    audit,
    codes,
    export,
    founding,
    issuing,
    keys,
    letters,
    names,
    profiles,
    revoking,
    serving,
)
from warifu_ca.authority import ROLES, Authority, opened
from warifu_ca.issuing import Issued
from warifu_wire import atomic, times
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Fault, Refusal

Folder = click.argument("folder", type=click.Path(path_type=Path))
Out = click.Path(path_type=Path, dir_okay=False)


def common(command: Callable[..., None]) -> Callable[..., None]:
    """`--json` and `--passphrase-fd`, on every command."""
    command = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")(command)
    return click.option(
        "--passphrase-fd", type=int, help="Read the authority's passphrase from this descriptor."
    )(command)


def holder(command: Callable[..., None]) -> Callable[..., None]:
    """The member a certificate or a letter is for."""
    command = click.option("--roman", required=True, help="Name in Latin letters.")(command)
    command = click.option("--name", required=True, help="Name as registered.")(command)
    return click.option("--member", required=True, help="Member number.")(command)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Certificate authority: issue, hand over, revoke, answer.

    Example: warifu-ca init ca --url http://127.0.0.1:8460
    """


@cli.command()
@Folder
@click.option("--url", default="http://127.0.0.1:8460", show_default=True)
@click.option("--name", default="Example Authority", show_default=True)
@click.option("--name-ja", default="模擬認証局", show_default=True)
@common
def init(
    folder: Path, url: str, name: str, name_ja: str, passphrase_fd: int | None, as_json: bool
) -> None:
    """Found an authority in FOLDER with keys for trial.

    Example: warifu-ca init ca --url http://127.0.0.1:8460
    """
    secret = passphrase(passphrase_fd, "New passphrase of the authority: ")
    authority = founding.found(folder, secret, url=url, name=name, name_ja=name_ja)
    say({"folder": str(folder), **digests(authority)}, as_json)


@cli.command()
@Folder
@holder
@click.option("--csr", type=click.Path(exists=True, path_type=Path), help="PKCS #10, DER or PEM.")
@click.option("--pkcs12", type=Out, help="Make the key here (compatibility) and write it there.")
@click.option("--key", default="rsa-2048", type=click.Choice(["rsa-2048", "p-256"]))
@click.option("--profile", type=click.Choice(profiles.names()))
@click.option("--out", type=Out, help="Write the certificate (DER) there.")
@click.option("--pkcs12-passphrase-fd", type=int, help="Read the file's password from there.")
@common
def issue(
    folder: Path,
    member: str,
    name: str,
    roman: str,
    csr: Path | None,
    pkcs12: Path | None,
    key: str,
    profile: str | None,
    out: Path | None,
    pkcs12_passphrase_fd: int | None,
    passphrase_fd: int | None,
    as_json: bool,
) -> None:
    """Issue one certificate: from a request, or with a key made here.

    Example: warifu-ca issue ca --member 0001 --name 会員一号 --roman "MEMBER 0001" --csr my.csr
    """
    if (csr is None) == (pkcs12 is None):
        raise Refusal("option-missing", needed="either --csr or --pkcs12")
    who = names.holder(member, name, roman)
    authority = opened(folder, passphrase(passphrase_fd))
    if csr is not None:
        data = issuing.der_request(csr.read_bytes())
        made = issuing.from_csr(authority, who, data, profile or issuing.DEFAULT)
    else:
        assert pkcs12 is not None
        password = passphrase(pkcs12_passphrase_fd, "New password of the file: ")
        kind = profile or issuing.COMPATIBILITY
        made, data = issuing.as_pkcs12(authority, who, password, key, kind)
        atomic.write(pkcs12, data, mode=0o600)
    if out is not None:
        atomic.write(out, made.der)
    say(row(made), as_json)


@cli.command()
@Folder
@holder
@click.option("--profile", default=issuing.DEFAULT, type=click.Choice(profiles.names()))
@click.option("--key", default="rsa-2048", type=click.Choice(["rsa-2048", "p-256"]))
@common
def window(
    folder: Path,
    member: str,
    name: str,
    roman: str,
    profile: str,
    key: str,
    passphrase_fd: int | None,
    as_json: bool,
) -> None:
    """Open the download window for one member: a reference number and a PIN, shown once.

    Example: warifu-ca window ca --member 0001 --name 会員一号 --roman "MEMBER 0001"
    """
    authority = opened(folder, passphrase(passphrase_fd))
    made = letters.write(authority, names.holder(member, name, roman), profile, key)
    say(
        {
            "reference": codes.grouped(made.reference),
            "pin": codes.grouped(made.pin),
            "member": member,
            "profile": made.profile.id,
            "closes": times.spell(made.closes_at),
        },
        as_json,
    )


@cli.command()
@Folder
@click.argument("serial")
@click.option("--reason", default="unspecified", type=click.Choice(revoking.REASONS))
@common
def revoke(
    folder: Path, serial: str, reason: str, passphrase_fd: int | None, as_json: bool
) -> None:
    """Revoke a certificate and publish the list.

    Example: warifu-ca revoke ca 5a01… --reason keyCompromise
    """
    authority = opened(folder, passphrase(passphrase_fd))
    found = revoking.revoke(authority, serial, reason)
    revoking.refresh(authority)
    told = {"serial": found.serial, "at": found.at, "reason": found.reason}
    say(told, as_json)


@cli.command()
@Folder
@click.option("--root", is_flag=True, help="The root's list instead of the issuing one.")
@click.option("--out", type=Out, help="Write a copy there.")
@common
def crl(
    folder: Path, root: bool, out: Path | None, passphrase_fd: int | None, as_json: bool
) -> None:
    """Sign a new certificate revocation list.

    Example: warifu-ca crl ca --out issuing.crl
    """
    authority = opened(folder, passphrase(passphrase_fd))
    der = revoking.publish_list(authority, "root" if root else "issuing")
    if out is not None:
        atomic.write(out, der)
    say({"bytes": len(der), "issuer": "root" if root else "issuing"}, as_json)


@cli.command("export")
@Folder
@click.option("--since", default=0, show_default=True, help="Audit number of the last export.")
@click.option("--out", type=Out, help="Write the envelope there instead of standard output.")
@common
def export_(
    folder: Path, since: int, out: Path | None, passphrase_fd: int | None, as_json: bool
) -> None:
    """Write the signed issuance export: who was issued what, when.

    Example: warifu-ca export ca --since 120 --out issuance.json
    """
    made = export.export(opened(folder, passphrase(passphrase_fd)), since)
    if out is None:
        sys.stdout.buffer.write(made + b"\n")
        return
    atomic.write(out, made)
    say({"bytes": len(made), "out": str(out)}, as_json)


@cli.command()
@Folder
@common
def show(folder: Path, passphrase_fd: int | None, as_json: bool) -> None:  # noqa: ARG001 - one shape
    """Show the authority's digests, keys and counts; the audit is re-hashed.

    Example: warifu-ca show ca
    """
    authority = opened(folder, "")
    entries = list(audit.entries(authority.store.db))
    told: dict[str, object] = {
        "name": authority.settings.name,
        "url": authority.settings.url,
        "audit": len(entries),
        "head": entries[-1].hash if entries else "",
        **digests(authority),
    }
    say(told, as_json)


@cli.command()
@Folder
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8460, show_default=True, help="0: any free port, printed.")
@common
def serve(folder: Path, host: str, port: int, passphrase_fd: int | None, as_json: bool) -> None:
    """Answer over HTTP: window, CRL, OCSP, time stamps. Prints one line when ready.

    Example: warifu-ca serve ca --port 8460
    """
    authority = opened(folder, passphrase(passphrase_fd))
    server = serving.bound(authority, host, port)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    url = f"http://{server.server_address[0]!s}:{server.server_address[1]}"
    say({"url": url, "trial": authority.settings.trial}, as_json)
    serving.serve(server, stopped, lambda text: click.echo(text, err=True))


def passphrase(descriptor: int | None, prompt: str = "Passphrase of the authority: ") -> str:
    """A secret from a descriptor's first line, or typed; never from the command line."""
    if descriptor is None:
        return getpass.getpass(prompt)
    try:
        with os.fdopen(os.dup(descriptor), encoding="utf-8") as stream:
            return stream.readline().rstrip("\r\n")
    except OSError as error:
        raise Refusal("descriptor-closed", needed="an open descriptor", fd=descriptor) from error


def digests(authority: Authority) -> dict[str, object]:
    """What others pin: the sha256 of each certificate and of the export key."""
    told: dict[str, object] = {role: of_bytes(authority.der(role)) for role in ROLES}
    export_key = keys.public_of(authority.certificates["export"])
    return {"trial": authority.settings.trial, **told, "export_key": keys.spki(export_key)}


def row(made: Issued) -> dict[str, object]:
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


def say(told: dict[str, Any], as_json: bool) -> None:
    """One object: JSON on one line, or a name and a value on each."""
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False, sort_keys=True))
        return
    for name, value in told.items():
        click.echo(f"{name:>12}  {value}")


def main() -> None:
    """Run; a refusal is exit 1 with its code, a fault exit 3, wrong usage exit 2."""
    try:
        cli(standalone_mode=True)
    except Refusal as error:
        told = {"code": error.reason, "facts": error.facts, "needed": error.needed}
        _end({"refusal": told}, str(error), 1)
    except Fault as error:
        _end({"fault": {"what": error.what, "needed": error.needed}}, str(error), 3)


def _end(told: dict[str, Any], text: str, status: int) -> None:
    click.echo(json.dumps(told, ensure_ascii=False) if "--json" in sys.argv else text, err=True)
    raise SystemExit(status)
