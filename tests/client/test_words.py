"""What the member reads: every code has its words, in both languages, and a next step."""

from __future__ import annotations

import ast
import json
import re
import string
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

import warifu_client
import warifu_host
from tests.client.conftest import Made
from tests.client.provider import PRODUCT, Provider, release
from tests.client.serving import Site
from warifu_client import applying, cli, settings, standing, words
from warifu_client.ended import End, Ended
from warifu_client.layout import Layout
from warifu_client.progress import Moment
from warifu_wire.errors import Fault, Refusal
from warifu_wire.manifest import Kind
from warifu_wire.outcome import Phase
from warifu_wire.routes import Health, Tree

GOOD = b"raise SystemExit(0)\n"
FIRST = release({"start.py": GOOD, "main.py": b"1"}, kind=Kind.INSTALL)
SECOND = release({"start.py": GOOD, "main.py": b"2"})
JAPANESE = re.compile("[぀-ヿ一-鿿]")


def calls(package: str, *names: str) -> Iterator[ast.Call]:
    """Every call by one of these names in a package."""
    for path in Path(package).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in names:
                yield node


def test_every_fault_says_what_to_do_in_japanese() -> None:
    needed = {
        word.value.value
        for call in calls(str(warifu_client.__file__), "Fault")
        for word in call.keywords
        if word.arg == "needed" and isinstance(word.value, ast.Constant)
    }
    steps = {"the provider's metadata", "a root file", "warifu-update tuf init"}
    assert needed - steps <= words.codes()["faults"]
    for one in needed:
        assert JAPANESE.search(words.fault(Fault("disk", needed=str(one)), "ja"))


def test_what_can_be_said_no_to_in_daily_life_has_words_of_its_own() -> None:
    """The forms of documents are for the help desk: they share one sentence and name the code."""
    codes = {
        call.args[0].value
        for call in calls(str(warifu_client.__file__), "Refusal", "Stale", "Mismatch", "Stay")
        if call.args and isinstance(call.args[0], ast.Constant)
    }
    known = words.codes()
    inside = {"patch-does-not-fit", "stops-unsigned", "product-missing"}
    assert codes - inside <= known["refusals"] | known["reasons"]


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_sentence_is_whole_in_both_languages(language: str) -> None:
    found = json.loads(resources.files("warifu_client").joinpath("words.json").read_bytes())

    def pairs(value: object) -> Iterator[list[str]]:
        if isinstance(value, dict):
            for one in value.values():
                yield from pairs(one)
        elif isinstance(value, list):
            yield value

    for pair in pairs(found):
        japanese, english = (set(string.Formatter().parse(one)) for one in pair[:2])
        fields = [{name for _, name, _, _ in one if name} for one in (japanese, english)]
        assert fields[0] - {"label"} == fields[1] - {"label"} or "reason_ja" in fields[0], pair
        assert not pair[0] or JAPANESE.search(pair[0])
        assert not JAPANESE.search(pair[1])
    assert set(found["ends"]) == set(End)
    assert set(found["trees"]) == set(Tree)
    assert set(found["healths"]) == set(Health)
    assert set(found["phases"]) | {"repair"} == set(Phase)
    assert {one[2] for one in found["refusals"].values()} <= set(found["steps"])
    for name in found["help"]:
        assert words.helping(name, language)


def test_a_failure_of_the_shared_vocabulary_is_said_to_people() -> None:
    ended = Ended(End.UNDONE, FIRST.id, code="plugin-not-loaded")
    assert "プラグインが読み込まれませんでした" in words.ended(ended, "ja")
    assert "plug-in did not load" in words.ended(ended, "en")
    assert "start-exit-7" in words.reason("start-exit-7", "en")
    assert words.reason("quite-new", "ja") == "quite-new"
    refused = Refusal("sign-failed", needed="a release that starts here")
    assert "署名できませんでした" in words.refusal(refused, "ja")
    assert "ヘルプデスク" in words.refusal(Refusal("quite-odd", needed="x"), "ja")
    assert "quite-odd" in words.refusal(Refusal("quite-odd", needed="x"), "ja")


