"""A small program of its own, founded once and laid again as often as a test needs it."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.db import connections

from warifu.app import config as configs
from warifu.app import founding, recall, road, wiring
from warifu.app.wiring import House
from warifu_wire.manifest import Kind

NOW = datetime.now(UTC).replace(microsecond=0)
"""One moment for every run, so that reruns can be compared to the byte."""
SUITE = (
    "import sys; open(sys.argv[1], 'w').write('<testsuite><testcase name=\"starts\"/></testsuite>')"
)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class Small:
    """The folder with source and state, and the server of its published tree."""

    folder: Path
    server: http.server.ThreadingHTTPServer
    service: str = ""
    """More lines of `[service]`."""
    address: str = ""
    """Where members come to; by default this server."""

    @property
    def source(self) -> Path:
        """The git repository with warifu.toml."""
        return self.folder / "source"

    @property
    def state(self) -> Path:
        """The house's state."""
        return self.folder / "state"

    def house(self) -> House:
        """The house as a process of its own would open it."""
        return wiring.open_house(configs.load(self.source / configs.NAME))

    def keep(self, name: str) -> None:
        """Keep the state as it is now, under a name."""
        shutil.copytree(self.state, self.folder / name)

    def lay(self, name: str) -> None:
        """Lay a kept state in place of the present one, whose ledger nobody has open any more."""
        connections.close_all()
        shutil.rmtree(self.state)
        shutil.copytree(self.folder / name, self.state)

    def end(self) -> None:
        """End the server."""
        self.server.shutdown()
        self.server.server_close()


def found(folder: Path, now: datetime = NOW, service: str = "", address: str = "") -> Small:
    """A repository with one program of two files, and its house."""
    source = folder / "source"
    (source / "program").mkdir(parents=True)
    (source / "program" / "main.py").write_text("print('one')\n")
    (source / "program" / "名前.txt").write_text("二\n")
    git(source, "init", "--quiet", "--initial-branch=main")
    git(source, "add", ".")
    git(source, "commit", "--quiet", "--message", "one")
    git(source, "commit", "--quiet", "--allow-empty", "--message", "two")
    door = functools.partial(_Quiet, directory=str(folder / "state" / "public"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made = Small(folder, server, service, address)
    founding.init(source, describe(made, "Ver1.00"), now, lambda _: None)
    return made


def describe(small: Small, version: str) -> founding.Given:
    """Approve the commit that is checked out, under a version label."""
    given = founding.Given(
        product="small",
        version=version,
        start=("{python}", "{tree}/program/main.py"),
        suite=("{python}", "-c", SUITE, "{junit}"),
        address=small.address or f"http://127.0.0.1:{small.server.server_port}",
    )
    text = founding.describe(small.source, given) + f'state = "{small.state}"\n{small.service}'
    (small.source / configs.NAME).write_text(f"{text}\n[policy]\nlease = 86400\n")
    return given


def move_on(small: Small, version: str, text: str) -> None:
    """A new commit with another main program, approved under a version label."""
    (small.source / "program" / "main.py").write_text(text)
    git(small.source, "commit", "--quiet", "--all", "--message", version)
    describe(small, version)


def signed(small: Small, *kinds: Kind) -> None:
    """Compose, verify, propose and sign: everything before publication."""
    house = small.house()
    made = []
    for kind in kinds or (Kind.INSTALL,):
        road.compose(house, kind, NOW)
        made.append(road.verify(house, kind, NOW).composition.id)
    road.propose(house, made, NOW)
    for person in ("approver-1", "approver-2"):
        sign(house, person)


def sign(house: House, person: str) -> None:
    """One person is shown the open proposal, and signs it."""
    proposed = recall.proposal(house)
    _, page = road.page(house, proposed, "en")
    road.sign(house, proposed, page, person, NOW)


def release(house: House, kind: Kind = Kind.INSTALL) -> str:
    """The last release of a kind."""
    return recall.composed(house, kind).id


def git(folder: Path, *words: str) -> str:
    """git with nothing of this machine's settings."""
    sides = ("AUTHOR", "COMMITTER")
    who = {f"GIT_{one}_{two}": "test" for one in sides for two in ("NAME", "EMAIL")}
    sealed = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    when = {f"GIT_{one}_DATE": "2026-01-04T12:00:00Z" for one in sides}
    done = subprocess.run(
        ["git", "-C", str(folder), *words],
        env={**os.environ, **sealed, **who, **when},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
