"""`warifu-sign certificate show | fetch | renew | revoke | import | password`.

The certificate download tool.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from warifu_sign import files, p12, secrets_in
from warifu_sign.certificate import days_left, serial, signatory
from warifu_sign.commands import shared
from warifu_sign.errors import Refusal
from warifu_sign.window import letter
from warifu_sign.window.asking import Window
from warifu_sign.window.fetching import fetch
from warifu_sign.window.renewing import REASONS, change_password, renew, revoke

OLD = "いまのパスワード / present password: "
NEW = "新しいパスワード / new password: "


def add(verbs: shared.Verbs) -> None:
    """Add the group to the command line."""
    group = verbs.add_parser("certificate", help="the member's certificate")
    inner = group.add_subparsers(required=True, metavar="show|fetch|renew|revoke|import|password")
    told, owned = shared.json_option(), shared.key_options()

    one = inner.add_parser("show", parents=[told, owned], help="whose it is, and how long it lasts")
    one.set_defaults(run=_show)

    one = inner.add_parser(
        "fetch",
        parents=[told],
        help="fetch the certificate that a letter announces",
        epilog="warifu-sign certificate fetch --ca https://ca.example --reference "
        "'1234 5678 9012 3452' --out member.p12",
    )
    one.add_argument("--ca", required=True, help="address of the authority")
    one.add_argument("--reference", required=True, help="reference number (識別番号) of the letter")
    one.add_argument("--pin-fd", type=int, help="descriptor the letter's PIN is read from")
    one.add_argument("--passphrase-fd", type=int, help="descriptor the new password is read from")
    one.add_argument("--key", choices=["rsa-2048", "p-256"], default="rsa-2048")
    one.add_argument(
        "--made-there", action="store_true", help="the letter says: key made by the authority"
    )
    one.add_argument("--out", type=Path, required=True, help="certificate file to write")
    one.set_defaults(run=_fetch)

    one = inner.add_parser(
        "renew",
        parents=[told, owned],
        help="replace the certificate by its successor, from 120 days before its end",
        epilog="warifu-sign certificate renew --ca https://ca.example --p12 member.p12",
    )
    one.add_argument("--ca", required=True, help="address of the authority")
    one.add_argument("--key", choices=["rsa-2048", "p-256"], default="rsa-2048")
    one.set_defaults(run=_renew)

    one = inner.add_parser(
        "revoke",
        parents=[told, owned],
        help="end the certificate for good, when its key may be in other hands",
        epilog="warifu-sign certificate revoke --ca https://ca.example --p12 member.p12 "
        "--reason keyCompromise --serial 5a01…",
    )
    one.add_argument("--ca", required=True, help="address of the authority")
    one.add_argument("--reason", choices=REASONS, required=True)
    one.add_argument(
        "--serial",
        required=True,
        help="the serial number, as `show` tells it: this cannot be undone",
    )
    one.set_defaults(run=_revoke)

    one = inner.add_parser("import", parents=[told], help="take over a certificate file")
    one.add_argument("file", type=Path)
    one.add_argument("--out", type=Path, required=True, help="certificate file to write")
    _password_options(one)
    one.set_defaults(run=_import)

    one = inner.add_parser("password", parents=[told], help="change a certificate file's password")
    one.add_argument("--p12", type=Path, required=True, help="certificate file")
    _password_options(one)
    one.set_defaults(run=_password)


def _password_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--passphrase-fd", type=int, help="descriptor of the present password")
    parser.add_argument("--new-passphrase-fd", type=int, help="descriptor of the new password")


def _show(asked: argparse.Namespace) -> int:
    certificate = shared.unlocked(asked).certificate
    left = days_left(certificate, datetime.now(UTC))
    shared.tell({**shared.plain(signatory(certificate)), "days_left": left}, asked.json)
    return 0


def _fetch(asked: argparse.Namespace) -> int:
    read = letter.read(asked.reference, secrets_in.password(asked.pin_fd, "PIN: "))
    password = secrets_in.chosen(asked.passphrase_fd, NEW)
    fetched = fetch(
        Window(asked.ca),
        read,
        password,
        asked.out,
        kind=asked.key,
        now=datetime.now(UTC),
        made_there=asked.made_there,
    )
    told = {
        "out": str(asked.out),
        **shared.plain(signatory(fetched.key.certificate)),
        "holder": fetched.holder,
        "receipt": fetched.receipt,
    }
    shared.tell(told, asked.json)
    return 0


def _renew(asked: argparse.Namespace) -> int:
    password = secrets_in.password(asked.passphrase_fd, shared.PROMPT)
    now = datetime.now(UTC)
    made = renew(Window(asked.ca), asked.p12, password, kind=asked.key, now=now)
    told = {
        "out": str(asked.p12),
        **shared.plain(signatory(made.key.certificate)),
        "kept": str(made.kept) if made.kept else None,
        "receipt": made.receipt,
    }
    shared.tell(told, asked.json)
    return 0


def _revoke(asked: argparse.Namespace) -> int:
    key = shared.unlocked(asked)
    if (found := serial(key.certificate)) != asked.serial:
        raise Refusal("serial-differs", found=found, needed="the certificate that was meant")
    ended = revoke(Window(asked.ca), key, asked.reason, now=datetime.now(UTC))
    shared.tell(shared.plain(ended), asked.json)
    return 0


def _import(asked: argparse.Namespace) -> int:
    if asked.out.exists():
        raise Refusal("out-exists", out=asked.out, needed="another file name")
    old, new = _passwords(asked)
    data = p12.changed(files.read(asked.file, most=p12.MOST_BYTES), old, new)
    files.write(asked.out, data, files.PRIVATE)
    shared.tell({"out": str(asked.out)}, asked.json)
    return 0


def _password(asked: argparse.Namespace) -> int:
    change_password(asked.p12, *_passwords(asked))
    shared.tell({"out": str(asked.p12)}, asked.json)
    return 0


def _passwords(asked: argparse.Namespace) -> tuple[str, str]:
    old = secrets_in.password(asked.passphrase_fd, OLD)
    return old, secrets_in.chosen(asked.new_passphrase_fd, NEW)
