"""The page of updates asks the real updater, in whose folder the tool lies."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.client.provider import PRODUCT, Provider, release
from tests.client.serving import serving
from tests.sign.browser import Browser, opened
from warifu_sign.desk import updating
from warifu_sign.desk.acts import Desk
from warifu_wire.manifest import Kind

START = b"raise SystemExit(0)\n"
FIRST = release({"start.py": START, "warifu_sign/a.py": b"1\n"}, kind=Kind.INSTALL)
SECOND = release({"start.py": START, "warifu_sign/a.py": b"2\n"})


def updater(folder: Path, *words: str) -> None:
    command = [sys.executable, "-m", "warifu_client", *words, "--folder", str(folder)]
    subprocess.run(command, check=True, capture_output=True)


def test_the_page_says_what_the_updater_says(tmp_path: Path) -> None:
    provider = Provider(tmp_path / "site", lambda: datetime.now(UTC))
    folder, root = tmp_path / "updater", tmp_path / "root.json"
    root.write_bytes(provider.root)
    with serving(provider.folder) as site:
        provider.publish(FIRST)
        told = ("--address", site.address, "--root", str(root), "--product", PRODUCT)
        updater(folder, "init", *told)
        updater(folder, "apply")
        (installed,) = (folder / "releases").iterdir()
        assert updating.folder(installed / "warifu_sign") == folder
        with opened(Desk(tmp_path / "home", updater=folder)) as server:
            browser = Browser(server)
            shown = browser.get("/update")
            assert FIRST.id[:12] in shown
            assert "署名された内容と一致しています" in shown
            assert "更新はありません" in browser.form("/update")
            provider.publish(FIRST, SECOND)
            assert "新しい版があります" in browser.form("/update")
            (installed / "warifu_sign" / "a.py").write_bytes(b"3\n")
            assert "署名された内容と違います" in browser.get("/update")


def test_a_tool_without_an_updater_says_so(tmp_path: Path) -> None:
    assert updating.folder(tmp_path / "releases" / "x" / "warifu_sign") is None
    desk = Desk(tmp_path / "home")
    assert desk.updater is None
    with opened(desk) as server:
        browser = Browser(server)
        assert "更新プログラムを使わずに" in browser.get("/update") + browser.form("/update")
    with opened(Desk(tmp_path / "home", updater=tmp_path)) as server:
        assert "確認できませんでした" in Browser(server).get("/update")
