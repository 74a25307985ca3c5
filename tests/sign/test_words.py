"""Every code that can reach a person has its sentences, and no sentence is for nothing."""

from __future__ import annotations

import re
from pathlib import Path

import warifu_sign
from tests.sign.pki import NOW, Authority, ec_key
from warifu_sign import words
from warifu_sign.chain import Trust
from warifu_sign.documents import verify
from warifu_sign.policy import shipped
from warifu_sign.window.asking import KNOWN
from warifu_sign.xml.sign import enveloped

SOURCES = Path(warifu_sign.__file__).parent
CODED = re.compile(
    r"""(?:Refusal|Fault)\(\s*"([a-z0-9-]+)"|Finding\(\s*Status\.\w+,\s*"([a-z-]+)\""""
)


def test_codes_and_sentences_agree() -> None:
    used = {
        first or second
        for path in SOURCES.rglob("*.py")
        for first, second in CODED.findall(path.read_text("utf-8"))
    }
    assert used | KNOWN | {"ok"} == words.codes()


def test_sentences_are_sentences_in_both_languages() -> None:
    for code in words.codes():
        japanese, english = words.sentence(code, "ja"), words.sentence(code, "en")
        assert japanese.endswith("。"), code
        assert english.endswith("."), code
        assert not japanese.isascii(), code
        assert english.isascii(), code


def test_whoever_is_refused_is_told_what_to_do() -> None:
    used = {step for _, _, step in words._codes().values()}
    assert used == set(words._steps())
    for code in words.codes() - {"ok"}:
        assert words.next_step(code, "ja").endswith("。"), code
        assert words.next_step(code, "en").endswith("."), code
    assert words.next_step("ok", "ja") == words.next_step("ok", "en") == ""


def test_what_to_do_with_a_document_depends_on_its_verdict() -> None:
    authority = Authority()
    signed = enveloped(b"<a>1</a>", authority.issue(ec_key()), at=NOW)

    def told(data: bytes, trust: Trust) -> str:
        return words.after(verify(data, trust, shipped(), NOW), "en")

    assert told(signed, authority.trust()) == ""
    assert "sender" in told(signed.replace(b">1<", b">2<"), authority.trust())
    assert "online" in told(signed, Trust(authority.trust().roots))
    assert "authority" in told(signed, Trust(()))
    assert "sender" in told(b"<a/>", authority.trust())
