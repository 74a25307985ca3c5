"""A member's day at the desk in Chromium, by keyboard alone; every page judged by axe-core.

The pictures of docs/screens are taken here, in both languages.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.sign.browser import opened
from tests.sign.pki import APPLICATION, NOW, Authority, ec_key, pdf
from tests.sign.program import PASSWORD
from tests.sign.served import MEMBER, Served
from warifu_ca import letters
from warifu_sign.desk.acts import Desk
from warifu_sign.desk.forms import FORMS
from warifu_sign.desk.html import PAGES
from warifu_sign.desk.server import DeskServer
from warifu_sign.xml.sign import enveloped

pytestmark = [pytest.mark.programs_repeat, pytest.mark.letters_travel]

expect.set_options(timeout=60_000)  # a busy machine is slow, not wrong
SCREENS = Path(__file__).parents[2] / "docs" / "screens"
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskServer]:
    with opened(Desk(tmp_path_factory.mktemp("desk") / "home")) as server:
        yield server


@pytest.fixture(scope="module")
def page(chromium: Browser, desk: DeskServer) -> Iterator[Page]:
    """The one page that the token opened; the pages' own rules stay, axe alone comes past them."""
    context = chromium.new_context(
        locale="ja-JP", viewport={"width": 1000, "height": 760}, bypass_csp=True
    )
    found = context.new_page()
    found.goto(desk.gate.address)
    yield found
    context.close()


@dataclass
class Pictures:
    """Where the pictures go, in their order."""

    page: Page
    home: Path
    folder: Path
    number: Iterator[int] = field(default_factory=lambda: count(1))

    def take(self, name: str) -> None:
        """The whole page, with a member's folder in place of the test's."""
        self.page.evaluate(
            """home => { for (const one of document.querySelectorAll("code:not(.digest)"))
                 one.textContent = one.textContent.replace(home, "/home/member/.warifu-sign"); }""",
            str(self.home),
        )
        path = self.folder / f"desk-{next(self.number):02d}-{name}.png"
        self.page.screenshot(path=path, full_page=True)


@pytest.fixture(scope="module")
def shots(page: Page, desk: DeskServer, tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    return Pictures(page, desk.desk.home.folder, tmp_path_factory.mktemp("screens"))


def go(page: Page, target: Locator, key: str = "Enter") -> None:
    """Reach something with Tab alone, and press a key on it."""
    for _ in range(60):
        if target.evaluate("one => one === document.activeElement"):
            page.keyboard.press(key)
            return
        page.keyboard.press("Tab")
    pytest.fail(f"not reached by keyboard: {target}")


def type_in(page: Page, label: str, text: str) -> None:
    """Reach a field with Tab alone, and type over what is in it."""
    go(page, page.get_by_label(label, exact=True), "Control+a")
    page.keyboard.type(text)


def broken(page: Page) -> list[tuple[str, list[str]]]:
    """The rules of axe-core that the page breaks as it is now, and where."""
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate("rules => axe.run(document, rules)", RULES)
    assert len(found["passes"]) > 10
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found["violations"]
    ]


def judged(page: Page) -> None:
    """A keyboard and a screen reader can use the page as it is now."""
    assert broken(page) == [], page.url


def documents(folder: Path) -> list[Path]:
    folder.mkdir(exist_ok=True)
    (folder / "申請書.xml").write_bytes(APPLICATION)
    (folder / "委任状.pdf").write_bytes(pdf())
    (folder / "壊れた申請書.xml").write_bytes("<申>".encode())
    return sorted(folder.iterdir())


def test_the_certificate_is_fetched(page: Page, shots: Pictures, served: Served) -> None:
    posted = letters.write(served.authority, MEMBER, "shiho-shoshi-like", "rsa-2048")
    expect(page.get_by_text("電子証明書はまだありません")).to_be_visible()
    go(page, page.get_by_role("link", name="証明書の取得").first)
    page.wait_for_url("**/fetch")
    type_in(page, "認証局のアドレス", served.address)
    type_in(page, "識別番号(16桁)", posted.reference)
    for pin, name in (("0" * 12, "wrong-pin"), (posted.pin, "fetched")):
        type_in(page, "PINコード(12文字)", pin)
        type_in(page, "新しいパスワード", PASSWORD)
        type_in(page, "新しいパスワード(もう一度)", PASSWORD)
        page.keyboard.press("Enter")
        if name == "wrong-pin":
            expect(page.get_by_role("alert")).to_contain_text("PINコードが違います。")
        else:
            expect(page.get_by_role("status").first).to_contain_text("会員 一号")
        judged(page)
        shots.take(name)
    go(page, page.get_by_role("button", name="通知書と同じです"))
    expect(page.get_by_text("鍵は開いています。")).to_be_visible()
    shots.take("certificate")


