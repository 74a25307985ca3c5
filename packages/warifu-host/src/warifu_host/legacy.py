"""The host of 2012, kept for its story: `warifu-host-legacy`.

It imports every plug-in at its start, into its own process, unchecked; where one is broken the host
does not start. It is an application of its own; the host of today has no way to behave like this.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from warifu_host import abi, plugins, room, trial
from warifu_host.errors import Failed
from warifu_host.health import Failure, Health


def started(program: Path) -> tuple[abi.Plugin, abi.Host]:
    """Start with the program's plug-in in it; whatever the plug-in raises ends the start."""
    return room.entered(program, plugins.found(program).entry)


def check(program: Path, now: datetime) -> Health:
    """Health as seen from outside: a host that did not start shows nothing else."""
    try:
        plugin, host = started(program)
    except BaseException as error:  # sys.exit in a plug-in ended it as well
        facts = {"why": type(error).__name__, "text": str(error)[:200]}
        return Health(failure=Failure("host-not-started", facts))
    given = trial.made(now)
    try:
        plugin.unlock(given.certificate_file, given.password)
        signed = plugin.sign(trial.DOCUMENT, now)
    except Exception as error:
        return Health(True, True, failure=Failure("sign-failed", {"why": str(error)[:200]}))
    try:
        status, why = plugin.verify(signed, [given.root], [given.crl], now)
        if status != "valid" or not host.received:
            raise Failed("verify-failed", status=status, why=why)
    except Exception as error:
        return Health(True, True, True, failure=Failure("verify-failed", {"why": str(error)[:200]}))
    return Health(True, True, True, True)


def main() -> None:
    """`warifu-host-legacy PROGRAM`: start with the plug-in, sign, verify; JSON on stdout."""
    if len(sys.argv) != 2:
        print("usage: warifu-host-legacy PROGRAM", file=sys.stderr)
        sys.exit(2)
    found = check(Path(sys.argv[1]), datetime.now(UTC))
    print(json.dumps(found.as_json(), ensure_ascii=False))
    sys.exit(0 if found.well else 1)


if __name__ == "__main__":
    main()
