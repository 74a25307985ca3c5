"""The door of the authority: one command line, `--json` on every verb."""

from __future__ import annotations

import base64
import json
import signal
import sqlite3
import sys
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import click

from warifu_ca import (
    audit,
    export,
    founding,
    issuing,
    letters,
    mailroom,
    profiles,
    revoking,
    serving,
)
from warifu_ca import window as downloads
from warifu_ca.authority import ROLES, Role, opened
from warifu_ca.names import Holder
from warifu_ca.speaking import (
    Existing,
    Folder,
    Kind,
    Out,
    Profile,
    Terms,
    certificate,
    common,
    digests,
    ended,
    holder,
    passphrase,
    wanted,
)
from warifu_wire import atomic
from warifu_wire.errors import Refusal
from warifu_wire.times import Instant


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
@click.option("--token", "tokens", multiple=True, help="ROLE=pkcs11:token=…;object=…?module-path=…")
@click.option("--kind", "kinds", multiple=True, help="ROLE=KIND, such as root=p-384.")
@common
def init(
    folder: Path,
    url: str,
    name: str,
    name_ja: str,
    tokens: tuple[str, ...],
    kinds: tuple[str, ...],
    terms: Terms,
) -> None:
    """Found an authority in FOLDER; keys in files are for trial.

    Example: warifu-ca init ca --url http://127.0.0.1:8460
    """
    authority = founding.found(
        folder,
        terms.secret("New passphrase of the authority: "),
        url=url,
        name=name,
        name_ja=name_ja,
        tokens=dict(by_role(text) for text in tokens),
        kinds={**founding.KINDS, **dict(by_role(text) for text in kinds)},
    )
    terms.say({"folder": str(folder), **digests(authority)})


@cli.command()
@Folder
@holder
@click.option("--csr", type=Existing, help="PKCS #10, DER or PEM.")
@click.option("--pkcs12", type=Out, help="Make the key here (compatibility) and write it there.")
@click.option("--key", default="rsa-2048", type=Kind, show_default=True)
@click.option("--profile", type=Profile)
@click.option("--out", type=Out, help="Write the certificate (DER) there.")
@click.option("--pkcs12-passphrase-fd", type=int, help="Read the file's password from there.")
@common
def issue(
    folder: Path,
    who: Holder,
    csr: Path | None,
    pkcs12: Path | None,
    key: str,
    profile: str | None,
    out: Path | None,
    pkcs12_passphrase_fd: int | None,
    terms: Terms,
) -> None:
    """Issue one certificate: from a request, or with a key made here.

    Example: warifu-ca issue ca --member 0001 --name 会員一号 --roman "MEMBER 0001" --csr my.csr
    """
    if (csr is None) == (pkcs12 is None):
        raise Refusal("option-missing", needed="either --csr or --pkcs12")
    authority = terms.open(folder)
    if pkcs12 is not None:
        password = passphrase(pkcs12_passphrase_fd, "New password of the file: ")
        rules = profile or issuing.COMPATIBILITY
        made, data = issuing.as_pkcs12(authority, who, password, key, rules)
        atomic.write(pkcs12, data, mode=0o600)
    else:
        data = issuing.der_request(csr.read_bytes() if csr else b"")
        made = issuing.from_csr(authority, who, data, profile or issuing.DEFAULT)
    if out is not None:
        atomic.write(out, made.der)
    terms.say(certificate(made))


@cli.command("issue-many")
@Folder
@click.argument("requests", type=Existing)
@click.option("--profile", default=issuing.DEFAULT, type=Profile, show_default=True)
@click.option("--out", type=Out, required=True, help="JSON Lines: serial, digest, certificate.")
@common
def issue_many(folder: Path, requests: Path, profile: str, out: Path, terms: Terms) -> None:
    """Issue from JSON Lines of {member, name, roman, csr}: all of them or none.

    Example: warifu-ca issue-many ca requests.jsonl --out issued.jsonl
    """
    asked = wanted(requests.read_bytes())
    made = issuing.from_csrs(terms.open(folder), asked, profile)
    rows = [{**certificate(one), "certificate": base64.b64encode(one.der).decode()} for one in made]
    lines = (json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows)
    atomic.write(out, "".join(lines).encode())
    terms.say({"issued": len(made), "out": str(out)})


@cli.command()
@Folder
@common
def sweep(folder: Path, terms: Terms) -> None:
    """Close what nobody fetched in time: delete keys made here, revoke their certificates.

    Example: warifu-ca sweep ca
    """
    authority = terms.open(folder)
    swept = letters.sweep(authority)
    revoking.refresh(authority)
    terms.say({"deleted": swept.deleted, "revoked": swept.revoked})


@cli.command()
@Folder
@click.argument("serial")
@click.option("--reason", default="unspecified", type=click.Choice(revoking.REASONS))
@common
def revoke(folder: Path, serial: str, reason: str, terms: Terms) -> None:
    """Revoke a certificate and publish the list.

    Example: warifu-ca revoke ca 5a01… --reason keyCompromise
    """
    authority = terms.open(folder)
    found = revoking.revoke(authority, serial, reason)
    revoking.refresh(authority)
    terms.say({"serial": found.serial, "at": found.at, "reason": found.reason})


