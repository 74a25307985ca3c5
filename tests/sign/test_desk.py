"""The desk over HTTP: closed to all but its own browser, and what each form and button does."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.sign.browser import Browser, ask, folder, opened
from tests.sign.pki import APPLICATION, DAY, NOW, Authority, ec_key, pdf, rsa_key
from tests.sign.program import PASSWORD
from tests.sign.served import MEMBER, Served
from warifu_ca import letters, revoking
from warifu_sign import kousei, p12
from warifu_sign.certificate import serial
from warifu_sign.desk import bodies, html, lists, pages
from warifu_sign.desk.acts import Desk, Wish, wall_clock
from warifu_sign.desk.forms import FORMS
from warifu_sign.desk.home import fingerprint
from warifu_sign.desk.server import DeskServer
from warifu_sign.errors import Refusal
from warifu_sign.keeper import remote
from warifu_sign.keeper.remote import RemoteKey
from warifu_sign.keys import LoadedKey

NEW = "another horse 8 staple"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[DeskServer]:
    with opened(Desk(tmp_path / "home")) as server:
        yield server


def sealed(key: LoadedKey, password: str = PASSWORD) -> bytes:
    """A member's certificate file, quick to open."""
    return p12.sealed(key._private, key.certificate, key.chain, password, label="a")


@pytest.fixture(scope="module")
def file(served: Served) -> bytes:
    """A member's certificate file."""
    return sealed(served.member(rsa_key(number=21)))


def at_home(home: Path, data: bytes, served: Served) -> Desk:
    """A desk whose member has a certificate, an authority's address and a confirmed root."""
    desk = Desk(home)
    desk.home.file.write_bytes(data)
    desk.unlock(PASSWORD)
    assert desk.key is not None
    desk.home.take_chain(desk.key.chain)
    desk.home.compared(same=True)
    desk.home.remember(served.address)
    return desk


def test_the_token_opens_once(desk: DeskServer) -> None:
    address = desk.gate.address
    assert ask(desk, "GET", "/certificate")[0] == 403
    assert ask(desk, "GET", "/open?token=guess")[0] == 403
    browser = Browser(desk)
    assert desk.gate.address == ""
    assert ask(desk, "GET", address.removeprefix(desk.gate.origin))[0] == 403
    assert browser.get("/certificate")


def test_other_hosts_pages_and_cookies_are_closed_out(desk: DeskServer) -> None:
    own, origin = Browser(desk).cookie, desk.gate.origin
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
        for path in ("/sign?name=a.xml", "/quit", "/revoke", "/compare"):
            assert ask(desk, "POST", path, APPLICATION, **headers)[0] == 403
    status, _, body = ask(desk, "POST", "/sign?name=a.xml", APPLICATION, Cookie=own, Origin=origin)
    assert status == 200
    assert json.loads(body)["state"] == "invalid", "the key is still locked"


def test_every_page_says_what_a_browser_must_not_do(desk: DeskServer) -> None:
    browser = Browser(desk)
    own = browser.cookie
    for name in (*html.PAGES, *FORMS):
        status, headers, body = ask(desk, "GET", f"/{name}", Cookie=own)
        assert status == 200
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"
        assert b"<script>" not in body
    for path in ("/nothing", "/static/../words.json", "/signed?name=../member.p12", "/signed"):
        assert ask(desk, "GET", path, Cookie=own)[0] == 404
    assert ask(desk, "POST", "/nothing", b"", Cookie=own, Origin=desk.gate.origin)[0] == 404
    assert ask(desk, "GET", "/static/desk.css")[0] == 200
    report = json.loads(browser.get("/report"))
    assert report["certificate"] == "none"
    assert "desk/static/desk.js" in report["files"]
    oversize = {"Cookie": own, "Origin": desk.gate.origin, "Content-Length": str(1 << 40)}
    assert "大きすぎます" in ask(desk, "POST", "/verify", b"", **oversize)[2].decode()
    assert "大きすぎます" in ask(desk, "POST", "/fetch", b"", **oversize)[2].decode()


