"""The desktop face: closed to all but its own browser, and driven there through a member's day."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.sign.pki import APPLICATION, DAY, pdf, rsa_key
from tests.sign.program import PASSWORD
from tests.sign.served import MEMBER, Served
from warifu_ca import letters
from warifu_sign import p12
from warifu_sign.desk import pages
from warifu_sign.desk.acts import Desk, Wish, wall_clock
from warifu_sign.desk.server import DeskServer
from warifu_sign.errors import Refusal
from warifu_sign.keeper.remote import RemoteKey

expect.set_options(timeout=60_000)  # a busy machine is slow, not wrong
SCREENS = Path(__file__).parents[2] / "docs" / "screens"


@contextmanager
def opened(home: Path) -> Iterator[DeskServer]:
    server = DeskServer(Desk(home))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.desk.lock()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[DeskServer]:
    with opened(tmp_path / "home") as server:
        yield server


def ask(
    server: DeskServer, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    link = http.client.HTTPConnection(server.gate.host, timeout=20)
    try:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        link.request(method, path, body, given)
        answer = link.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        link.close()


def cookie(server: DeskServer) -> str:
    parts = urlsplit(server.gate.address)
    status, headers, _ = ask(server, "GET", f"{parts.path}?{parts.query}")
    assert status == 303
    assert "HttpOnly" in headers["Set-Cookie"]
    assert "SameSite=Strict" in headers["Set-Cookie"]
    return headers["Set-Cookie"].partition(";")[0]


def test_the_token_opens_once(desk: DeskServer) -> None:
    address = desk.gate.address
    assert ask(desk, "GET", "/certificate")[0] == 403
    assert ask(desk, "GET", "/open?token=guess")[0] == 403
    own = cookie(desk)
    assert desk.gate.address == ""
    assert ask(desk, "GET", address.removeprefix(desk.gate.origin))[0] == 403
    assert ask(desk, "GET", "/certificate", Cookie=own)[0] == 200


def test_other_hosts_pages_and_cookies_are_closed_out(desk: DeskServer) -> None:
    own, origin = cookie(desk), desk.gate.origin
    assert ask(desk, "GET", "/certificate", Cookie=own, Host="evil.example")[0] == 403
    assert ask(desk, "GET", "/certificate", Cookie=own, Host="localhost")[0] == 403
    assert ask(desk, "GET", "/certificate", Cookie="warifu_desk=x")[0] == 403
    assert ask(desk, "GET", "/certificate", Cookie="\x01;;=")[0] == 403
    assert ask(desk, "GET", "/open?token=x", Host="evil.example")[0] == 403
    for headers in (
        {"Cookie": own},
        {"Cookie": own, "Origin": "http://evil.example"},
        {"Cookie": own, "Origin": "null"},
        {"Origin": origin},
        {"Cookie": own, "Origin": origin, "Host": "evil.example"},
    ):
        assert ask(desk, "POST", "/sign?name=a.xml", APPLICATION, **headers)[0] == 403
    status, _, body = ask(desk, "POST", "/sign?name=a.xml", APPLICATION, Cookie=own, Origin=origin)
    assert status == 200
    assert json.loads(body)["state"] == "invalid", "the key is still locked"


def test_every_page_says_what_a_browser_must_not_do(desk: DeskServer) -> None:
    own = cookie(desk)
    for name in pages.PAGES:
        status, headers, body = ask(desk, "GET", f"/{name}", Cookie=own)
        assert status == 200
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"
        assert b"<script>" not in body
    assert ask(desk, "GET", "/nothing", Cookie=own)[0] == 404
    assert ask(desk, "POST", "/nothing", b"", Cookie=own, Origin=desk.gate.origin)[0] == 404
    assert ask(desk, "GET", "/static/../words.json", Cookie=own)[0] == 404
    assert ask(desk, "GET", "/static/desk.css")[0] == 200
    report = json.loads(ask(desk, "GET", "/report", Cookie=own)[2])
    assert report["certificate_file"] is False
    oversize = {"Cookie": own, "Origin": desk.gate.origin, "Content-Length": str(1 << 40)}
    assert b"\xe3\x83\x95" in ask(desk, "POST", "/verify", b"", **oversize)[2]


def test_both_languages_have_every_word() -> None:
    for name, (japanese, english) in pages._words().items():
        assert japanese, name
        assert english, name
    assert pages.say("sign", "ja") == "署名"
    assert pages.say("sign", "en") == "Sign"


@pytest.fixture(scope="module")
def sealed(served: Served) -> bytes:
    """A member's certificate file."""
    key = served.member(rsa_key(number=21))
    return p12.sealed(
        rsa_key(number=21), key.certificate, key.chain, PASSWORD, label="a", rounds=1_000
    )