@cli.command()
@Folder
@click.option("--root", is_flag=True, help="The root's list instead of the issuing one.")
@click.option("--out", type=Out, help="Write a copy there.")
@common
def crl(folder: Path, root: bool, out: Path | None, terms: Terms) -> None:
    """Sign a new certificate revocation list.

    Example: warifu-ca crl ca --out issuing.crl
    """
    issuer: profiles.Issuer = "root" if root else "issuing"
    der = revoking.publish_list(terms.open(folder), issuer)
    if out is not None:
        atomic.write(out, der)
    terms.say({"bytes": len(der), "issuer": issuer})


@cli.command("export")
@Folder
@click.option("--since", default=0, show_default=True, help="Audit number of the last export.")
@click.option("--out", type=Out, help="Write the envelope there instead of standard output.")
@common
def export_(folder: Path, since: int, out: Path | None, terms: Terms) -> None:
    """Write the signed issuance export: who was issued what, when.

    Example: warifu-ca export ca --since 120 --out issuance.json
    """
    made = export.export(terms.open(folder), since)
    if out is None:
        sys.stdout.buffer.write(made + b"\n")
        return
    atomic.write(out, made)
    terms.say({"bytes": len(made), "out": str(out)})


@cli.command("list")
@Folder
@click.option("--ending-within", type=int, help="Only those that end within so many days.")
@common
def list_(folder: Path, ending_within: int | None, terms: Terms) -> None:
    """List members' certificates and their state: valid, ended, renewed or revoked.

    Example: warifu-ca list ca --ending-within 120 --json
    """
    authority = opened(folder, "")
    db, now = authority.store.db, authority.store.now()
    before = None if ending_within is None else now + timedelta(days=ending_within)
    rows = [
        {**certificate(made), "state": state_of(db, made, now)}
        for made in issuing.members(db, before)
    ]
    if terms.as_json:
        terms.say({"certificates": rows})
        return
    for row in rows:
        click.echo(f"{row['member']:>8}  {row['state']:<8}  {row['not_after']}  {row['serial']}")


@cli.command()
@Folder
@click.argument("serial")
@common
def evidence(folder: Path, serial: str, terms: Terms) -> None:
    """Show what the member signed about a certificate: redemption, receipt, renewal, revocation.

    Example: warifu-ca evidence ca 5a01 --json
    """
    kept = downloads.evidence(opened(folder, ""), serial)
    terms.say({action: json.loads(envelope) for action, envelope in kept})


@cli.command()
@Folder
@click.argument("role", type=click.Choice(["ocsp", "tsa", "export"]))
@click.option("--token", "uri", help="Make the key in a token: pkcs11:token=…;object=…?…")
@common
def rotate(folder: Path, role: Role, uri: str | None, terms: Terms) -> None:
    """Give a role a new key and certificate; a serving process takes it up when restarted.

    Example: warifu-ca rotate ca tsa
    """
    terms.say(digests(founding.rotate(terms.open(folder), role, uri)))


@cli.command()
@Folder
@common
def show(folder: Path, terms: Terms) -> None:
    """Show the authority's digests and the state of its audit, which is hashed anew.

    Example: warifu-ca show ca
    """
    authority = opened(folder, "")
    entries = list(audit.entries(authority.store.db))
    terms.say(
        {
            "name": authority.settings.name,
            "url": authority.settings.url,
            "audit": len(entries),
            "head": entries[-1].hash,
            **digests(authority),
        }
    )


@cli.command()
@Folder
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8460, show_default=True, help="0: any free port, printed.")
@common
def serve(folder: Path, host: str, port: int, terms: Terms) -> None:
    """Answer over HTTP: window, CRL, OCSP, time stamps. Prints one line when ready.

    Example: warifu-ca serve ca --port 8460
    """
    authority = terms.open(folder)
    server = serving.bound(authority, host, port)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    name, chosen = server.server_address[:2]
    terms.say({"url": f"http://{name!s}:{chosen}", "trial": authority.settings.trial})
    sys.stdout.flush()
    serving.serve(server, stopped, lambda text: click.echo(text, err=True))


def state_of(db: sqlite3.Connection, made: issuing.Issued, now: Instant) -> str:
    """In one word."""
    if revoking.find(db, made.serial) is not None:
        return "revoked"
    if now >= made.not_after:
        return "ended"
    return "valid" if issuing.successor(db, made.serial) is None else "renewed"


def by_role(text: str) -> tuple[Role, str]:
    """`ROLE=VALUE`; raises `Refusal` (role-unknown)."""
    name, _, value = text.partition("=")
    for role in ROLES:
        if role == name:
            return role, value
    raise Refusal("role-unknown", needed=" | ".join(ROLES), role=name)


cli.add_command(mailroom.window)
cli.add_command(mailroom.window_many)


def main(words: Sequence[str] | None = None) -> None:
    """The program, on these words or on those of the command line."""
    asked = list(sys.argv[1:] if words is None else words)
    ended(lambda: cli.main(asked, prog_name="warifu-ca"), "--json" in asked)
