"""`warifu-update`: one command, one sentence, one exit code. Commands and codes: docs/client.md."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from warifu_client import (
    along,
    applying,
    arguments,
    background,
    bundle,
    health,
    identity,
    machine,
    returning,
    session,
    settings,
    standing,
    starting,
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
    """Run one command; gives its exit code. Refusals and faults are told plainly, no traceback."""
    given = sys.argv[1:] if words_given is None else list(words_given)
    told = arguments.parser(_asked(given)).parse_args(given)
    if told.verb == "tuf":
        return _tuf(told)
    told.spoken = told.language or words.usual()
    try:
        return _run(told, checkpoint)
    except Refusal as error:
        facts: dict[str, Json] = dict(error.facts.items())
        said: dict[str, Json] = {"code": error.reason, "facts": facts, "needed": error.needed}
        return _failed(told, "refused", said, words.refusal(error, told.spoken), REFUSED)
    except Fault as error:
        fault: dict[str, Json] = {"what": error.what, "needed": error.needed}
        return _failed(told, "fault", fault, words.fault(error, told.spoken), FAULTY)
    except BrokenPipeError:
        # Whoever read it has seen enough; nothing may be printed at the end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED


def _run(told: Namespace, checkpoint: Checkpoint) -> int:
    if told.verb == "init":
        return _init(told)
    own = machine.opened(_folder(told), checkpoint=checkpoint, progress=_progress(told))
    told.spoken = told.language or own.settings.language
    if told.verb in SHOWN:
        return SHOWN[told.verb](told, own)
    if told.verb == "check" and told.as_start_test:
        return _start_test(own)
    try:
        end = VERBS[told.verb](told, own)
    finally:
        if _watched(told):
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    said = words.ended(end, told.spoken)
    if not told.json:
        said = f"{said}\n{words.hint(end, told.spoken, _where(told))}".strip()
    _say(told, end.to_json(), said)
    return end.exit_code


def _where(told: Namespace) -> str:
    """The words that name the same folder again."""
    if told.folder is not None:
        return f" --folder {told.folder}"
    return f" --product {told.product}" if told.product else ""


def _start_test(own: Machine) -> int:
    """As a host answers to a start test (docs/client.md): 0, 1, or 75 where nothing was learnt."""
    found = applying.whole_check(own)
    if found.good:
        return 0
    print(json.dumps({"failure": {"code": found.failure}}))
    return starting.UNDECIDED if found.undecided else REFUSED


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
        label = question.manifest.labels.get(told.spoken, "")
        until = times.spell(question.until)
        print(words.say("offline", told.spoken, label=label, until=until), file=sys.stderr)
        return sys.stdin.isatty() and input("[y/N] ").strip().lower() == "y"

    return bundle.install(own, told.file.absolute(), confirm)


def _status(told: Namespace, own: Machine) -> int:
    if told.start:
        standing.started(own)
    found = standing.status(own)
    _say(told, found.to_json(), words.status(found, own.settings.report, told.spoken))
    return 0 if found.look.tree is Tree.INTACT else REFUSED


def _support(told: Namespace, own: Machine) -> int:
    found = support.report(own)
    print(json.dumps(found, ensure_ascii=False, indent=None if told.json else 2))
    if not told.json:
        print(words.say("sent-by-you", told.spoken), file=sys.stderr)
    return 0


def _background(told: Namespace, own: Machine) -> int:
    usual = settings.home() / along.UPDATER
    updater = told.updater or (usual if usual.exists() else Path(sys.argv[0]).resolve())
    folder = told.units or Path.home() / ".config" / "systemd" / "user"
    written = background.install(own, updater, folder, along.looks_after(own.layout.root))
    command = f"systemctl --user enable --now {written[-1].name}"
    said = "\n".join([*map(str, written), words.say("background", told.spoken, command=command)])
    _say(told, {"units": [str(one) for one in written], "command": command}, said)
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
    """The folder that is meant; where only one product is set up, it need not be named."""
    if told.folder is not None:
        given: Path = told.folder
        return given.absolute()
    known = settings.products()
    if not told.product and not known:
        raise Refusal("not-set-up", needed="warifu-update init")
    came = along.found()
    product = told.product or (known[0] if len(known) == 1 else came.product if came else "")
    if not product:
        raise Refusal("folder-missing", needed="--folder or --product", known=", ".join(known))
    return settings.usual(product).absolute()


def _init(told: Namespace) -> int:
    came = along.found()
    address = told.address or (came.address if came else "")
    product = told.product or (came.product if came else "")
    root = told.root or (came.root if came else None)
    if not address or not product or root is None:
        raise Refusal("provider-missing", needed="--address, --root and --product")
    given = Settings(
        address,
        product,
        told.host,
        told.legacy,
        tuple(told.mirror),
        told.proxy,
        told.authority,
        told.spoken,
        rate=told.rate,
        quota=told.quota,
        report=not told.no_report,
    )
    folder = (told.folder or settings.usual(product)).absolute()
    digest = _set_up(folder, given, root)
    facts: dict[str, Json] = {"folder": str(folder), "root": digest}
    lines = [str(folder), f"root sha256: {digest}", words.say("compare", told.spoken)]
    if came is not None and came.updater:
        own = folder.parent / came.updater
        tree, host = str(came.tree), str(folder)
        _set_up(own, replace(given, product=came.updater, host=host, legacy=tree), root)
        facts["command"] = str(along.settle(came, folder.parent, own))
        lines.append(str(facts["command"]))
    lines += [words.consent(given), words.say("next", told.spoken, where=_where(told))]
    _say(told, facts, "\n".join(lines))
    return 0


def _set_up(folder: Path, given: Settings, root: Path) -> str:
    """Settings may be given anew; the root that was once trusted is not replaced by hand."""
    try:
        data = root.read_bytes()
    except OSError as error:
        raise Fault(f"cannot read {root}", needed="the root that came with it") from error
    layout = Layout(folder)
    steps.is_root(data)
    if layout.trust.exists() and not session.has_verified(layout, data):
        raise Refusal("another-root", needed="the root that was trusted first", folder=folder)
    digest = settings.write(layout, given, data)
    identity.key(machine.opened(layout.root))
    return digest


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


def _watched(told: Namespace) -> bool:
    """Whether somebody looks at it, so that a line may be written over."""
    return sys.stderr.isatty() and not told.json and not getattr(told, "progress", False)


def _progress(told: Namespace) -> Callable[[Moment], None]:
    """A line that is written over where somebody looks at it; lines of JSON for a window.

    A window that was closed stops no update.
    """
    lines, watched = getattr(told, "progress", False), _watched(told)

    def show(moment: Moment) -> None:
        text = words.progress(moment, told.spoken)
        if lines:
            said = {"done": moment.done, "step": moment.step, "total": moment.total, "said": text}
            left = moment.remaining
            row = {**said, "seconds": left and round(left)}
            with contextlib.suppress(OSError):
                print(json.dumps(row, ensure_ascii=False), file=sys.stderr, flush=True)
        elif watched:
            print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)

    return show


def _asked(given: Sequence[str]) -> str:
    """The language of the help, which is made before the words are read."""
    for word, following in zip(given, [*given[1:], ""], strict=True):
        told = following if word == "--language" else word.removeprefix("--language=")
        if told in words.LANGUAGES:
            return told
    return words.usual()


def _failed(told: Namespace, end: str, facts: dict[str, Json], said: str, code: int) -> int:
    if told.json:
        print(json.dumps({"end": end, **facts, "said": said}, ensure_ascii=False))
    print(said, file=sys.stderr)
    return code


def _say(told: Namespace, facts: dict[str, Json], said: str) -> None:
    print(json.dumps({**facts, "said": said}, ensure_ascii=False) if told.json else said)


if __name__ == "__main__":
    sys.exit(main())
