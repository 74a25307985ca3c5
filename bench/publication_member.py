"""One member's machine as a process of its own: the real updater, cut off or asleep where told.

`python -m bench.publication_member FOLDER OFFSET [MOMENT SIGNAL]`: applies what is offered, with a
wall clock that is OFFSET seconds off; once the step MOMENT is durable it sends itself SIGNAL.
Exit 0 only when a release was installed by this run.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from warifu_client import applying, clock, settings, transport
from warifu_client.ended import End
from warifu_client.layout import Layout
from warifu_client.machine import Means, opened
from warifu_wire.check import Reading
from warifu_wire.errors import Fault, Refusal


def main() -> int:
    """Run once."""
    folder, offset, *cut = sys.argv[1:]
    told = settings.read(Layout(Path(folder)))

    def off() -> Reading:
        now = clock.system()
        return replace(now, wall=now.wall + timedelta(seconds=float(offset)))

    def step(name: str) -> None:
        if cut and name == cut[0]:
            os.kill(os.getpid(), signal.Signals[cut[1]])

    means = Means(off, transport.of(told), checkpoint=step, pause=lambda _: None)
    try:
        end = applying.apply(opened(Path(folder), means=means))
    except (Refusal, Fault) as error:
        print(error)
        return 1
    print(end.end.value)
    return 0 if end.end is End.INSTALLED else 1


if __name__ == "__main__":
    sys.exit(main())
