"""Downloads as the real nginx logs them; synthetic logs with a known truth; rotation and kills."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.web.running import ask, behind_nginx
from warifu.engines.traffic.store import SqliteTraffic
from warifu.engines.traffic.weblog import WebLog
from warifu.model.downloads import Contents
from warifu.model.ports_watch import LogRead
from warifu.testing import memory_signer
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Fault
from warifu_wire.pseudonym import pseudonym

NOW = datetime(2012, 2, 5, 4, 23, tzinfo=UTC)
DAY = timedelta(days=1)
ARCHIVE, MANIFEST = of_bytes(b"archive"), of_bytes(b"manifest")
PIECES = tuple(of_bytes(bytes([number])) for number in range(3))
CONTENTS = Contents(ARCHIVE, frozenset(PIECES))


@pytest.fixture
def traffic(tmp_path: Path) -> Iterator[SqliteTraffic]:
    """A traffic file."""
    made = SqliteTraffic(tmp_path / "traffic.sqlite")
    yield made
    made.close()


@pytest.fixture
def web(tmp_path: Path, traffic: SqliteTraffic) -> Iterator[WebLog]:
    """The downloads of that file."""
    made = WebLog(tmp_path / "traffic.sqlite")
    yield made
    made.close()


def machine(traffic: SqliteTraffic, number: int) -> str:
    """An installation; even ones are a member's."""
    made = traffic.enrol(memory_signer(str(number)).public.to_json(), NOW)
    if number % 2 == 0:
        traffic.confirm(made, f"member {number:04}", NOW)
    return made


def line(at: datetime, who: str, path: str, begin: int, sent: int, size: int) -> str:
    """One line as nginx writes it; a part unless it begins at 0."""
    part = begin > 0
    return json.dumps(
        {
            "at": at.isoformat(),
            "method": "GET",
            "path": path,
            "status": "206" if part else "200",
            "sent": str(sent),
            "range": f"bytes {begin}-{size - 1}/{size}" if part else "",
            "length": str(size - begin),
            "machine": who,
        }
    )


def path_of(file: Digest) -> str:
    """Where a file is served."""
    if file in PIECES:
        return f"/blobs/{file[:2]}/{file}.zst"
    kind, end = ("manifests", "json") if file == MANIFEST else ("programs", "zip")
    return f"/targets/{kind}/tool/{file}.x.{end}"


def transfer(rng: random.Random, who: str, file: Digest, at: datetime, whole: bool) -> list[str]:
    """One file by one machine: pieces, retries and repeats, up to the end or not quite."""
    size, have, told = 10_000, 0, []
    goal = size if whole else rng.randrange(1, size)
    while have < goal:
        sent = min(rng.randrange(1, size), goal - have)
        told.append(line(at, who, path_of(file), have, sent, size))
        if rng.random() < 0.3:
            told.append(told[-1])
        have += sent
    return told


def test_equal_to_the_truth(tmp_path: Path, traffic: SqliteTraffic, web: WebLog) -> None:
    """300 machines by hand or by updater, whole or not, over three days: exactly the truth."""
    rng = random.Random(7)
    truth: dict[str, str | None] = {}
    lines: list[tuple[datetime, str]] = []
    for number in range(300):
        id_ = machine(traffic, number)
        at = NOW + rng.random() * 3 * DAY
        who = pseudonym(id_, at)
        way, whole = rng.choice(["hand", "updater", "looked"]), rng.random() < 0.7
        files = {"hand": [ARCHIVE], "updater": [MANIFEST, PIECES[number % 3]], "looked": [MANIFEST]}
        for file in files[way]:
            lines += [(at, one) for one in transfer(rng, who, file, at, whole)]
        if whole and way != "looked":
            truth[id_] = f"member {number:04}" if number % 2 == 0 else None
    lines.sort(key=lambda one: one[0])
    log = tmp_path / "log"
    log.write_text("".join(f"{text}\n" for _, text in lines))
    assert web.read(log) == LogRead(len(lines), len(lines), 0)
    found = web.downloads(CONTENTS, NOW, NOW + 4 * DAY)
    assert {one.installation: one.member for one in found} == truth
    assert [one.at for one in found] == sorted(one.at for one in found)
    half = web.downloads(CONTENTS, NOW, NOW + DAY)
    assert 0 < len(half) < len(found)
    assert {one for one in found if one.at < NOW + DAY} == set(half)


