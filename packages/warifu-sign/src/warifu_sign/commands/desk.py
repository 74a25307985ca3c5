"""`warifu-sign serve`: the desktop face."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import webbrowser
from pathlib import Path
from typing import Any

from warifu_sign.commands import shared
from warifu_sign.desk.acts import Desk
from warifu_sign.desk.server import DeskServer


def add(verbs: shared.Verbs) -> None:
    """Add the verb to the command line."""
    one = verbs.add_parser(
        "serve",
        parents=[shared.json_option()],
        help="open the desktop face in the browser",
        epilog="warifu-sign serve --home ~/warifu-sign",
    )
    home = Path.home() / ".warifu-sign"
    one.add_argument("--home", type=Path, default=home, help="the member's folder")
    one.add_argument("--port", type=int, default=0, help="0: any free port")
    one.add_argument("--updater", type=Path, help="the updater's folder, where it is not around us")
    one.add_argument("--no-browser", action="store_true", help="only print the address")
    one.set_defaults(run=_serve)


def _serve(asked: argparse.Namespace) -> int:
    server = DeskServer(Desk(asked.home, updater=asked.updater), asked.port)

    def stop(*_: Any) -> None:
        threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    shared.tell({"open": server.gate.address}, asked.json)
    sys.stdout.flush()
    if not asked.no_browser:
        webbrowser.open(server.gate.address)
    try:
        server.serve_forever()
    finally:
        server.desk.lock()
        server.server_close()
    return 0