def test_the_key_lives_in_a_process_of_its_own_and_goes_when_idle(
    sealed: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "member.p12"
    path.write_bytes(sealed)
    key = RemoteKey(path, PASSWORD, idle=1.0)
    assert key.sign(b"data")
    assert key.open
    deadline = time.monotonic() + 30
    while key.open and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not key.open
    with pytest.raises(Refusal) as refused:
        key.sign(b"data")
    assert refused.value.code == "key-locked"
    with pytest.raises(Refusal) as refused:
        RemoteKey(path, "wrong password")
    assert refused.value.code == "password-wrong"


def test_nothing_that_was_signed_is_replaced(sealed: bytes, tmp_path: Path) -> None:
    (tmp_path / "member.p12").write_bytes(sealed)
    desk = Desk(tmp_path)
    with pytest.raises(Refusal):
        desk.sign("申請書.xml", APPLICATION, Wish())
    desk.unlock(PASSWORD)
    names = [desk.sign("../x/申請書.xml", APPLICATION, Wish()).name for _ in range(3)]
    desk.lock()
    assert names == [
        "申請書-signed.xml",
        "申請書-signed (2).xml",
        "申請書-signed (3).xml",
    ]
    assert desk.key is None
    ahead = Desk(tmp_path, clock=lambda: wall_clock() - DAY - timedelta(minutes=10))
    data = (tmp_path / "signed" / names[0]).read_bytes()
    assert ahead.verify(data).reason == "time-in-future"


def test_a_members_day_in_the_browser(served: Served, tmp_path: Path) -> None:
    """Fetch the certificate, sign three files of which one fails, verify; screenshots are kept."""
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "申請書.xml").write_bytes(APPLICATION)
    (documents / "委任状.pdf").write_bytes(pdf())
    (documents / "壊れた申請書.xml").write_bytes(b"<\xe7\x94\xb3>")
    shots = tmp_path / "screens"
    shots.mkdir()
    posted = letters.write(served.authority, MEMBER, "shiho-shoshi-like", "rsa-2048")
    with opened(tmp_path / "home") as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(locale="ja-JP", viewport={"width": 1000, "height": 760})
        page.goto(server.gate.address)
        day(page, server, served, posted, documents, shots)
        browser.close()
    taken = sorted(path.name for path in shots.iterdir())
    assert taken == sorted(path.name for path in SCREENS.glob("desk-*.png"))


def day(
    page: Page,
    server: DeskServer,
    served: Served,
    posted: letters.Sealed,
    documents: Path,
    shots: Path,
) -> None:
    shot = iter(range(1, 99))

    def snap(name: str) -> None:
        page.screenshot(path=shots / f"desk-{next(shot)}-{name}.png")

    expect(page.get_by_text("電子証明書はまだありません")).to_be_visible()
    page.get_by_role("link", name="証明書の取得").first.click()
    page.get_by_label("認証局のアドレス").fill(served.address)
    page.get_by_label("識別番号(16桁)").fill(posted.reference)
    page.get_by_label("PINコード(12文字)").fill("0" * 12)
    page.get_by_label("新しいパスワード(半角12文字以上)").fill(PASSWORD)
    page.get_by_label("新しいパスワード(もう一度)").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("PINコードが違います。")
    snap("wrong-pin")
    page.get_by_label("認証局のアドレス").fill(served.address)
    page.get_by_label("識別番号(16桁)").fill(posted.reference)
    page.get_by_label("PINコード(12文字)").fill(posted.pin)
    page.get_by_label("新しいパスワード(半角12文字以上)").fill(PASSWORD)
    page.get_by_label("新しいパスワード(もう一度)").fill(PASSWORD)
    page.get_by_role("button", name="電子証明書を取得する").click()
    expect(page.get_by_role("status")).to_contain_text("会員 一号")
    snap("fetched")

    page.get_by_role("link", name="署名", exact=True).click()
    page.get_by_label("パスワード").fill("not the password")
    page.get_by_role("button", name="鍵を開く").click()
    expect(page.get_by_role("alert")).to_contain_text("パスワードが違います。")
    page.get_by_label("パスワード").fill(PASSWORD)
    page.get_by_role("button", name="鍵を開く").click()
    page.get_by_label("PDFに印影を表示する").check()
    page.locator("#files").set_input_files(sorted(documents.iterdir()))
    rows = page.locator("#results tr")
    expect(rows).to_have_count(3)
    expect(rows.get_by_text("署名済")).to_have_count(2)
    expect(rows.get_by_text("署名できませんでした")).to_have_count(1)
    expect(rows.get_by_text("XMLが壊れています。")).to_be_visible()
    snap("signed")

    out = sorted(server.desk.signed.iterdir())
    assert len(out) == 2
    changed = documents / "変更された申請書.xml"
    (xml,) = [path for path in out if path.suffix == ".xml"]
    changed.write_bytes(xml.read_bytes().replace("会員".encode(), "会貝".encode()))
    page.get_by_role("link", name="検証", exact=True).click()
    expect(page.get_by_role("heading", name="検証", exact=True)).to_be_visible()
    page.wait_for_load_state("load")
    page.locator("#files").set_input_files([*out, changed, documents / "申請書.xml"])
    states = page.locator("#results tr td:nth-child(2)")
    expect(states.locator(".label")).to_have_text(
        ["有効", "有効", "無効", "署名なし"], timeout=30_000
    )
    expect(page.get_by_text("署名の後で文書が変更されています。")).to_be_visible()
    page.get_by_text("詳細").first.press("Enter")
    expect(page.get_by_text("会員 一号").first).to_be_visible()
    snap("verified")

    page.get_by_role("link", name="電子証明書", exact=True).click()
    expect(page.get_by_text("会員 一号")).to_be_visible()
    snap("certificate")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", name="My certificate")).to_be_visible()
    snap("english")
    page.get_by_role("button", name="Lock the key").click()
    expect(page.get_by_role("heading", name="The key is locked")).to_be_visible()
    page.get_by_role("link", name="Updates").click()
    page.get_by_role("link", name="Diagnostics").click()
    expect(page.get_by_text('"policy": "2026-1"')).to_be_visible()
    snap("diagnostics")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
