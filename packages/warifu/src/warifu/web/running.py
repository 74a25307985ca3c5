"""The running house: the web process, and the worker that beats beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from warifu.app import config as configs
from warifu.app import wiring, worker
from warifu.web.downloads import LoggedFiles
from warifu.web.feeds import Feeds
from warifu.web.files import App, Files, FolderShelf
from warifu.web.gate import Gate
from warifu.web.pages import pages
from warifu.web.serve import serve


def run(folder: Path, bind: str, port: int | None, told: Callable[[str], None]) -> None:
    """Serve until interrupted; raises `Refusal` for trial keys beyond this machine or a taken port.

    `port` is by default the one of the public address.
    """
    config = configs.load(folder / configs.NAME)
    house = wiring.open_house(config)
    wanted = port or urlsplit(config.service.address).port or 8000
    ended = threading.Event()
    threads = [
        threading.Thread(target=target, args=(mine, wiring.clock, told, ended), daemon=True)
        for target, mine in (
            (worker.run, house),
            (worker.run_slowly, wiring.open_house(config)),
        )
    ]
    told(f"{house.product} at http://{bind}:{wanted} (Ctrl-C ends)")
    for one in threads:
        one.start()
    try:
        serve(bind, wanted, partial(door, folder.resolve()), trial=house.trial)
    finally:
        ended.set()
        for one in threads:
            one.join(timeout=10)


def door(folder: Path) -> App:
    """The application as the web process builds it."""
    config = configs.load(folder / configs.NAME)
    house = wiring.open_house(config)
    shelf = wiring.shelf(config) or FolderShelf(house.public)
    files = LoggedFiles(Files(shelf, config.policy.lease), house.log, wiring.clock)
    feeds = Feeds(house, wiring.clock) if config.feeds else None
    return Gate(files, house.traffic, wiring.clock, pages(house), feeds)
