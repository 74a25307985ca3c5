"""The real web process: files as they must be cached, ranges, reports, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.targets.house import PRODUCT, House, Release
from tests.web.running import ask, behind_nginx, free_port, serving
from warifu.testing import memory_signer
from warifu.web.nginx import Site, configuration
from warifu_wire import canonical
from warifu_wire.digest import of_bytes
from warifu_wire.dsse import Envelope, seal
from warifu_wire.enrolment import Asked, read_answer
from warifu_wire.errors import Malformed
from warifu_wire.outcome import PAYLOAD_TYPE

BIG = bytes(range(256)) * 4_096


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def release(place: Path) -> Release:
    house = House(place / "public").found()
    found = house.release("print('one')")
    house.publish(found)
    (place / "public" / "blobs" / "ff").mkdir()
    (place / "public" / "blobs" / "ff" / "big.zst").write_bytes(BIG)
    (place / "public" / "blobs" / "ff" / ".hidden.part").write_bytes(b"half")
    return found


@pytest.fixture(scope="module")
def own(place: Path, release: Release) -> Iterator[str]:
    """Our own web process."""
    with serving(place) as found:
        yield found


@pytest.fixture(scope="module")
def nginx(place: Path, own: str) -> Iterator[str]:
    """The real nginx with our process behind it."""
    with behind_nginx(place, own) as found:
        yield found


@pytest.fixture(params=["own", "nginx"])
def address(request: pytest.FixtureRequest) -> str:
    """Each of them: whoever serves the tree gives the same answers."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, str)
    return found


def test_hashed_names_last_for_ever_and_the_timestamp_a_moment(
    address: str, release: Release
) -> None:
    status, headers, body = ask(address, "/metadata/timestamp.json")
    assert (status, headers["cache-control"]) == (200, "public, max-age=30")
    assert json.loads(body)["signed"]["_type"] == "timestamp"
    lasting = "public, max-age=31536000, immutable"
    for path in (
        "/metadata/1.root.json",
        f"/targets/manifests/{PRODUCT}/{release.id}.{release.id}.json",
        "/blobs/ff/big.zst",
    ):
        status, headers, _ = ask(address, path, "HEAD")
        assert (status, headers["cache-control"]) == (200, lasting)


def test_an_unchanged_file_is_not_sent_again(address: str) -> None:
    _, headers, _ = ask(address, "/metadata/timestamp.json")
    status, again, body = ask(
        address, "/metadata/timestamp.json", If_None_Match=f'"x", W/{headers["etag"]}'
    )
    assert (status, body, again["etag"]) == (304, b"", headers["etag"])
    status, _, _ = ask(address, "/metadata/timestamp.json", If_None_Match='"other"')
    assert status == 200


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=1000000-", 1_000_000, len(BIG)),
        ("bytes=-16", len(BIG) - 16, len(BIG)),
        ("bytes=5-99999999", 5, len(BIG)),
    ],
)
def test_ranges(address: str, asked: str, begin: int, end: int) -> None:
    status, headers, body = ask(address, "/blobs/ff/big.zst", Range=asked)
    assert (status, body) == (206, BIG[begin:end])
    assert headers["content-range"] == f"bytes {begin}-{end - 1}/{len(BIG)}"


def test_ranges_that_are_none_or_of_another_version(address: str) -> None:
    _, headers, whole = ask(address, "/blobs/ff/big.zst")
    assert whole == BIG
    for told in ({"Range": "bytes=-"}, {"Range": "lines=1-2"}, {"Range": "bytes=1-2,4-5"}):
        assert ask(address, "/blobs/ff/big.zst", **told)[0] in {200, 416}
    stale = {"Range": "bytes=5-9", "If_Range": '"other"'}
    assert ask(address, "/blobs/ff/big.zst", **stale)[2] == BIG
    fresh = {"Range": "bytes=5-9", "If_Range": headers["etag"]}
    assert ask(address, "/blobs/ff/big.zst", **fresh)[2] == BIG[5:10]
    status, headers, _ = ask(address, "/blobs/ff/big.zst", Range=f"bytes={len(BIG)}-")
    assert (status, headers["content-range"]) == (416, f"bytes */{len(BIG)}")


