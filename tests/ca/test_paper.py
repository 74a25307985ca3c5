"""The letter on paper: what is printed is what opens the window, drawn with the real font."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.ca import member
from tests.ca.program import PERSON, refusal, run, tool
from warifu_ca import doors, letters, names, paper
from warifu_ca.authority import Authority
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Refusal

TRUST = paper.FirstTrust(of_bytes(b"the updater"), of_bytes(b"the root"))


def text(pdf: bytes, folder: Path) -> str:
    """What a reader of the PDF reads."""
    (folder / "letter.pdf").write_bytes(pdf)
    return tool("pdftotext", "-layout", folder / "letter.pdf", "-")


@pytest.mark.parametrize("language", paper.LANGUAGES)
def test_what_is_printed_opens_the_window(
    authority: Authority, tmp_path: Path, language: paper.Language
) -> None:
    made = letters.write(authority, names.holder("0001", "髙橋 﨑葛\U000e0100", "MEMBER 0001"))
    said = text(paper.letter(authority, made, TRUST, language), tmp_path)
    [reference] = re.findall(r"\b\d{4}-\d{4}-\d{4}-\d{4}\b", said)
    [pin] = re.findall(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\b(?!-)", said.replace(reference, ""))
    body = member.redemption(
        member.Letter(reference, pin), member.csr(member.key()), authority.store.clock()
    )
    assert doors.reply(authority, "POST", "/window/v1/redeem", body).status == 200


def test_it_prints_the_digests_the_first_trust_rests_on(
    authority: Authority, tmp_path: Path
) -> None:
    made = letters.write(authority, names.holder("0001", "会員 一号", "MEMBER 0001"))
    for language in paper.LANGUAGES:
        said = text(paper.letter(authority, made, TRUST, language), tmp_path)
        groups = re.findall(r"\b[0-9a-f]{8}\b", said)
        printed = {"".join(groups[start : start + 8]) for start in range(0, 24, 8)}
        assert printed == {TRUST.updater, TRUST.tuf_root, of_bytes(authority.der("root"))}


def test_it_says_whose_it_is_until_when_and_that_it_is_a_trial(
    authority: Authority, tmp_path: Path
) -> None:
    made = letters.write(authority, names.holder("0001", "会員 一号", "MEMBER 0001"))
    said = text(paper.letter(authority, made, TRUST, "ja"), tmp_path).replace(" ", "")
    assert "会員一号様" in said.replace("\u3000", "")
    assert "2012年2月9日（日本時間）まで" in said
    assert "模擬：" in said
    assert "2012年1月10日" in said
    english = text(paper.letter(authority, made, TRUST, "en"), tmp_path)
    assert "MEMBER 0001 (member 0001)" in english
    assert "the end of 9 February 2012, Japan time" in english
    assert "Trial:" in english


def test_a_name_the_font_cannot_draw_is_refused_before_the_letter_is_made(
    authority: Authority, tmp_path: Path
) -> None:
    who = names.holder("0001", "会員 \U00013000", "MEMBER 0001")
    with pytest.raises(Refusal, match=r"U\+13000"):
        paper.printable(who)
    digest = of_bytes(b"x")
    out = tmp_path / "letter.pdf"
    asked = ("window", authority.folder, "--member", "0001", "--name", who.name, "--roman", "M",
             "--letter", out, "--updater-digest", digest, "--root-digest", digest)  # fmt: skip
    assert refusal(*asked) == "name-not-printable"
    assert authority.store.db.execute("SELECT count(*) FROM letter").fetchone()[0] == 0


def test_a_letter_on_paper_leaves_the_pin_on_no_screen(today: Path, tmp_path: Path) -> None:
    out, digest = tmp_path / "letter.pdf", of_bytes(b"x")
    options = ("--letter", out, "--updater-digest", digest, "--root-digest", digest)
    folder = today
    told = run("window", folder, *PERSON, *options, "--language", "en")
    assert "pin" not in told
    assert out.stat().st_mode & 0o777 == 0o600
    assert told["reference"] in tool("pdftotext", "-layout", out, "-")
    assert refusal("window", folder, *PERSON, "--letter", out) == "not-a-digest"


def test_letters_for_many_are_finished_by_running_again(today: Path, tmp_path: Path) -> None:
    rows = [
        {"member": f"{number:04d}", "name": "会員", "roman": f"MEMBER {number:04d}"}
        for number in range(3)
    ]
    batch, out, digest = tmp_path / "members.jsonl", tmp_path / "letters", of_bytes(b"x")
    batch.write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = ("window-many", today, batch, "--out", out, "--updater-digest", digest,
             "--root-digest", digest)  # fmt: skip
    assert run(*asked) == {"written": 3, "there": 0, "out": str(out)}
    kept = (out / "0000.pdf").read_bytes()
    (out / "0002.pdf").unlink()
    assert run(*asked) == {"written": 1, "there": 2, "out": str(out)}
    assert (out / "0000.pdf").read_bytes() == kept
    assert out.stat().st_mode & 0o777 == 0o700
    batch.write_text(json.dumps({**rows[0], "name": "\U00013000"}) + "\n")
    assert refusal(*asked) == "name-not-printable"
    batch.write_text("{}\n")
    assert refusal(*asked) == "line-malformed"
