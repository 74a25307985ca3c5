"""`warifu-update`: check, apply, rollback, status, repair. Exit codes: docs/client.md."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from warifu_client import applying, identity, machine, returning, settings, standing, words
from warifu_client.ended import Ended
from warifu_client.layout import Layout
from warifu_client.machine import Checkpoint, Machine, passing
from warifu_client.settings import Settings
from warifu_wire.canonical import Json
from warifu_wire.errors import Fault, Refusal
from warifu_wire.routes import Tree

REFUSED, FAULTY = 1, 3
VERBS: dict[str, Callable[[Machine], Ended]] = {
    "check": applying.look_for,
    "apply": applying.apply,
    "rollback": returning.rollback,
    "repair": applying.repair,
}


def main(arguments: Sequence[str] | None = None, checkpoint: Checkpoint = passing) -> int:
    """Run one command; gives its exit code. Refusals and faults are one sentence, no traceback."""
    told = _parser().parse_args(arguments)
    language = "ja"
    try:
        if told.verb == "init":
            return _init(told)
        own = machine.opened(_folder(told), checkpoint=checkpoint)
        language = told.language or own.settings.language
        if told.verb == "status":
            return _status(told, own)
        end = VERBS[told.verb](own)
    except Refusal as error:
        facts: dict[str, Json] = dict(error.facts.items())
        said: dict[str, Json] = {"code": error.reason, "facts": facts, "needed": error.needed}
        return _failed(told, "refused", said, words.refusal(error, language), REFUSED)
    except Fault as error:
        fault: dict[str, Json] = {"what": error.what, "needed": error.needed}
        return _failed(told, "fault", fault, words.fault(error, language), FAULTY)
    _say(told, end.to_json(), words.ended(end, language))
    return end.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="warifu-update", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    init = verbs.add_parser("init", help="make a folder the updater's")
    init.add_argument("--address", required=True, help="the provider's address")
    init.add_argument("--root", required=True, type=Path, help="the root that came with it")
    init.add_argument("--host", default="", help="the host application")
    init.add_argument("--legacy", default="", help="the folder of a program installed by hand")
    init.add_argument("--mirror", action="append", default=[], help="further servers of the bytes")
    init.add_argument("--proxy", default="", help="an HTTP proxy")
    init.add_argument("--authority", default="", help="a PEM file of further TLS roots")
    init.add_argument("--rate", type=int, default=0, help="at most this many bytes per second")
    init.add_argument("--quota", type=int, default=0, help="at most this many bytes on disk")
    init.add_argument("--no-report", action="store_true", help="send no outcomes")
    for name, help_text in (
        ("check", "ask whether a release is offered"),
        ("apply", "install what is offered"),
        ("rollback", "go back to the kept previous release"),
        ("status", "look at what is installed"),
        ("repair", "start the installed release, and mend it if it is damaged"),
    ):
        verb = verbs.add_parser(name, help=help_text)
        verb.add_argument("--language", choices=words.LANGUAGES)
        if name == "status":
            verb.add_argument("--start", action="store_true", help="also run the start test")
    for verb in verbs.choices.values():
        verb.add_argument("--folder", type=Path, help="the updater's folder")
        verb.add_argument("--product", default="", help="the product, where no folder is given")
        verb.add_argument("--json", action="store_true", help="one JSON object on stdout")
    return parser


def _folder(told: argparse.Namespace) -> Path:
    if told.folder is None and not told.product:
        raise Refusal("folder-missing", needed="--folder or --product")
    folder: Path = told.folder or settings.usual(told.product)
    return folder.absolute()


def _init(told: argparse.Namespace) -> int:
    if not told.product:
        raise Refusal("product-missing", needed="--product")
    layout = Layout(_folder(told))
    try:
        root = told.root.read_bytes()
    except OSError as error:
        raise Fault(f"cannot read {told.root}", needed="the root that came with it") from error
    given = Settings(
        told.address,
        told.product,
        told.host,
        told.legacy,
        tuple(told.mirror),
        told.proxy,
        told.authority,
        rate=told.rate,
        quota=told.quota,
        report=not told.no_report,
    )
    digest = settings.write(layout, given, root)
    identity.key(machine.opened(layout.root))
    said = f"{layout.root}\nroot sha256: {digest}\n{words.COMPARE}"
    _say(told, {"folder": str(layout.root), "root": digest}, said)
    return 0


def _status(told: argparse.Namespace, own: Machine) -> int:
    if told.start:
        standing.started(own)
    found = standing.status(own)
    lines = (f"{name}: {value}" for name, value in found.to_json().items())
    _say(told, found.to_json(), "\n".join(lines))
    return 0 if found.look.tree is Tree.INTACT else REFUSED


def _failed(
    told: argparse.Namespace, end: str, facts: dict[str, Json], said: str, code: int
) -> int:
    if told.json:
        print(json.dumps({"end": end, **facts, "said": said}, ensure_ascii=False))
    print(said, file=sys.stderr)
    return code


def _say(told: argparse.Namespace, facts: dict[str, Json], said: str) -> None:
    print(json.dumps({**facts, "said": said}, ensure_ascii=False) if told.json else said)


if __name__ == "__main__":
    sys.exit(main())
