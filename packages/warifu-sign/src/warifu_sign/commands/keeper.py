"""`warifu-sign keeper`: the signer process, which the desk starts for itself."""

from __future__ import annotations

import argparse

from warifu_sign.commands import shared
from warifu_sign.keeper import room


def add(verbs: shared.Verbs) -> None:
    """Add the verb to the command line; no help names it."""
    one = verbs.add_parser("keeper")
    one.add_argument("seconds", type=float)
    one.set_defaults(run=_keep, json=True)


def _keep(asked: argparse.Namespace) -> int:
    room.serve(asked.seconds)
    return 0