def test_the_hosts_own_words_are_known() -> None:
    """The reference host's failures are part of the shared vocabulary."""
    text = "".join(
        path.read_text("utf-8") for path in Path(str(warifu_host.__file__)).parent.rglob("*.py")
    )
    told = {"host-not-started", "plugin-not-loaded", "abi-mismatch", "sign-failed", "verify-failed"}
    assert {one for one in told if f'"{one}"' in text} <= words.codes()["reasons"]


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "C"}, "ja"),
        ({}, "ja"),
    ],
)
def test_the_language_is_the_systems(
    variables: dict[str, str],
    language: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert words.usual() == language
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert bool(JAPANESE.search(capsys.readouterr().out)) is (language == "ja")
    with pytest.raises(SystemExit):
        cli.main(["check", "--help", "--language", "en"])
    assert not JAPANESE.search(capsys.readouterr().out)


def test_a_newcomer_is_led(
    made: Made,
    provider: Provider,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """From nothing to something wrong: each answer names the next step, and no product twice."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    monkeypatch.delenv("LC_ALL", raising=False)
    assert cli.main(["check"]) == 1
    assert "warifu-update init" in capsys.readouterr().err
    assert cli.main(["init"]) == 1
    assert "--address" in capsys.readouterr().err
    root = tmp_path / "root.json"
    root.write_bytes(b"no root")
    told = ["--address", "http://127.0.0.1:9", "--root", str(root), "--product", PRODUCT]
    assert cli.main(["init", *told]) == 1
    assert settings.products() == ()
    root.write_bytes(provider.root)
    assert cli.main(["init", *told]) == 0
    said = capsys.readouterr().out
    assert "案内状" in said
    assert "warifu-update apply" in said
    assert "送ります" in said
    assert cli.main(["init", *told, "--no-report"]) == 0
    assert "送りません" in capsys.readouterr().out
    assert cli.main(["status"]) == 1
    assert "まだ何も導入されていません" in capsys.readouterr().out
    assert cli.main(["check"]) == 3
    assert "ネットワークの接続を確かめて" in capsys.readouterr().err
    other = tmp_path / "other.json"
    other.write_bytes(Provider(tmp_path / "other", provider.now).root)
    assert cli.main(["init", *told[:2], "--root", str(other), "--product", PRODUCT]) == 1
    assert "別の root.json" in capsys.readouterr().err
    settings.write(Layout(settings.usual("second")), made().settings, provider.root)
    assert cli.main(["check"]) == 1
    assert f"{PRODUCT}, second" in capsys.readouterr().err


def test_the_state_is_told_in_lines(made: Made, provider: Provider, site: Site) -> None:
    machine = made()
    provider.publish(FIRST)
    applying.apply(machine)
    provider.publish(FIRST, SECOND)
    applying.apply(machine)

    def said(language: str) -> str:
        return words.status(standing.status(machine), machine.settings.report, language)

    lines = said("ja").splitlines()
    assert lines[0].startswith("お使いの版: Ver1.00 [")
    assert lines[1:3] == ["ファイル: 正常", "起動: 起動を確認済み"]
    assert FIRST.id[:12] in lines[3]
    assert said("en").splitlines()[4] == "Reports not yet sent: 0 (sending: on)"
    for name in ("a", "b", "c", "d"):
        (machine.layout.current / name).write_bytes(b"")
    machine.layout.journal.write_bytes(b"")
    assert "変更あり (a, b, c …)" in said("ja")
    assert "warifu-update repair" in said("en")
    assert "under way" in said("en")
    machine.layout.journal.unlink()
    assert words.progress(Moment("fetch", 1_500_000, 3_000_000, 2.0), "ja") == (
        "受け取っています  1.5 MB / 3.0 MB  0.8 MB/s  2 s"
    )
    assert words.progress(Moment("fetch", 0, 30, 0.0), "en") == "Downloading  0 B / 30 B  0.0 MB/s"
    assert words.progress(Moment("trial", 0, 0, 0.0), "en").endswith("…")
