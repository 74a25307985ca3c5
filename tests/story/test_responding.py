"""The road back at the command line: stop, letters, entries, report, standing, members."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.model.test_directory import KEY, export, issued
from tests.story import small as smalls
from tests.story.small import NOW, Small
from warifu.app import notices, road
from warifu.cli import main
from warifu.engines.post.letters import Letter, print_letters
from warifu_replay.told import Seen, Teller, Verdict, proofs
from warifu_wire.errors import Refusal


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """A published program."""
    made = smalls.found(tmp_path_factory.mktemp("small"))
    smalls.signed(made)
    assert not road.publish(made.house(), NOW)
    yield made
    made.end()


def run(small: Small, *words: str, code: int = 0) -> str:
    """One command in this process."""
    done = CliRunner().invoke(main, ["-C", str(small.source), *words])
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def test_from_stop_to_report(small: Small, tmp_path: Path) -> None:
    release = smalls.release(small.house())
    short = release[:12]
    assert "routes seq 1" in run(small, "status")
    told = json.loads(run(small, "--json", "--lang", "ja", "status").strip())
    assert told["releases"][0]["id"] == release
    why = ("--why", "it prints the wrong year", "--why-ja", "年が違います")
    assert "capped and fetched back" in run(
        small, "stop", short, "--as", "oncall-1", *why, "--cap", "1000"
    )
    assert "held and fetched back" in run(small, "stop", short, "--as", "oncall-1", *why, "--hold")
    assert "stopped and fetched back" in run(small, "stop", short, "--as", "oncall-1", *why)
    run(small, "stop", "unknown0", "--as", "oncall-1", *why, code=1)
    entered = ("--ja", "年を別のファイルから読んでいました", "--en", "read from the wrong file")
    run(small, "incident", "enter", short, "finding.recorded", *entered)
    early = ("--at", "2012-02-06T11:00:00+09:00")
    run(small, "incident", "enter", short, "customer.contacted", *entered, *early)
    for wrong in ("yesterday", "2012-02-06T11:00:00"):
        run(small, "incident", "enter", short, "task.started", *entered, "--at", wrong, code=1)
    _letters(small, short, tmp_path)
    out = tmp_path / "reports"
    files = run(small, "report", short, "--out", str(out)).split()
    assert len(files) == 2
    assert "read from the wrong file" in next(out.glob("*.en.html")).read_text("utf-8")
    run(small, "remedy", short, code=1)
    assert "every link holds" in run(small, "ledger", "verify")
    assert "publication.stopped" in run(small, "ledger", "show", "--kind", "publication.stopped")
    run(small, "work")
    bill = tmp_path / "bom.json"
    run(small, "sbom", short, "--out", str(bill))
    assert json.loads(bill.read_bytes())["bomFormat"] == "CycloneDX"


def _letters(small: Small, short: str, tmp_path: Path) -> None:
    (tmp_path / "export.json").write_bytes(export(issued("a", "0001"), issued("b", "0002")))
    out = ("--out", str(tmp_path / "letters"))
    assert "0 letters: none" in run(small, "notify", short, *out)
    (tmp_path / "key.pem").write_text("not a key")
    words = ("members", "read", str(tmp_path / "export.json"), "--key", str(tmp_path / "key.pem"))
    run(small, *words, code=1)
    house = small.house()
    notices.read_export(house, (tmp_path / "export.json").read_bytes(), KEY.public, NOW)
    window = ("--issued", "2012-01-10", "2012-02-07")
    told = run(small, "notify", short, *out, *window, "--posted", "2")
    assert "2 letters" in told
    (pdf,) = (tmp_path / "letters").glob("*.pdf")
    text = subprocess.run(
        ["pdftotext", str(pdf), "-"], capture_output=True, text=True, check=True
    ).stdout
    assert "会員 0001 様" in text
    assert "会員 0002 様" in text
    assert "trial" in text


def test_a_name_no_font_has_is_not_printed(tmp_path: Path) -> None:
    odd = Letter("会員 \ue000 様", "", "", (), "")
    with pytest.raises(Refusal, match="not-printable"):
        print_letters([odd], tmp_path, "letters")
    assert list(tmp_path.iterdir()) == []


def test_the_proofs_name_every_story() -> None:
    made = Verdict("a story", "this", "that", Seen(), {"figure": 7})
    assert proofs([made]).splitlines() == [
        "■ a story",
        "    wrong       this",
        "    stopped by  that",
        "    figure      7",
    ]
    teller = Teller(quiet=False)
    teller.story("heading")
    teller("a line")
