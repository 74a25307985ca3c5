"""The page of updates and the real updater, in whose folder the tool lies."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.client.provider import PRODUCT, Provider, release
from tests.client.serving import Answer, Asked, Site, serving
from tests.sign.browser import Browser, opened
from warifu_sign.desk import updating
from warifu_sign.desk.acts import Desk
from warifu_wire.manifest import Kind

pytestmark = pytest.mark.programs_repeat

START = b"raise SystemExit(0)\n"
FIRST = release({"start.py": START, "warifu_sign/a.py": b"1\n"}, kind=Kind.INSTALL)
SECOND = release({"start.py": START, "warifu_sign/a.py": b"2\n"})
BROKEN = release({"start.py": b"raise SystemExit(7)\n", "warifu_sign/a.py": b"3\n"})


class Scene:
    """A provider, its site, and a tool in its updater's folder, with its desk open."""

    def __init__(self, place: Path, provider: Provider, site: Site) -> None:
        self.provider, self.site, self.folder = provider, site, place / "updater"
        root = place / "root.json"
        root.write_bytes(provider.root)
        provider.publish(FIRST)
        told = ("--address", site.address, "--root", str(root), "--product", PRODUCT)
        self.run("init", *told)
        self.run("apply")

    def run(self, *words: str) -> None:
        command = [sys.executable, "-m", "warifu_client", *words, "--folder", str(self.folder)]
        subprocess.run(command, check=True, capture_output=True)

    @property
    def installed(self) -> Path:
        return (self.folder / "current").resolve()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    provider = Provider(tmp_path / "site", lambda: datetime.now(UTC))
    with serving(provider.folder) as site:
        yield Scene(tmp_path, provider, site)


def pressed(browser: Browser, button: str) -> tuple[str, str]:
    """Press a button and wait as the page's script does: the page meanwhile, and the one after."""
    shown = browser.form(f"/{button}")
    while not json.loads(browser.get("/now"))["over"]:
        time.sleep(0.05)
    return shown, browser.get("/update")


def test_the_page_says_what_the_updater_says(scene: Scene, tmp_path: Path) -> None:
    assert updating.folder(scene.installed / "warifu_sign") == scene.folder
    with opened(Desk(tmp_path / "home", updater=scene.folder)) as server:
        browser = Browser(server)
        shown = browser.get("/update")
        assert FIRST.id[:12] in shown
        assert "署名された内容と一致しています" in shown
        assert "更新はありません" in browser.form("/update")
        scene.provider.publish(FIRST, SECOND)
        shown = browser.form("/update")
        assert "新しい版があります" in shown
        assert "action=/install" in shown
        assert "warifu-update apply" not in shown


def test_an_update_is_started_watched_and_told(scene: Scene, tmp_path: Path) -> None:
    scene.provider.publish(FIRST, SECOND)
    held = {"wait": True}

    def slowly(asked: Asked, answer: Answer) -> Answer:
        while held["wait"] and "/blobs/" in asked.path:
            time.sleep(0.01)
        return answer

    scene.site.mischief = slowly
    with opened(Desk(tmp_path / "home", updater=scene.folder)) as server:
        browser = Browser(server)
        shown = browser.form("/install")
        assert "<progress" in shown
        assert "電源が切れても" in shown
        assert "<progress" in browser.form("/mend"), "one at a time"
        while "受け取っています" not in json.loads(browser.get("/now"))["said"]:
            time.sleep(0.05)
        held["wait"] = False
        _, shown = pressed(browser, "install")
        assert "導入し、起動を確認しました" in shown
        assert "もう一度起動すると" in shown
        assert SECOND.id[:12] in shown
        assert "導入し、起動を確認しました" not in browser.get("/update"), "told once"
        # and back to what is kept
        assert "action=/back" in browser.get("/update")
        _, shown = pressed(browser, "back")
        assert "に戻しました" in shown
        assert FIRST.id[:12] in shown


def test_a_release_that_does_not_start_changes_nothing_and_says_so(
    scene: Scene, tmp_path: Path
) -> None:
    scene.provider.publish(FIRST, BROKEN)
    with opened(Desk(tmp_path / "home", updater=scene.folder)) as server:
        browser = Browser(server)
        _, shown = pressed(browser, "install")
        assert "起動の確認に通らなかった" in shown
        assert 'class="told bad"' in shown
        assert FIRST.id[:12] in shown


def test_a_damaged_tool_is_mended(scene: Scene, tmp_path: Path) -> None:
    (scene.installed / "warifu_sign" / "a.py").write_bytes(b"3\n")
    with opened(Desk(tmp_path / "home", updater=scene.folder)) as server:
        browser = Browser(server)
        shown = browser.get("/update")
        assert "署名された内容と違います" in shown
        assert "action=/mend" in shown
        _, shown = pressed(browser, "mend")
        assert "署名された内容と一致しています" in shown


def test_a_tool_without_an_updater_says_so(tmp_path: Path) -> None:
    assert updating.folder(tmp_path / "releases" / "x" / "warifu_sign") is None
    desk = Desk(tmp_path / "home")
    assert desk.updater is None
    with opened(desk) as server:
        browser = Browser(server)
        assert "更新プログラムを使わずに" in browser.get("/update") + browser.form("/update")
        assert "更新プログラムを使わずに" in browser.form("/install")
    with opened(Desk(tmp_path / "home", updater=tmp_path)) as server:
        assert "確認できませんでした" in Browser(server).get("/update")


def test_the_updaters_own_command_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the updater's set-up wrote beside its folders; in no library path but its own."""
    command = tmp_path / "warifu-update"
    command.write_text(
        '#!/bin/sh\necho "{\\"end\\": \\"nothing\\", \\"said\\": \\"[$LD_LIBRARY_PATH]\\"}"\n'
    )
    command.chmod(0o755)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setenv("LD_LIBRARY_PATH", "/ours")
    monkeypatch.delenv("LD_LIBRARY_PATH_ORIG", raising=False)
    found = updating.look(tmp_path / "tool", "ja")
    assert found is not None
    assert found.said == "[]"
    command.write_text("#!/bin/sh\necho torn\n")
    assert updating.look(tmp_path / "tool", "ja") is None
    assert updating.state(tmp_path / "tool") is None
