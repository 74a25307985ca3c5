"""The command line: `warifu-sign sign | package | verify | certificate | serve`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping

from warifu_sign import __version__, words
from warifu_sign.commands import shared
from warifu_sign.errors import Fault, Refusal


def _documents(verbs: shared.Verbs) -> None:
    from warifu_sign.commands import documents

    documents.add(verbs)


def _certificate(verbs: shared.Verbs) -> None:
    from warifu_sign.commands import certificate

    certificate.add(verbs)


def _desk(verbs: shared.Verbs) -> None:
    from warifu_sign.commands import desk

    desk.add(verbs)


def _keeper(verbs: shared.Verbs) -> None:
    from warifu_sign.commands import keeper

    keeper.add(verbs)


WHERE: Mapping[str, Callable[[shared.Verbs], None]] = {
    **dict.fromkeys(("sign", "package", "verify"), _documents),
    "certificate": _certificate,
    "serve": _desk,
    "keeper": _keeper,
}
"""Who adds which verb: only what is asked for is loaded, so that the process that holds a key reads
no documents."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command.

    Exit: 0 done (verify: valid), 1 refused or failed (verify: invalid), 2 wrong use,
    3 verify: cannot be decided.
    """
    given = sys.argv[1:] if arguments is None else arguments
    asked = parser(*given[:1]).parse_args(given)
    try:
        sys.exit(asked.run(asked))
    except (Refusal, Fault) as error:
        if asked.json:
            shared.tell(shared.why(error.code, error.facts), True)
        else:
            print(words.told(error.code, error.facts), file=sys.stderr)
        sys.exit(1)


def parser(verb: str = "") -> argparse.ArgumentParser:
    """One verb and its options; all of them where `verb` is none."""
    top = argparse.ArgumentParser(prog="warifu-sign", description=__doc__)
    top.add_argument("--version", action="version", version=__version__)
    verbs = top.add_subparsers(required=True, metavar="sign|package|verify|certificate|serve")
    for add in [WHERE[verb]] if verb in WHERE else dict.fromkeys(WHERE.values()):
        add(verbs)
    return top