def test_every_line_once(tmp_path: Path, traffic: SqliteTraffic, web: WebLog) -> None:
    """Read again, appended to, half a line, renamed, cut back: no line twice and none lost."""
    log = tmp_path / "log"
    whole = line(NOW, "nobody we know", path_of(ARCHIVE), 0, 10, 10) + "\n"

    def count() -> int:
        web.read(log)
        return web.unresolved(ARCHIVE)

    assert count() == 0
    log.write_text(whole * 2)
    assert (count(), count()) == (2, 2)
    with log.open("a") as stream:
        stream.write(whole + whole[:30])
    assert count() == 3
    with log.open("a") as stream:
        stream.write(whole[30:] + whole)
    log.rename(tmp_path / "log.1")
    assert count() == 5
    log.write_text(whole)
    assert count() == 6
    log.write_text("")
    assert count() == 6
    log.write_text(whole)
    assert count() == 7
    assert web.unresolved(MANIFEST) == 0


def test_lines_of_no_format(tmp_path: Path, traffic: SqliteTraffic, web: WebLog) -> None:
    """They are counted and skipped; what follows is read."""
    log = tmp_path / "log"
    good = line(NOW, "x", path_of(ARCHIVE), 0, 10, 10)
    other = line(NOW, "x", "/", 0, 10, 10)
    log.write_bytes(b"\xff\xfe\nnot json\n" + f"{good}\n{other}\n".encode())
    assert web.read(log) == LogRead(4, 1, 2)


def test_names_of_yesterday_and_forgetting(
    tmp_path: Path, traffic: SqliteTraffic, web: WebLog
) -> None:
    """A machine whose clock is a day off is known all the same; what is old can be dropped."""
    log = tmp_path / "log"
    ids = [machine(traffic, number) for number in range(4)]
    days = (-1, 0, 1, 2)
    log.write_text(
        "".join(
            line(NOW, pseudonym(one, NOW + off * DAY), path_of(ARCHIVE), 0, 10, 10) + "\n"
            for one, off in zip(ids, days, strict=True)
        )
    )
    web.read(log)
    found = web.downloads(CONTENTS, NOW, NOW + DAY)
    assert {one.installation for one in found} == set(ids[:3])
    assert web.unresolved(ARCHIVE) == 1
    assert web.forget(NOW) == 0
    assert web.forget(NOW + DAY) == 3
    assert web.downloads(CONTENTS, NOW, NOW + DAY) == ()


def test_a_log_that_cannot_be_read(tmp_path: Path, web: WebLog) -> None:
    """A folder under that name: one clear fault."""
    (tmp_path / "log").mkdir()
    with pytest.raises(Fault):
        web.read(tmp_path / "log")


def test_the_real_nginx(tmp_path: Path, traffic: SqliteTraffic, web: WebLog) -> None:
    """Whole, resumed, looked at, unchanged and missing: what nginx logs comes to the right ones."""
    data = random.Random(1).randbytes(300_000)
    archive = tmp_path / "public" / path_of(ARCHIVE)[1:]
    archive.parent.mkdir(parents=True)
    archive.write_bytes(data)
    manifest = tmp_path / "public" / path_of(MANIFEST)[1:]
    manifest.parent.mkdir(parents=True)
    manifest.write_bytes(b"{}")
    today = datetime.now(UTC)
    ids = [machine(traffic, number) for number in range(4)]
    whole, resumed, half, looked = (pseudonym(one, today) for one in ids)
    place = path_of(ARCHIVE)
    with behind_nginx(tmp_path, "http://127.0.0.1:9") as address:
        _, headers, _ = ask(address, place, Warifu_Machine=whole)
        ask(address, place, Range="bytes=0-99999", Warifu_Machine=resumed)
        ask(address, place, Range="bytes=100000-", Warifu_Machine=resumed)
        ask(address, place, Range="bytes=-100000", Warifu_Machine=half)
        ask(address, place, "HEAD", Warifu_Machine=half)
        tag = headers["etag"]
        status, _, _ = ask(address, place, If_None_Match=tag, Warifu_Machine=half)
        ask(address, path_of(MANIFEST), Warifu_Machine=looked)
        ask(address, "/blobs/00/none.zst", Warifu_Machine=looked)
        ask(address, place)
    assert status == 304
    read = web.read(tmp_path / "log")
    assert (read.lines, read.unread) == (9, 0)
    found = web.downloads(CONTENTS, today - DAY, today + DAY)
    assert {one.installation for one in found} == set(ids[:2])
    assert web.unresolved(ARCHIVE) == 1
