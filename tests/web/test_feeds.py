"""Feeds as other people's clients really read them: only late, only signed, gone with a stop."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from click.testing import CliRunner

from tests.node import NODE, installed
from tests.story import small as smalls
from tests.story.small import NOW, Small
from tests.web.running import ask, free_port
from warifu.app import config as configs
from warifu.app import feeding, halting, road
from warifu.app.wiring import clock
from warifu.cli import main
from warifu.engines.attest.entries import Kind
from warifu.web.feeds import Feeds
from warifu.web.files import Environ, Headers
from warifu.web.running import door
from warifu_wire.digest import digest, of_bytes
from warifu_wire.gates import Gate
from warifu_wire.stops import Halt

pytestmark = pytest.mark.programs_repeat

PEERS = Path(__file__).parent / "peers"
WHY = {"en": "it hangs", "ja": "止まります"}
DECLARED = (
    '[feeds.electron]\nfile = "program/main.py"\n[feeds.sparkle]\nkey = "sparkle"\n'
    "[rollout]\nstages = [40]\nfinished = [6]\n"
)


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class Site:
    """A published house, and its own application on a port."""

    small: Small
    scripts: Path
    key: str

    @property
    def address(self) -> str:
        """Where feeds begin."""
        return f"{self.small.address}/feeds/small"

    def electron(self, to: Path) -> tuple[int, str]:
        """electron-updater's own provider: its exit code, and what it said."""
        command = [NODE, self.scripts / "feed.cjs", self.address, to]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout or done.stderr

    def sparkle(self) -> list[dict[str, object]]:
        """What an appcast reader finds."""
        command = [NODE, self.scripts / "appcast.cjs", f"{self.address}/appcast.xml", self.key]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found: list[dict[str, object]] = json.loads(done.stdout)
        return found

    def run(self, *words: str, code: int = 0) -> str:
        """One command."""
        done = CliRunner().invoke(main, ["-C", str(self.small.source), *words])
        assert done.exit_code == code, (done.output, done.exception)
        return done.output

    def next_second(self) -> None:
        """The house is looked at once a second at most."""
        threading.Event().wait(1.1)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    port = free_port()
    small = smalls.found(tmp_path, address=f"http://127.0.0.1:{port}")
    smalls.describe(small, "1.2.0")
    place = small.source / configs.NAME
    place.write_text(place.read_text("utf-8") + DECLARED)
    house = small.house()
    key = house.keyring.create("sparkle", now=NOW, kind=Kind.KEPT).public
    smalls.signed(small)
    server = make_server("127.0.0.1", port, door(small.source), WSGIServer, Quiet)  # type: ignore[arg-type]
    running = threading.Thread(target=server.serve_forever, daemon=True)
    running.start()
    try:
        assert not road.publish(house, NOW)
        yield Site(small, installed(PEERS), str(key.to_json()["keyval"]["public"]))  # type: ignore[index,call-overload]
    finally:
        server.shutdown()
        server.server_close()
        running.join()
        small.end()


def open_stage(small: Small, stage: int) -> None:
    """The stage is open, and served."""
    house = small.house()
    current = house.repository.current("small")
    release = digest(smalls.release(house))
    gate = Gate(release, 1, stage, NOW, of_bytes(b"probe"), of_bytes(b"evidence"))
    house.repository.widen(current.gates.opened(gate), clock())


def whys(small: Small, now: datetime | None = None) -> set[str]:
    """Why the feeds offer nothing."""
    return {one.why for one in feeding.offered(small.house(), now or clock())}


def test_a_release_reaches_other_clients_late_signed_and_not_after_a_stop(
    site: Site, tmp_path: Path
) -> None:
    small, got = site.small, tmp_path / "got"
    assert whys(small) == {"feed-unsigned"}
    assert site.electron(got)[0] == 1
    for person in ("approver-1", "approver-2"):
        told = site.run("sign", "--feeds", "--as", person)
        assert "electron-updater latest.yml: program/main.py" in told
        assert "no install-time stop" in told
    assert whys(small) == {"feed-early"}
    open_stage(small, 1)
    assert whys(small) == {"feed-early"}  # forty of three thousand are not everybody
    feeding.update(small.house(), clock())
    assert site.sparkle() == []
    open_stage(small, 2)
    assert whys(small) == {feeding.UNPREPARED}
    feeding.update(small.house(), clock())
    assert whys(small) == {""}
    site.next_second()
    # electron-updater itself finds it, fetches it and agrees with its digest
    code, told = site.electron(got)
    assert code == 0, told
    found = json.loads(told)
    assert (found["version"], found["staging"]) == ("1.2.0", None)
    assert got.read_text() == "print('one')\n"
    # an appcast reader too, and the signature is the declared key's
    assert site.sparkle() == [{"version": "1.2.0", "whole": True, "signed": True, "dated": True}]
    assert ask(small.address, "/feeds/small/latest.yml")[1]["cache-control"] == "no-store"
    assert "no install-time stop" in site.run("status")
    assert "適用時の停止はできません" in site.run("--lang", "ja", "status")
    _stopped(site, got, found["url"])