def test_both_languages_have_every_word_that_is_used() -> None:
    for name, (japanese, english) in html._words().items():
        assert japanese, name
        assert english, name
    sources = "".join(path.read_text("utf-8") for path in Path(pages.__file__).parent.glob("*.py"))
    quoted = set(re.findall(r"""["']([a-z_]+)["']""", sources))
    built = ("profile_", "because_", "lasting_", "counted_", "fact_")
    unused = {name for name in html._words() if name not in quoted and not name.startswith(built)}
    assert unused == set()
    assert html.say("sign", "ja") == "署名"
    assert html.say("sign", "en") == "Sign"


def test_the_language_stays_where_it_was_chosen(desk: DeskServer) -> None:
    browser = Browser(desk)
    status, headers, _ = ask(desk, "GET", "/language?to=en&page=take", Cookie=browser.cookie)
    assert (status, headers["Location"]) == (303, "/take")
    chosen = headers["Set-Cookie"].partition(";")[0]
    english = ask(desk, "GET", "/take", Cookie=f"{browser.cookie}; {chosen}")[2].decode()
    assert '<html lang="en">' in english
    assert "Take over a file" in english
    elsewhere = ask(desk, "GET", "/language?to=ja&page=//evil", Cookie=browser.cookie)[1]
    assert elsewhere["Location"] == "/certificate"


