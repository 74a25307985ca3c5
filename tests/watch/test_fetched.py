"""The real updater against our own server: its download is known by the log alone."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.targets.house import House
from tests.web.running import free_port, running
from warifu.engines.traffic.store import SqliteTraffic
from warifu.engines.traffic.weblog import WebLog
from warifu.model.downloads import Contents
from warifu_wire.digest import of_bytes
from warifu_wire.manifest import Kind


def update(*words: str) -> None:
    """The updater as its own process."""
    command = [sys.executable, "-m", "warifu_client.cli", *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_known_without_a_report(tmp_path: Path) -> None:
    """Enrolled, installed, and not a word told: the log says who fetched which release."""
    now = datetime.now(UTC)
    house = House(tmp_path / "public", now=now - timedelta(seconds=100)).found()
    release = house.release("print('one')", kind=Kind.INSTALL)
    house.publish(release)
    for stage in (1, 2, 3):
        house.open_gate(release.id, stage)
    traffic = SqliteTraffic(tmp_path / "traffic.sqlite")
    web = WebLog(tmp_path / "traffic.sqlite")
    log = tmp_path / "downloads.log"
    machine, port = str(tmp_path / "machine"), free_port()
    address = f"http://127.0.0.1:{port}"
    with running(sys.executable, "-m", "tests.watch.server", tmp_path, str(port), port=port):
        root = str(tmp_path / "public" / "metadata" / "1.root.json")
        given = ("--address", address, "--root", root, "--product", "ledger-pad", "--no-report")
        update("init", *given, "--folder", machine)
        update("apply", "--folder", machine)
    id_ = (tmp_path / "machine" / "installation").read_text()
    traffic.confirm(id_, "member 0001", now)
    assert web.read(log).unread == 0
    members = release.manifest.members
    contents = Contents(of_bytes(release.zip), frozenset(one.sha256 for one in members))
    (found,) = web.downloads(contents, now - timedelta(hours=1), now + timedelta(hours=1))
    assert (found.installation, found.member) == (id_, "member 0001")
    traffic.close()
    web.close()
