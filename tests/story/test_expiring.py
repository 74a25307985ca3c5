"""Whatever command is given, it says first what runs out, by role, while there is time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.story import small as smalls
from tests.story.small import NOW
from warifu.app import expiry
from warifu.cli import main


@pytest.mark.parametrize("verb", [("status",), ("keys", "list"), ("ledger", "verify"), ("work",)])
def test_every_command_says_what_runs_out(verb: tuple[str, ...], tmp_path: Path) -> None:
    small = smalls.found(tmp_path, NOW - timedelta(days=151))
    try:
        done = CliRunner().invoke(main, ["-C", str(small.source), *verb])
        for role in ("root", "targets"):
            assert f"{role} expires 2" in done.stderr
        assert "two of the three root keys" in done.stderr
        assert "snapshot has expired" in done.stderr
    finally:
        small.end()


def test_a_role_is_named_thirty_days_ahead_or_half_its_life(tmp_path: Path) -> None:
    small = smalls.found(tmp_path)
    try:
        house = small.house()
        for day, roles in (
            (0.4, ()),
            (1.1, ("timestamp", "snapshot", "stops")),
            (14, ("timestamp", "snapshot", "stops", "gates")),
            (16, ("timestamp", "snapshot", "stops", "gates", "releases")),
            (149, ("timestamp", "snapshot", "stops", "gates", "releases")),
            (151, ("timestamp", "snapshot", "stops", "gates", "releases", "root", "targets")),
        ):
            found = expiry.warnings(house, "ja", NOW + timedelta(days=day))
            assert {one.split()[0] for one in found} == set(roles), day
        assert all("JST" in one and "必要なもの" in one for one in found)
        (small.state / "public" / "metadata" / "timestamp.json").write_bytes(b"spoiled")
        assert expiry.warnings(house, "en", NOW) == ()
    finally:
        small.end()