def test_the_key_lives_in_a_process_of_its_own_and_goes_when_idle(
    file: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "member.p12"
    path.write_bytes(file)
    key = RemoteKey(remote.unlock(path, PASSWORD), idle=1.0)
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
        RemoteKey(remote.unlock(path, "wrong password"))
    assert refused.value.code == "password-wrong"


def test_nothing_that_was_signed_is_replaced(file: bytes, served: Served, tmp_path: Path) -> None:
    desk = at_home(tmp_path, file, served)

    def one(_: int) -> str:
        return desk.sign("../x/申請書.xml", APPLICATION, Wish()).name

    with ThreadPoolExecutor(8) as pool:
        names = sorted(pool.map(one, range(16)), key=len)
    desk.lock()
    assert names[0] == "申請書-signed.xml"
    assert set(names[1:]) == {f"申請書-signed ({number}).xml" for number in range(2, 17)}
    assert len(list((tmp_path / "signed").iterdir())) == 16
    assert desk.key is None
    with pytest.raises(Refusal) as refused:
        desk.sign("申請書.xml", APPLICATION, Wish())
    assert refused.value.code == "key-locked"
    ahead = Desk(tmp_path, clock=lambda: wall_clock() - DAY - timedelta(minutes=10))
    data = (tmp_path / "signed" / names[0]).read_bytes()
    assert ahead.verify(data).reason == "time-in-future"


@pytest.mark.letters_travel
def test_a_letter_is_redeemed_and_its_authority_compared(
    desk: DeskServer, served: Served, authority: Authority
) -> None:
    browser = Browser(desk)
    posted = letters.write(served.authority, MEMBER, "shiho-shoshi-like", "rsa-2048")
    typed = {"address": served.address, "reference": posted.reference, "pin": "0" * 12}
    chosen = {"password": PASSWORD, "again": PASSWORD}
    differing = browser.form("/fetch", **typed, password=PASSWORD, again="x")
    assert "二回の入力が一致しません。" in differing
    wrong = browser.form("/fetch", **typed, **chosen)
    assert "PINコードが違います。" in wrong
    assert "残りの回数</dt><dd>4</dd>" in wrong
    assert f'value="{posted.reference}"' in wrong, "what was typed is there again"
    assert PASSWORD not in wrong
    typed["pin"] = posted.pin
    own = {"password": posted.pin, "again": posted.pin}
    assert "パスワードとして使えません" in browser.form("/fetch", **typed, **own)
    there = browser.form("/fetch", **typed, **chosen, made_there="1")
    assert "電子証明書の種類" in there
    fetched = browser.form("/fetch", **typed, **chosen)
    assert "電子証明書を取得しました。" in fetched
    value = fingerprint(served.root)
    groups = [value[start : start + 8] for start in range(0, 64, 8)]
    assert f"{' '.join(groups[:4])}<br>{' '.join(groups[4:])}" in fetched
    signed = desk.desk.sign("a.xml", APPLICATION, Wish()).read_bytes()
    assert desk.desk.verify(signed).reason == "root-unknown", "not compared yet"
    assert "信頼する認証局がまだありません" in browser.get("/verify")
    assert "この認証局は信頼しません" in browser.form("/compare", same="0")
    assert desk.desk.home.roots() == ()
    desk.desk.home.take_chain((served.root, authority.root))
    assert "認証局の照合" not in browser.form("/compare", same="1")
    assert desk.desk.verify(signed).valid


@pytest.mark.letters_travel
def test_a_new_letter_takes_the_place_of_an_old_certificate(
    desk: DeskServer, served: Served, file: bytes
) -> None:
    desk.desk.home.file.write_bytes(file)
    desk.desk.unlock(PASSWORD)
    posted = letters.write(served.authority, MEMBER, "compatibility", "p-256")
    before = desk.desk.home.certificate()
    fetched = desk.desk.fetch(served.address, posted.reference, posted.pin, NEW, made_there=True)
    assert fetched == "会員 一号"
    assert desk.desk.home.certificate() != before
    (kept,) = folder(desk).glob("member-until-*.p12")
    assert p12.opened(kept.read_bytes(), PASSWORD).certificate == before
    assert p12.opened(desk.desk.home.file.read_bytes(), NEW)
    assert not desk.desk.home.coming.exists()


def test_a_change_of_files_that_was_cut_off_is_finished(file: bytes, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.home.coming.write_bytes(file)
    pending = desk.home.coming.with_name("coming.p12.pending")
    pending.touch()
    assert not Desk(tmp_path).home.file.exists(), "the receipt is not in yet"
    pending.unlink()
    assert Desk(tmp_path).home.file.read_bytes() == file
    desk.home.coming.write_bytes(b"newer")
    assert Desk(tmp_path).home.file.read_bytes() == b"newer"
    assert (tmp_path / "before.p12").read_bytes() == file


def test_a_file_from_elsewhere_is_taken_over_under_another_password(
    desk: DeskServer, served: Served, file: bytes
) -> None:
    browser = Browser(desk)
    given = [("file", "会員.p12", file)]
    again = {"new": NEW, "again": NEW}
    assert "パスワードが違います。" in browser.files("/take", given, password="x", **again)
    same = browser.files("/take", given, password=PASSWORD, new=PASSWORD, again=PASSWORD)
    assert "いまのパスワードと同じものは使えません。" in same
    broken = browser.files("/take", [("file", "a", b"x")], password=PASSWORD, **again)
    assert "電子証明書ファイルが壊れています。" in broken
    taken = browser.files("/take", given, password=PASSWORD, **again)
    assert "取り込みました" in taken
    assert "認証局の照合" in taken
    assert p12.opened(desk.desk.home.file.read_bytes(), NEW)
    assert "すでにあります" in browser.files("/take", given, password=PASSWORD, **again)


def test_a_certificate_that_ends_soon_is_renewed_at_the_desk(
    served: Served, ending: LoadedKey, tmp_path: Path
) -> None:
    with opened(at_home(tmp_path, sealed(ending), served)) as server:
        browser = Browser(server)
        assert "有効期限が近づいています。" in browser.get("/certificate")
        assert "有効期限が近づいています。" in browser.get("/sign")
        wrong = browser.form("/renew", address=served.address, password="x")
        assert "パスワードが違います。" in wrong
        renewed = browser.form("/renew", address=served.address, password=PASSWORD)
        assert "電子証明書を更新しました。" in renewed
        assert "有効期限が近づいています。" not in browser.get("/certificate")
        again = browser.form("/renew", address=served.address, password=PASSWORD)
        assert "まだ更新の時期ではありません。" in again
        assert "更新できる日時" in again
        signed = server.desk.sign("a.xml", APPLICATION, Wish()).read_bytes()
        assert server.desk.verify(signed).valid
        server.desk.home.file.with_name("member.p12.renewal").write_bytes(b"")
        assert "更新を続ける" in browser.get("/certificate")
        held = browser.form("/change", password=PASSWORD, new=NEW, again=NEW)
        assert "更新が途中です。" in held


def test_a_certificate_is_ended_at_the_desk_and_signs_no_more(
    served: Served, ending: LoadedKey, tmp_path: Path
) -> None:
    with opened(at_home(tmp_path, sealed(ending), served)) as server:
        browser = Browser(server)
        signed = server.desk.sign("a.xml", APPLICATION, Wish()).read_bytes()
        asked = {"address": served.address, "password": PASSWORD, "reason": "keyCompromise"}
        assert "確認がありません" in browser.form("/revoke", **asked)
        nowhere = {**asked, "reason": "cACompromise", "understood": "1"}
        assert "確認がありません" in browser.form("/revoke", **nowhere)
        ended = browser.form("/revoke", **asked, understood="1")
        assert "電子証明書を失効しました。" in ended
        assert serial(ending.certificate) in ended
        shown = browser.get("/certificate")
        assert "失効しているため" in shown
        assert "鍵を開く" not in shown
        assert "失効しているため" in browser.get("/sign")
        server.desk.unlock(PASSWORD)
        refused = json.loads(browser.drop("sign", "b.xml", APPLICATION))
        assert "電子証明書は失効しています。" in refused["sentence"]
        revoking.refresh(served.authority)
        assert server.desk.verify(signed).reason == "certificate-revoked"


def test_the_password_is_changed_at_the_desk(served: Served, file: bytes, tmp_path: Path) -> None:
    with opened(at_home(tmp_path, file, served)) as server:
        browser = Browser(server)
        short = browser.form("/change", password=PASSWORD, new="short", again="short")
        assert "半角12文字以上" in short
        changed = browser.form("/change", password=PASSWORD, new=NEW, again=NEW)
        assert "パスワードを変更しました。" in changed
        assert server.desk.key is not None
        assert "鍵は閉じています" in browser.form("/lock")
        assert "パスワードが違います。" in browser.form("/unlock", password=PASSWORD)
        assert "鍵は開いています" in browser.form("/unlock", password=NEW) + browser.get(
            "/certificate"
        )


def test_an_ended_certificate_is_not_used(
    served: Served, ending: LoadedKey, tmp_path: Path
) -> None:
    at_home(tmp_path, sealed(ending), served).lock()
    later = Desk(tmp_path, clock=lambda: wall_clock() + 61 * DAY)
    later.unlock(PASSWORD)
    with opened(later) as server:
        browser = Browser(server)
        assert "有効期間が過ぎているため" in browser.get("/certificate")
        refused = json.loads(browser.drop("sign", "a.xml", APPLICATION))
        assert "有効期間が過ぎています。" in refused["sentence"]
        assert "新しい通知書の発行" in refused["sentence"]


def test_what_is_signed_at_the_desk_can_be_had_and_judged_there(
    served: Served, file: bytes, tmp_path: Path
) -> None:
    with opened(at_home(tmp_path, file, served)) as server:
        browser = Browser(server)
        states = {}
        for name, data, more in (
            ("申請書.xml", APPLICATION, ""),
            ("申請書.xml", APPLICATION, "&lasting=stamped"),
            ("委任状.pdf", pdf(), "&visible=1&lasting=archived"),
            ("委任状.pdf", pdf(), "&lasting=stamped"),
        ):
            told = json.loads(browser.drop("sign", name, data, more))
            assert told["state"] == "valid", told
            signed = ask(server, "GET", f"/signed?name={quote(told['out'])}", Cookie=browser.cookie)
            assert "attachment" in signed[1]["Content-Disposition"]
            states[name + more] = json.loads(browser.drop("verify", told["out"], signed[2]))
        assert [one["state"] for one in states.values()] == ["valid", "proved", "proved", "proved"]
        assert "会員 一号" in states["申請書.xml"]["sentence"]
        assert (
            "PDF署名・長期保存 (pades-lta)"
            in states["委任状.pdf&visible=1&lasting=archived"]["details"]
        )
        other = served.member(ec_key(number=7)).certificate.public_bytes(Encoding.DER)
        assert json.loads(browser.drop("verify", "a.cer", other))["state"] == "valid"
        unsigned = json.loads(browser.drop("verify", "a.xml", APPLICATION))
        assert unsigned["state"] == "unsigned"
        assert "差出人" in unsigned["sentence"]
        for one in server.desk.home.trusted.glob("*.cer"):
            one.unlink()
        undecided = json.loads(browser.drop("verify", "a.xml", signed[2]))
        assert undecided["state"] == "undecided"


def test_an_application_and_its_attachments_are_signed_as_one(
    served: Served, file: bytes, tmp_path: Path
) -> None:
    with opened(at_home(tmp_path, file, served)) as server:
        browser = Browser(server)
        odd = 'ご"署\u304b\u3099 (写し);a.bin'
        binary = b"\x00\r\n--x\r\n\r\n\n\r"
        given = [("file", "申請書.xml", APPLICATION), ("file", "委任状.pdf", pdf())]
        for more in ("", "?lasting=stamped"):
            told = json.loads(browser.files(f"/package{more}", given, application="申請書.xml"))
            assert told["state"] == "valid", told
        data = (server.desk.home.signed / told["out"]).read_bytes()
        assert kousei.unzipped(data)["委任状.pdf"] == pdf()
        assert json.loads(browser.drop("verify", "a.zip", data))["state"] == "proved"
        sent = bodies.read("multipart/form-data; boundary=X", as_sent(odd, binary))
        assert sent == bodies.Sent({"application": odd}, {odd: binary})
        twice = [("file", "a.xml", b"1"), ("file", "a.xml", b"2")]
        refused = json.loads(browser.files("/package", twice, application="a.xml"))
        assert refused["state"] == "invalid"
        cut = "multipart/form-data; boundary=X"
        for body in (b"", b"--X\r\n", as_sent(odd, binary)[:-9], b"x" + as_sent(odd, binary)):
            with pytest.raises(Refusal) as broken:
                bodies.read(cut, body)
            assert broken.value.code == "form-broken"


def as_sent(name: str, data: bytes) -> bytes:
    """A form as Chromium sends it."""
    escaped = name.replace('"', "%22")
    return b"".join(
        [
            f'--X\r\nContent-Disposition: form-data; name="application"\r\n\r\n{name}\r\n'.encode(),
            f'--X\r\nContent-Disposition: form-data; name="file"; filename="{escaped}"'.encode(),
            b"\r\nContent-Type: application/octet-stream\r\n\r\n" + data + b"\r\n--X--\r\n",
        ]
    )


def test_a_list_that_goes_back_is_not_believed(
    served: Served, ending: LoadedKey, authority: Authority, tmp_path: Path
) -> None:
    old = served.get("/issuing.crl")
    known = (served.issuing, served.root, ending.certificate)
    lists.renew(tmp_path, known)
    first = lists.kept(tmp_path)
    assert set(first) == {old, served.get("/root.crl")}
    revoking.revoke(served.authority, serial(ending.certificate), "superseded")
    newer = revoking.publish_list(served.authority)
    lists.renew(tmp_path, known)
    assert newer in lists.kept(tmp_path)
    place = served.authority.folder / "issuing.crl"
    for replayed in (old, b"no list", authority.crl()):
        place.write_bytes(replayed)
        lists.renew(tmp_path, known)
        assert newer in lists.kept(tmp_path)
    place.write_bytes(newer)


def test_quit_ends_the_tool(tmp_path: Path, file: bytes, served: Served) -> None:
    with opened(at_home(tmp_path, file, served)) as server:
        key = server.desk.key
        assert "ツールを終了しました。" in Browser(server).form("/quit")
        assert key is not None
        assert not key.open


def test_times_are_said_as_people_here_read_them() -> None:
    told = html.readable("2029-07-26T15:22:50Z", "ja")
    assert told == "2029年7月27日 00:22:50(日本時間)"
    assert html.readable("2029-07-26T15:22:50+00:00", "en") == "2029-07-27 00:22:50 JST"
    assert html.readable("4", "ja") == "4"
    assert html.moment(None, "ja") == "–"
    assert html.day(NOW, "en").count("-") == 2
