"""`warifu-update`: one command, one sentence, one exit code. Commands and codes: docs/client.md."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from warifu_client import (
    applying,
    arguments,
    background,
    bundle,
    health,
    identity,
    machine,
    returning,
    settings,
    standing,
    steps,
    support,
    transport,
    words,
)
from warifu_client.bundle import Question
from warifu_client.ended import Ended
from warifu_client.layout import Layout
from warifu_client.machine import Checkpoint, Machine, passing
from warifu_client.progress import Moment
from warifu_client.settings import Settings
from warifu_wire import times
from warifu_wire.canonical import Json
from warifu_wire.errors import Fault, Refusal
from warifu_wire.routes import Tree

REFUSED, USAGE, FAULTY = 1, 2, 3


def main(words_given: Sequence[str] | None = None, checkpoint: Checkpoint = passing) -> int:
    """Run one command; gives its exit code. Refusals and faults are one sentence, no traceback."""
    told = arguments.parser().parse_args(words_given)
    try:
        if told.verb == "tuf":
            return _tuf(told)
        if told.verb == "init":
            return _init(told)
        own = machine.opened(_folder(told), checkpoint=checkpoint, progress=_progress(told))
        told.language = told.language or own.settings.language
        if told.verb in SHOWN:
            return SHOWN[told.verb](told, own)
        end = VERBS[told.verb](told, own)
    except Refusal as error:
        facts: dict[str, Json] = dict(error.facts.items())
        said: dict[str, Json] = {"code": error.reason, "facts": facts, "needed": error.needed}
        return _failed(told, "refused", said, words.refusal(error, _language(told)), REFUSED)
    except Fault as error:
        fault: dict[str, Json] = {"what": error.what, "needed": error.needed}
        return _failed(told, "fault", fault, words.fault(error, _language(told)), FAULTY)
    _say(told, end.to_json(), words.ended(end, _language(told)))
    return end.exit_code


def _check(told: Namespace, own: Machine) -> Ended:
    del told
    return applying.look_for(own)


def _apply(told: Namespace, own: Machine) -> Ended:
    if told.again:
        health.forgive(own)
    return applying.apply(own)


def _rollback(told: Namespace, own: Machine) -> Ended:
    del told
    return returning.rollback(own)


def _repair(told: Namespace, own: Machine) -> Ended:
    del told
    return applying.repair(own)


def _bundle(told: Namespace, own: Machine) -> Ended:
    def confirm(question: Question) -> bool:
        if told.confirm:
            return True
        label = question.manifest.labels.get(told.language, "")
        print(words.offline(label, times.spell(question.until), told.language), file=sys.stderr)
        return sys.stdin.isatty() and input("[y/N] ").strip().lower() == "y"

    return bundle.install(own, told.file.absolute(), confirm)


def _status(told: Namespace, own: Machine) -> int:
    if told.start:
        standing.started(own)
    found = standing.status(own)
    _table(told, found.to_json())
    return 0 if found.look.tree is Tree.INTACT else REFUSED


def _support(told: Namespace, own: Machine) -> int:
    found = support.report(own)
    print(json.dumps(found, ensure_ascii=False, indent=None if told.json else 2))
    return 0


def _background(told: Namespace, own: Machine) -> int:
    updater = told.updater or Path(sys.argv[0]).resolve()
    folder = told.units or Path.home() / ".config" / "systemd" / "user"
    written = background.install(own, updater, folder)
    timer = written[-1].name
    said = "\n".join([*map(str, written), f"systemctl --user enable --now {timer}"])
    _say(told, {"units": [str(one) for one in written]}, said)
    return 0


VERBS: Mapping[str, Callable[[Namespace, Machine], Ended]] = {
    "check": _check,
    "apply": _apply,
    "rollback": _rollback,
    "repair": _repair,
    "bundle": _bundle,
}
SHOWN: Mapping[str, Callable[[Namespace, Machine], int]] = {
    "status": _status,
    "support-report": _support,
    "background": _background,
}


def _folder(told: Namespace) -> Path:
    if told.folder is None and not told.product:
        raise Refusal("folder-missing", needed="--folder or --product")
    folder: Path = told.folder or settings.usual(told.product)
    return folder.absolute()


def _init(told: Namespace) -> int:
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
        told.language or "ja",
        rate=told.rate,
        quota=told.quota,
        report=not told.no_report,
    )
    digest = settings.write(layout, given, root)
    identity.key(machine.opened(layout.root))
    said = f"{layout.root}\nroot sha256: {digest}\n{words.COMPARE}\n{words.consent(given)}"
    _say(told, {"folder": str(layout.root), "root": digest}, said)
    return 0


def _tuf(told: Namespace) -> int:
    """A step of the TUF workflow: 0 or 1, and nothing between; 2 where an option is missing."""
    needed = arguments.NEEDED[told.step]
    missing = [f"--{name}" for name in needed if not getattr(told, name.replace("-", "_"))]
    if missing:
        print(f"warifu-update tuf {told.step}: {' '.join(missing)}?", file=sys.stderr)
        return USAGE
    plain = transport.plain()
    try:
        if told.step == "init":
            steps.init(told.root, told.metadata_dir)
        elif told.step == "refresh":
            steps.refresh(plain, told.metadata_dir, told.metadata_url)
        else:
            at = (told.metadata_url, told.target_base_url, told.target_name, told.target_dir)
            steps.download(plain, told.metadata_dir, *at)
    except (Refusal, Fault, OSError) as error:
        print(error, file=sys.stderr)
        return REFUSED
    return 0


def _progress(told: Namespace) -> Callable[[Moment], None]:
    """A line that is written over where somebody looks at it; lines of JSON for a window."""
    lines = getattr(told, "progress", False)
    shown = sys.stderr.isatty() and not told.json

    def show(moment: Moment) -> None:
        if lines:
            said = {"done": moment.done, "step": moment.step, "total": moment.total}
            left = moment.remaining
            print(json.dumps({**said, "seconds": left and round(left)}), file=sys.stderr)
        elif shown:
            print(f"\r{words.progress(moment)}\x1b[K", end="", file=sys.stderr, flush=True)

    return show


def _language(told: Namespace) -> str:
    return told.language or "ja"


def _table(told: Namespace, facts: dict[str, Json]) -> None:
    _say(told, facts, "\n".join(f"{name}: {value}" for name, value in facts.items()))


def _failed(told: Namespace, end: str, facts: dict[str, Json], said: str, code: int) -> int:
    if told.json:
        print(json.dumps({"end": end, **facts, "said": said}, ensure_ascii=False))
    print(said, file=sys.stderr)
    return code


def _say(told: Namespace, facts: dict[str, Json], said: str) -> None:
    print(json.dumps({**facts, "said": said}, ensure_ascii=False) if told.json else said)


if __name__ == "__main__":
    sys.exit(main())
