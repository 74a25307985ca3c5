"""The host application's command line: `warifu-host check | sign | support-report`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from getpass import getpass
from pathlib import Path
from typing import Any

from warifu_host import health, report
from warifu_host.errors import Failed
from warifu_host.guest import Guest
from warifu_wire import atomic, manifest
from warifu_wire.errors import Refusal


def main(arguments: list[str] | None = None) -> None:
    """Run the host; exit 0 well, 1 not well, 2 wrong use."""
    asked = _parser().parse_args(arguments)
    try:
        sys.exit(asked.run(asked))
    except Failed as failed:
        _tell(health.Health(started=True, failure=_failure(failed)).as_json(), asked.json)
    except (OSError, Refusal) as error:
        print(f"warifu-host: {error}", file=sys.stderr)
        sys.exit(2)
    sys.exit(1)


def _check(asked: argparse.Namespace) -> int:
    found = health.check(asked.program, _release(asked.manifest), datetime.now(UTC))
    _tell(found.as_json(), asked.json)
    return 0 if found.well else 1


def _sign(asked: argparse.Namespace) -> int:
    document, certificate_file = asked.document.read_bytes(), asked.p12.read_bytes()
    password = _password(asked.passphrase_fd)
    listing = health.admitted(asked.program, _release(asked.manifest))
    with Guest(asked.program, listing.entry) as guest:
        holder = guest.unlock(certificate_file, password)
        signed = guest.sign(document, datetime.now(UTC))
    atomic.write(asked.out, signed)
    told: dict[str, Any] = {"signed": str(asked.out), "holder": holder}
    print(json.dumps(told, ensure_ascii=False) if asked.json else f"{holder}: {asked.out}")
    return 0


def _report(asked: argparse.Namespace) -> int:
    found = health.check(asked.program, _release(asked.manifest), datetime.now(UTC))
    text = json.dumps(report.made(asked.program, found), ensure_ascii=False, indent=2) + "\n"
    atomic.write(asked.out, text.encode("utf-8"))
    print(asked.out)
    return 0


def _release(path: Path | None) -> dict[str, str] | None:
    if path is None:
        return None
    found = manifest.parse(path.read_bytes())
    return {one.path: str(one.sha256) for one in found.members if one.mode != "link"}


def _password(descriptor: int | None) -> str:
    """From the descriptor named, or asked for; never from the command line."""
    if descriptor is None:
        return getpass("PIN / password: ")
    with os.fdopen(descriptor, "r", encoding="utf-8") as stream:
        return stream.readline().rstrip("\r\n")


def _failure(failed: Failed) -> health.Failure:
    return health.Failure(failed.code, failed.facts)


def _tell(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for step in ("started", "plugin", "signed", "verified"):
        print(f"{step:9} {'ok' if found[step] else '-'}")
    failure = found["failure"]
    if failure is not None:
        print(failure["sentence_ja"])
        print(failure["sentence_en"])
        print(f"{failure['code']}: {failure['facts']}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="warifu-host", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="check|sign|support-report")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--program", type=Path, required=True, help="tree of the signing tool")
    shared.add_argument("--manifest", type=Path, help="the release's manifest")
    shared.add_argument("--json", action="store_true", help="answer in JSON")
    check = verbs.add_parser("check", parents=[shared], help="start, load, sign, verify")
    check.set_defaults(run=_check)
    sign = verbs.add_parser("sign", parents=[shared], help="sign a document by the plug-in")
    sign.add_argument("--p12", type=Path, required=True, help="certificate file")
    sign.add_argument("--passphrase-fd", type=int, help="descriptor the password is read from")
    sign.add_argument("document", type=Path)
    sign.add_argument("out", type=Path)
    sign.set_defaults(run=_sign)
    report_ = verbs.add_parser("support-report", parents=[shared], help="what the desk asks for")
    report_.add_argument("out", type=Path)
    report_.set_defaults(run=_report)
    return parser
