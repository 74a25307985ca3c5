"""SIGKILL at every step that touches disk or network: nothing lost, no second key, no half file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.night import NIGHT
from tests.sign.dying import killed
from tests.sign.pki import APPLICATION, Authority, ec_key, pdf
from tests.sign.program import PASSWORD, lines, run
from tests.sign.served import MEMBER, Served
from warifu_ca import letters
from warifu_sign import batch, files, kousei, p12
from warifu_sign.batch import JOURNAL, State
from warifu_sign.documents import sign, usual, verify
from warifu_sign.keys import LoadedKey
from warifu_sign.policy import shipped
from warifu_sign.window import fetching, letter, locked, renewing
from warifu_sign.window.asking import Window

pytestmark = pytest.mark.repeats


def now() -> datetime:
    return datetime.now(UTC)


def test_a_batch_goes_on_wherever_it_was_killed(authority: Authority, tmp_path: Path) -> None:
    key = authority.issue(ec_key())
    documents = {"申請書.xml": APPLICATION, "委任状.pdf": pdf(), "附属書.xml": APPLICATION + b"\n"}
    sources = []
    for name, data in documents.items():
        sources.append(tmp_path / name)
        sources[-1].write_bytes(data)

    def signed(_: Path, document: bytes) -> bytes:
        return sign(document, key, usual(document), at=now())

    points, reached = 1, set()
    signed(tmp_path, pdf())  # loads what a fork should not load each time
    while True:
        out = tmp_path / f"signed-{points}"
        out.mkdir()
        if not killed(lambda out=out: list(batch.run(sources, out, signed)), points):
            break
        whole = [path for path in out.glob("*-signed.*") if path.suffix != ".part"]
        reached.add(len(whole))
        for path in whole:
            assert verify(path.read_bytes(), authority.trust(), shipped(), now()).valid
        states = [one.state for one in batch.run(sources, out, signed)]
        assert set(states) <= {State.SIGNED, State.KEPT}
        assert [one.state for one in batch.run(sources, out, signed)] == [State.KEPT] * 3
        left = {path.name for path in out.iterdir()} - {JOURNAL}
        assert left == {batch.named(source, out).name for source in sources}
        points += 1 if NIGHT else 7
    assert points > 60
    assert reached == {0, 1, 2, 3}
    print(f"killed at points up to {points} of a batch of three")


def test_a_file_of_somebody_else_is_never_replaced(authority: Authority, tmp_path: Path) -> None:
    key = authority.issue(ec_key())
    sealed = p12.sealed(ec_key(), key.certificate, (), PASSWORD, label="a")
    (tmp_path / "member.p12").write_bytes(sealed)
    (tmp_path / "a.xml").write_bytes(APPLICATION)
    (tmp_path / "a-signed.xml").write_bytes(b"mine")
    done = run(tmp_path, "sign", "a.xml", "--p12", "member.p12", "--json", passphrase=PASSWORD)
    assert [one["code"] for one in lines(done)] == ["out-exists"]
    assert (tmp_path / "a-signed.xml").read_bytes() == b"mine"


def fetched(served: Served, folder: Path, step: int) -> int:
    """Kill a fetch at every step-th point; the number of points."""
    points, reached = 1, set()
    while True:
        home = folder / str(points)
        home.mkdir()
        out = home / "member.p12"
        posted = letters.write(served.authority, MEMBER, "shiho-shoshi-like", "rsa-2048")
        read = letter.read(posted.reference, posted.pin)

        def fetch(read: letter.Letter = read, out: Path = out) -> fetching.Fetched:
            return fetching.fetch(
                Window(served.address), read, PASSWORD, out, kind="p-256", now=now()
            )

        if not killed(fetch, points):
            return points
        pending = out.with_name("member.p12.pending")
        begun = locked.opened(pending.read_bytes(), PASSWORD) if pending.exists() else None
        if out.exists():
            p12.opened(out.read_bytes(), PASSWORD)
        reached.add((pending.exists(), out.exists()))
        if pending.exists() or not out.exists():
            key = fetch().key
            if begun is not None:
                assert key.certificate.public_key() == begun.public_key(), "no second key"
        count = served.authority.store.db.execute(
            "SELECT count(*) FROM certificate WHERE reference = ?", (posted.reference,)
        ).fetchone()[0]
        assert count == 1
        assert sorted(path.name for path in home.iterdir()) == ["member.p12"]
        points += step


def test_a_fetch_goes_on_with_the_same_key_wherever_it_was_killed(
    served: Served, tmp_path: Path
) -> None:
    points = fetched(served, tmp_path, step=1 if NIGHT else 16)
    assert points > 12
    print(f"killed at points up to {points} of a fetch")


def test_a_renewal_goes_on_with_the_same_key_wherever_it_was_killed(
    served: Served, ending: LoadedKey, tmp_path: Path
) -> None:
    """One renewal, killed again and again, each time some steps later."""
    file = tmp_path / "member.p12"
    sealed = p12.sealed(ending._private, ending.certificate, ending.chain, PASSWORD, label="a")
    files.write(file, sealed, files.PRIVATE)

    def renew() -> renewing.Renewed:
        return renewing.renew(Window(served.address), file, PASSWORD, kind="p-256", now=now())

    keys, points = set(), 3
    while killed(renew, points):
        if renewing.under_way(file):
            pending = file.with_name("member.p12.renewal").read_bytes()
            keys.add(locked.opened(pending, PASSWORD).public_key().public_numbers())
        p12.opened(file.read_bytes(), PASSWORD)
        points += 1 if NIGHT else 6
    assert points > 9
    print(f"killed at points up to {points} of a renewal")
    assert len(keys) == 1, "one new key, whatever broke"
    key = p12.opened(file.read_bytes(), PASSWORD)
    assert key.certificate != ending.certificate
    assert key.certificate.public_key().public_numbers() in keys  # type: ignore[union-attr]
    (kept,) = tmp_path.glob("member-until-*.p12")
    assert p12.opened(kept.read_bytes(), PASSWORD).certificate == ending.certificate
    assert not renewing.under_way(file)


def test_a_package_is_whole_or_not_there(authority: Authority, tmp_path: Path) -> None:
    key = authority.issue(ec_key())
    out = tmp_path / "申請.zip"

    def package() -> None:
        data = kousei.signed("申請書.xml", {"申請書.xml": APPLICATION}, key, at=now())
        files.write(out, data)

    points = 1
    while killed(package, points):
        if out.exists():
            assert verify(out.read_bytes(), authority.trust(), shipped(), now()).valid
        points += 1
    package()
    assert points > 3
    assert [path.name for path in tmp_path.iterdir()] == ["申請.zip"]
