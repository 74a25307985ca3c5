"""`warifu nginx`: what it prints runs in the real nginx, before the real `warifu serve`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from click.testing import CliRunner

from tests.story import small as smalls
from tests.web.running import ask, free_port, nginx, running
from warifu.app import road
from warifu.cli import main
from warifu.web import fronting


def test_what_it_prints_serves_the_house(tmp_path: Path) -> None:
    port, behind = free_port(), free_port()
    small = smalls.found(tmp_path, address=f"http://127.0.0.1:{port}")
    command = (sys.executable, "-m", "warifu.cli", "-C", small.source, "serve", "--port")
    words = ("nginx", "--listen", f"127.0.0.1:{port}", "--upstream", f"127.0.0.1:{behind}")
    try:
        smalls.signed(small)
        done = CliRunner().invoke(main, ["-C", str(small.source), *words])
        assert done.exit_code == 0
        assert f"nginx's workers cannot read {small.state}" in done.stderr
        with (
            running(*command, str(behind), port=behind),
            nginx(tmp_path / "nginx", done.stdout, port) as address,
        ):
            assert not road.publish(small.house(), smalls.NOW)  # fetched back through nginx
            artifact = dict(small.house().ledger.rows("publication"))[
                smalls.release(small.house())
            ]["artifact"]
            path = f"/targets/programs/small/{artifact}.{artifact}.zip"
            assert ask(address, path, warifu_machine="somebody")[0] == 200
            assert ask(address, "/ledger")[0] == 200  # a page, from behind
        # flushed at the latest when it ends
        lines = [json.loads(line) for line in (small.state / "downloads.log").open()]
        assert path in {one["path"] for one in lines}
        assert small.house().downloads.read(small.house().log).unread == 0
    finally:
        small.end()


def test_what_nginx_must_not_do_is_refused(tmp_path: Path) -> None:
    small = smalls.found(tmp_path)
    try:
        for words, told in (
            (("--listen", "192.0.2.1:80"), "Trial keys are not served beyond this machine"),
            (("--listen", "127.0.0.1:80; evil"), "letters, digits"),
        ):
            done = CliRunner().invoke(main, ["-C", str(small.source), "nginx", *words])
            assert done.exit_code == 1
            assert told in done.stderr
        assert list(fronting.closed(small.state / "public")) == [
            one for one in (*reversed(small.state.parents), small.state)
            if not one.stat().st_mode & 1
        ]  # fmt: skip
    finally:
        small.end()
