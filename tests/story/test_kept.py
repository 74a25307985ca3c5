"""A replay that is kept: what may be replaced, what may be shown, and by how many at once."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from warifu_replay import kept
from warifu_replay.told import Teller
from warifu_wire.errors import Refusal


def test_only_a_replay_is_replaced(tmp_path: Path) -> None:
    other = tmp_path / "letters"
    other.mkdir()
    (other / "letter.txt").write_text("mine")
    with pytest.raises(Refusal, match="not-a-replay"), kept.place(other):
        pass
    assert (other / "letter.txt").read_text() == "mine"
    for _ in range(2):
        with kept.place(tmp_path / "replay") as folder:
            assert [one.name for one in folder.iterdir()] == [kept.TOLD]
            (folder / "source").mkdir()


def test_one_at_a_time(tmp_path: Path) -> None:
    with (
        kept.place(tmp_path / "replay"),
        pytest.raises(Refusal, match="busy"),
        kept.place(tmp_path / "replay"),
    ):
        pass


def test_only_what_came_to_its_end_is_shown(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(Refusal, match="no-replay"):
            kept.show(tmp_path / "replay", Teller(quiet=True))
        with kept.place(tmp_path / "replay"):
            pass
    done = subprocess.run(
        [sys.executable, "-m", "warifu_replay", "show", str(tmp_path / "replay")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "make replay" in done.stderr
    assert "Traceback" not in done.stderr


def test_other_ports_where_somebody_listens() -> None:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", kept.PORTS[0]))
            one.listen()
        except OSError:
            pass  # somebody else listens there: that is the case to be tried
        assert kept.ports()[0] != kept.PORTS[0]