@pytest.mark.parametrize(
    "path",
    [
        "/metadata/2.root.json",
        "/metadata",
        "/metadata/",
        "/blobs/ff/.hidden.part",
        "/blobs/ff",
        "/targets/../public/metadata/1.root.json",
        "/targets/%2e%2e/%2e%2e/etc/passwd",
        "/targets//etc/passwd",
        "/metadata/1.root.json%00",
        "/nowhere",
        "/.signer.lock",
    ],
)
def test_everything_else_is_not_found_and_not_kept(address: str, path: str) -> None:
    status, headers, _ = ask(address, path)
    if status == 400:  # nginx takes no NUL and nothing that climbs out
        assert "%" in path
        return
    assert (status, headers["cache-control"]) == (404, "no-store")


def test_files_are_only_read(address: str) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert ask(address, "/metadata/timestamp.json", method)[0] in {403, 405}
    assert ask(address, "/outcomes")[0] == 405


def report(number: int) -> Envelope:
    return seal(PAYLOAD_TYPE, {"number": number})


def test_reports_are_on_disk_before_the_answer(address: str, place: Path) -> None:
    body = b"[" + b",".join(report(one).to_bytes() for one in range(3)) + b"]"
    status, _, answer = ask(address, "/outcomes", "POST", body)
    assert status == 200
    assert canonical.loads(answer) == [
        {"payload": report(one).digest, "refused": ""} for one in range(3)
    ]
    for one in range(3):
        assert (place / "reports" / f"{report(one).digest}.json").is_file()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{}", 400),
        (b"[1]", 400),
        (b"[" + seal("application/other", {}).to_bytes() + b"]", 400),
        (b"[" + b"0," * 600_000 + b"0]", 400),
        (b"[]", 403),
    ],
)
def test_reports_that_are_none_are_refused_with_a_code(
    address: str, body: bytes, status: int
) -> None:
    found, _, answer = ask(address, "/outcomes", "POST", body)
    assert found == status
    told = canonical.loads(answer)
    assert isinstance(told, dict)
    assert told["code"]


def test_a_machine_is_enrolled_by_its_key(address: str) -> None:
    asked = Asked(memory_signer("machine").public, PRODUCT)
    status, _, answer = ask(address, "/enrol", "POST", asked.to_bytes())
    assert status == 200
    assert read_answer(answer) == of_bytes(canonical.dumps(asked.key.to_json()))[:32]
    assert ask(address, "/enrol", "POST", b"{}")[0] == 400


def test_a_taken_port_and_a_public_address_with_trial_keys_are_refused(
    own: str, place: Path
) -> None:
    taken = own.rpartition(":")[2]
    for port, at, code in (
        (taken, "127.0.0.1", "port-taken"),
        (str(free_port()), "0.0.0.0", "trial-keys"),
        (str(free_port()), "example.test", "trial-keys"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "tests.web.server", str(place), port, at],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stderr.strip()) == (1, code)


def test_nginx_logs_downloads_by_machine(nginx: str, place: Path) -> None:
    ask(nginx, "/blobs/ff/big.zst", Range="bytes=0-9", Warifu_Machine='a "quoted" name')
    found: dict[str, str] = {}
    for _ in range(200):  # nginx writes its log a second later
        lines = (place / "log").read_text().splitlines()
        found = next((json.loads(one) for one in lines if "quoted" in one), {})
        if found:
            break
        time.sleep(0.05)
    assert (found["path"], found["status"], found["sent"]) == ("/blobs/ff/big.zst", "206", "10")
    assert (found["range"], found["machine"]) == ("bytes 0-9/1048576", 'a "quoted" name')


@pytest.mark.parametrize("word", ["", "a b", "a;", "/srv/{x}", "x\ny", "$uri", "é"])
def test_words_that_nginx_would_read_otherwise_are_refused(word: str) -> None:
    with pytest.raises(Malformed, match="not-plain"):
        configuration(Site(Path("/srv"), "8080", word, 600, Path("/var/log/x")))