def _stopped(site: Site, got: Path, url: str) -> None:
    small = site.small
    house = small.house()
    release = digest(smalls.release(house))
    assert halting.stop(house, release, Halt.STOPPED, WHY, clock(), by="oncall-1").in_force
    site.next_second()
    code, told = site.electron(got)
    assert (code, told.split()[0]) == (1, "ERR_UPDATER_CHANNEL_FILE_NOT_FOUND")
    assert ask(site.small.address, url.removeprefix(site.small.address))[0] == 404
    assert site.sparkle() == []
    assert whys(small) == {"stopped"}
    feeding.update(small.house(), clock())
    withdrawn = list(house.ledger.events(kind="feed.withdrawn"))
    assert [(one.facts["client"], one.facts["downloads"]) for one in withdrawn] == [
        ("electron", 1),
        ("sparkle", 1),
    ]
    feeding.update(small.house(), clock())
    assert len(list(house.ledger.events(kind="feed.withdrawn"))) == 2
    out = small.folder / "reports"
    site.run("report", release[:12], "--out", str(out))
    text = next(out.glob("*.en.html")).read_text("utf-8")
    assert "withdrawn from the feed latest.yml: 1 downloads there have no install-time stop" in text


def test_whatever_is_declared_anew_is_signed_anew_and_a_dead_lease_empties(site: Site) -> None:
    small = site.small
    for person in ("approver-1", "approver-2"):
        site.run("sign", "--feeds", "--as", person)
    for stage in (1, 2):
        open_stage(small, stage)
    feeding.update(small.house(), clock())
    assert whys(small) == {""}
    assert whys(small, clock() + timedelta(days=2)) == {"feed-over"}
    place = small.source / configs.NAME
    declared = place.read_text("utf-8")
    place.write_text(declared.replace("program/main.py", "program/none.exe"))
    assert whys(small) == {"feed-unsigned"}
    for person in ("approver-1", "approver-2"):
        site.run("sign", "--feeds", "--as", person)
    place.write_text(declared.replace(DECLARED, ""))
    site.run("sign", "--feeds", "--as", "approver-1", code=1)
    feeding.update(small.house(), clock())
    found = [one.facts["why"] for one in small.house().ledger.events(kind="feed.withdrawn")]
    assert found == ["feed-undeclared", "feed-undeclared"]
    assert whys(small) == set()


def test_a_program_that_does_not_fit_is_said_once(site: Site) -> None:
    small = site.small
    place = small.source / configs.NAME
    place.write_text(place.read_text("utf-8").replace("program/main.py", "program/none.exe"))
    for person in ("approver-1", "approver-2"):
        site.run("sign", "--feeds", "--as", person)
    for stage in (1, 2):
        open_stage(small, stage)
    for _ in range(2):
        feeding.update(small.house(), clock())
    assert whys(small) == {"feed-file", ""}
    assert len(list(small.house().ledger.events(kind="feed.unfit"))) == 1


def test_the_door_answers_only_what_it_offers(site: Site) -> None:
    app = Feeds(site.small.house(), clock)
    said: list[tuple[str, Headers]] = []

    def asked(path: str, method: str = "GET") -> tuple[str, bytes]:
        environ: Environ = {"PATH_INFO": path, "REQUEST_METHOD": method}
        data = b"".join(app(environ, lambda status, headers: said.append((status, headers))))
        return said[-1][0][:3], data

    assert asked("/feeds/small/latest.yml") == ("404", b"")
    assert asked("/feeds/other/appcast.xml") == ("404", b"")
    assert asked("/feeds/small/appcast.xml")[0] == "200"
    assert asked("/feeds/small/appcast.xml", "HEAD") == ("200", b"")
    assert asked("/feeds/small/latest.yml", "POST")[0] == "405"
    spoiled = site.small.state / "public" / "metadata" / "timestamp.json"
    spoiled.write_bytes(b"spoiled")
    site.next_second()
    assert asked("/feeds/small/appcast.xml")[0] == "503"
