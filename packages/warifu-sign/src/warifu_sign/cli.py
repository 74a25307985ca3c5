"""The command line: `warifu-sign sign | package | verify | certificate | serve`."""

from __future__ import annotations

import argparse
import sys

from warifu_sign import __version__, words
from warifu_sign.commands import certificate, desk, documents, shared
from warifu_sign.errors import Fault, Refusal


def main(arguments: list[str] | None = None) -> None:
    """Run one command.

    Exit: 0 done (verify: valid), 1 refused or failed (verify: invalid), 2 wrong use,
    3 verify: cannot be decided.
    """
    asked = parser().parse_args(arguments)
    try:
        sys.exit(asked.run(asked))
    except (Refusal, Fault) as error:
        if asked.json:
            shared.tell(shared.why(error.code, error.facts), True)
        else:
            print(words.told(error.code, error.facts), file=sys.stderr)
        sys.exit(1)


def parser() -> argparse.ArgumentParser:
    """The verbs and their options."""
    top = argparse.ArgumentParser(prog="warifu-sign", description=__doc__)
    top.add_argument("--version", action="version", version=__version__)
    verbs = top.add_subparsers(required=True, metavar="sign|package|verify|certificate|serve")
    documents.add(verbs)
    certificate.add(verbs)
    desk.add(verbs)
    desk.add_keeper(verbs)
    return top