def test_three_files_are_signed_and_one_fails(page: Page, shots: Pictures, tmp_path: Path) -> None:
    go(page, page.get_by_role("link", name="電子証明書", exact=True))
    go(page, page.get_by_role("button", name="鍵を閉じる"))
    go(page, page.get_by_role("link", name="署名", exact=True))
    type_in(page, "パスワード", "not the password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("パスワードが違います。")
    type_in(page, "パスワード", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("ここにファイルを置くか")).to_be_visible()
    page.wait_for_load_state("load")
    go(page, page.get_by_label("PDFに印影を表示する"), "Space")
    go(page, page.locator("#files"), "Tab")  # the button that opens the system's own window
    page.locator("#files").set_input_files(documents(tmp_path / "documents"))
    rows = page.locator("#results tr")
    expect(rows).to_have_count(3)
    expect(rows.get_by_text("署名済")).to_have_count(2)
    expect(rows.get_by_text("署名できませんでした")).to_have_count(1)
    expect(rows.get_by_text("XMLが壊れています。")).to_be_visible()
    expect(page.locator("#progress")).to_have_text(
        "3件のうち3件が終わりました。署名できなかったもの: 1件"
    )
    judged(page)
    shots.take("signed")


def test_an_application_is_signed_with_its_attachments(
    page: Page, shots: Pictures, desk: DeskServer, tmp_path: Path
) -> None:
    *_, attached, application = documents(tmp_path / "documents")
    go(page, page.get_by_label("申請書と添付をまとめて"), "Space")
    go(page, page.get_by_label("時刻の証明"), "ArrowDown")
    page.locator("#files").set_input_files([attached, application])
    expect(page.get_by_text("申請書はどれですか")).to_be_visible()
    judged(page)
    shots.take("together")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="申請書-signed.zip")).to_be_visible()
    assert (desk.desk.home.signed / "申請書-signed.zip").is_file()


def test_documents_are_verified_in_five_states(
    page: Page, shots: Pictures, desk: DeskServer, tmp_path: Path
) -> None:
    signed = desk.desk.home.signed
    folder = tmp_path / "received"
    folder.mkdir()
    for path in signed.iterdir():
        shutil.copy(path, folder / f"1 {path.name}")
    data = (signed / "申請書-signed.xml").read_bytes()
    (folder / "2 変更された申請書.xml").write_bytes(data.replace("会員".encode(), "会貝".encode()))
    (folder / "3 申請書.xml").write_bytes(APPLICATION)
    stranger = Authority().issue(ec_key())
    (folder / "4 よその申請書.xml").write_bytes(enveloped(APPLICATION, stranger, at=NOW))
    go(page, page.get_by_role("link", name="検証", exact=True))
    expect(page.get_by_role("heading", name="検証", exact=True)).to_be_visible()
    page.wait_for_load_state("load")
    page.locator("#files").set_input_files(sorted(folder.iterdir()))
    states = page.locator("#results tr td .label")
    proved = "有効(時刻の証明あり)"
    expect(states).to_have_text(["有効", "有効", proved, "無効", "署名なし", "確認できません"])
    expect(page.get_by_text("署名の後で文書が変更されています。")).to_be_visible()
    expect(page.get_by_text("署名し直した文書をお受け取りください。")).to_be_visible()
    go(page, page.get_by_text("詳細").first)
    expect(page.get_by_text("PDF署名 (moj)").first).to_be_visible()
    judged(page)
    shots.take("verified")


def test_every_page_is_usable_in_both_languages(page: Page, shots: Pictures) -> None:
    home = page.url.rpartition("/")[0]
    for language in ("ja", "en"):
        page.goto(f"{home}/language?to={language}")
        for name in (*PAGES, *FORMS):
            page.goto(f"{home}/{name}")
            expect(page.locator("html")).to_have_attribute("lang", language)
            if language == "ja" or (name, language) in PICTURED:
                judged(page)
            if (name, language) in PICTURED:
                shots.take(f"{name}-{language}")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.goto(f"{home}/change")
    page.locator("label").first.evaluate("one => one.remove()")
    page.locator("button").last.evaluate("one => { one.style.color = '#d66'; }")
    assert {"label", "color-contrast"} <= {name for name, _ in broken(page)}, "the judge bites"


PICTURED = {
    ("revoke", "ja"),
    ("certificate", "en"),
    ("sign", "en"),
    ("verify", "en"),
    ("revoke", "en"),
    ("diagnostics", "en"),
}


def test_it_can_be_used_on_a_narrow_window(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 700})
    for name in PAGES:
        page.goto(f"{page.url.rpartition('/')[0]}/{name}")
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, name
    page.set_viewport_size({"width": 1000, "height": 760})


def test_the_pictures_of_the_docs_are_these(page: Page, shots: Pictures) -> None:
    go(page, page.get_by_role("button", name="Quit"))
    expect(page.get_by_text("The tool has ended")).to_be_visible()
    taken = sorted(path.name for path in shots.folder.iterdir())
    assert taken == sorted(path.name for path in SCREENS.glob("desk-*.png"))
