"""The archive: written one way, read strictly, bounded in time and memory whatever comes."""

from __future__ import annotations

import dataclasses
import struct
import subprocess
import sys
import zipfile
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.composition.stage import appended, patched_central, rewrapped
from warifu.model import archive, gate
from warifu.model.archive import Limits
from warifu.model.tree import File, file
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Malformed

TREE = {
    "app/main.py": file("file", b"print('e-application')\n" * 20),
    "bin/start": file("exec", b"#!/bin/sh\n"),
    "current": file("link", b"app/main.py"),
    "empty": file("file", b""),
    "説明.txt": file("file", "電子申請".encode("cp932")),
}
RELEASED = archive.write(TREE)


def test_writing_is_deterministic_and_reading_gives_the_tree_back() -> None:
    again = archive.write(dict(reversed(list(TREE.items()))))
    assert of_bytes(again) == of_bytes(RELEASED)
    assert archive.read(RELEASED) == TREE


paths = st.lists(
    st.text(st.sampled_from("abcAß漢.-_ "), min_size=1, max_size=4), min_size=1, max_size=3
).map("/".join)
trees = st.dictionaries(
    paths,
    st.builds(file, st.sampled_from(["file", "exec", "link"]), st.binary(max_size=60)),
    max_size=6,
)


@given(trees)
def test_every_tree_is_read_back_or_refused(tree: dict[str, File]) -> None:
    try:
        data = archive.write(tree)
    except Malformed:
        return
    assert archive.read(data) == tree


@given(st.integers(0, len(RELEASED) - 1), st.integers(1, 255))
def test_a_changed_byte_is_another_tree_or_refused_or_nothing_that_is_installed(
    at: int, flip: int
) -> None:
    body = bytearray(RELEASED)
    body[at] ^= flip
    assert of_bytes(bytes(body)) != of_bytes(RELEASED)
    try:
        found = archive.read(bytes(body))
    except Malformed:
        return
    if found == TREE:  # dates and unused header fields: the digest alone tells
        assert _is_unused(at)


def _name_length(start: int) -> int:
    return int.from_bytes(RELEASED[start + 28 : start + 30], "little")


def _is_unused(at: int) -> bool:
    """Whether an offset lies in a central field that carries no bytes, name or mode."""
    start = int.from_bytes(RELEASED[-6:-2], "little")
    while at >= start + 46 + _name_length(start):
        start += 46 + _name_length(start)
    field = at - start
    return 4 <= field < 6 or 36 <= field < 42


@pytest.mark.parametrize(
    ("fault", "data"),
    [
        ("end", b""),
        ("end", RELEASED[:-1]),
        ("end", RELEASED + b"\0"),
        ("end", RELEASED[:-2] + b"\1\0" + b"c"),
        ("gap", b"MZ" + RELEASED),
        ("truncated", RELEASED[-22:-10] + struct.pack("<LLH", 0, 0, 0)),
        ("extra", patched_central(RELEASED, 30, "<H", 0)[:-22] + RELEASED[-22:]),
        ("flags", patched_central(RELEASED, 8, "<H", 8)),
        ("encrypted", patched_central(RELEASED, 8, "<H", 1)),
        ("zip64", patched_central(RELEASED, 24, "<L", 0xFFFFFFFF)),
        ("zip64", patched_central(RELEASED, 6, "<H", 45)),
        ("method", patched_central(RELEASED, 10, "<H", 12)),
        ("too-large", patched_central(RELEASED, 24, "<L", 0xFFFFFFF0)),
        ("headers-differ", patched_central(RELEASED, 24, "<L", 7)),
        ("mode", patched_central(RELEASED, 38, "<L", 0o010644 << 16)),
        ("mode", patched_central(RELEASED, 38, "<L", 0o104755 << 16)),
        ("central", patched_central(RELEASED, 0, "<L", 7)),
        ("gap", patched_central(RELEASED, 42, "<L", 7)),
        ("path", appended(RELEASED, "../outside", b"x")),
        ("path", appended(RELEASED, "/etc/passwd", b"x")),
        ("path", appended(RELEASED, "C:evil", b"x")),
        ("path", appended(RELEASED, "a//b", b"x")),
        ("path", appended(RELEASED, "back\\slash", b"x")),
        ("path", appended(RELEASED, "dots.", b"x")),
        ("path", appended(RELEASED, "tab\there", b"x")),
        ("collision", appended(RELEASED, "APP/main.py", b"x")),
        ("collision", appended(RELEASED, "empty/inside", b"x")),
        ("collision", appended(RELEASED, "empty/", b"")),
        ("mode", appended(RELEASED, "folder/", b"not empty")),
    ],
)
def test_what_is_hidden_or_twisted_is_named(fault: str, data: bytes) -> None:
    if fault == "truncated":
        data = _end(members=1, size=0)
    if fault == "extra":
        data = patched_central(RELEASED, 32, "<H", 1)
    with pytest.raises(Malformed) as caught:
        archive.read(data)
    assert caught.value.reason == f"archive-{fault}"


def _end(members: int, size: int, offset: int = 0) -> bytes:
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, members, members, size, offset, 0)


def test_a_bad_checksum_and_a_lying_size_are_named() -> None:
    local = RELEASED.index(b"PK\3\4")
    body = bytearray(patched_central(RELEASED, 16, "<L", 1))
    struct.pack_into("<L", body, local + 14, 1)
    with pytest.raises(Malformed, match="archive-crc"):
        archive.read(bytes(body))
    body = bytearray(patched_central(RELEASED, 24, "<L", 3))
    struct.pack_into("<L", body, local + 22, 3)
    with pytest.raises(Malformed, match="archive-size"):
        archive.read(bytes(body))


def test_a_broken_deflate_stream_is_named() -> None:
    body = bytearray(RELEASED)
    name = int.from_bytes(RELEASED[26:28], "little")
    body[30 + name] = 0xFF
    with pytest.raises(Malformed, match="archive-deflate"):
        archive.read(bytes(body))


def test_the_end_record_must_tell_the_truth() -> None:
    for data, fault in [
        (_end(0xFFFF, 0), "zip64"),
        (_end(60_000, 0), "too-many"),
        (RELEASED[:-22] + b"PK\5\6" + RELEASED[-18:-16] + b"\1\0" + RELEASED[-14:], "end"),
        (RELEASED[:-22] + _end(4, *struct.unpack("<2L", RELEASED[-10:-2])), "gap"),
    ]:
        with pytest.raises(Malformed, match=f"archive-{fault}"):
            archive.read(data)


def test_names_must_be_ascii_or_flagged_utf8() -> None:
    sink = BytesIO()
    with zipfile.ZipFile(sink, "w") as made:
        made.writestr(zipfile.ZipInfo("abcd", (1980, 1, 1, 0, 0, 0)), b"x")
    data = sink.getvalue().replace(b"abcd", "あ".encode() + b"d")
    with pytest.raises(Malformed, match="archive-name"):
        archive.read(data)


def test_a_tree_that_could_not_be_read_back_is_not_written() -> None:
    with pytest.raises(Malformed, match="archive-collision"):
        archive.write({"a": file("file", b""), "A": file("file", b"")})


BOMB = """
import io, resource, struct, sys, zipfile
resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from warifu.model import archive, gate
from warifu_wire.errors import Malformed
def bomb(claimed):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, 'w') as out:
        with out.open(zipfile.ZipInfo('bomb'), 'w') as member:
            pass
        info = zipfile.ZipInfo('zeros')
        info.compress_type = zipfile.ZIP_DEFLATED
        with out.open(info, 'w') as member:
            for _ in range(50):
                member.write(bytes(1 << 22))
    data = bytearray(sink.getvalue())
    at = data.rindex(b'PK\\1\\2')
    struct.pack_into('<L', data, at + 24, claimed)
    local = data.rindex(b'PK\\3\\4')
    struct.pack_into('<L', data, local + 22, claimed)
    return bytes(data)
def many():
    fields = (20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
    central = struct.pack('<4s6H3L5H2L', b'PK\\1\\2', *fields)
    body = b''.join(central + b'a' for _ in range(1_000_000))
    return body + struct.pack('<4s4H2LH', b'PK\\5\\6', 0, 0, 65534, 65534, len(body), 0, 0)
whole = archive.write({'a': archive.file('file', bytes(1000))})
hostile = {'small claim': bomb(10), 'true claim': bomb(1 << 30 | 1), 'many': many(),
           'truncated': whole[:-30], 'central only': whole[40:]}
for name, data in hostile.items():
    try:
        archive.read(data)
    except Malformed as refusal:
        print(name, refusal.reason)
"""


def test_hostile_archives_are_refused_in_bounded_time_and_memory() -> None:
    """A bomb of zeros, a million entries, cut files: under 400 MB and 20 s of CPU by force."""
    done = subprocess.run([sys.executable, "-c", BOMB], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "small claim archive-size",
        "true claim archive-too-large",
        "many archive-too-many",
        "truncated archive-end",
        "central only archive-gap",
    ]


INSIDE = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))
resource.setrlimit(resource.RLIMIT_CPU, (40, 40))
from warifu.model import archive, gate
from warifu.model.classes import NOTHING
from warifu.model.edits import Effort
from warifu.model.judge import judge
from warifu.model.recipe import Recipe
from warifu.model.tree import file
def packed(data):
    return file('file', archive.write({'a': file('file', data)}))
zeros = packed(bytes(130 << 20))
good = {f'{n}.zip': packed(b'%d' % n) for n in range(5)}
bad = {name: zeros for name in good}
good |= {f'{n}.txt': file('file', b'x\\ny\\n' * 10_000) for n in range(4)}
bad |= {f'{n}.txt': file('file', b'y\\nx\\nz\\n' * 6_000) for n in range(4)}
data = archive.write(bad)
print(len(data) < 4_000_000)
suspects = gate.compare(good, archive.read(data, gate.limits(good)), Recipe()).suspects
effort = Effort()
findings = [judge(one, NOTHING, {}, effort) for one in suspects]
print(*sorted(one.member for one in findings if 'zip' in one.member))
print(sum('txt' in one.member for one in findings), effort.left > -50_000)
"""


def test_archives_inside_and_repeating_texts_are_bounded_too() -> None:
    """Small files that unpack to 650 MB and compare in hours: in half a GB and 40 s of CPU."""
    done = subprocess.run([sys.executable, "-c", INSIDE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    opened = "0.zip!/a " + " ".join(f"{n}.zip" for n in range(1, 5))
    assert done.stdout.splitlines() == ["True", opened, "4 True"]


def test_a_candidate_may_not_claim_far_more_than_is_expected() -> None:
    most = gate.limits(TREE).size
    claimed = patched_central(RELEASED, 24, "<L", most)
    with pytest.raises(Malformed, match="archive-too-large"):
        archive.read(claimed, gate.limits(TREE))
    archive.sized(Limits().size)
    with pytest.raises(Malformed, match="archive-too-large"):
        archive.sized(Limits().size + 1)


def test_stored_members_and_folders_are_plain_too() -> None:
    data = rewrapped(RELEASED, stored=True, folders=("later/",))
    assert archive.is_archive(data)
    assert archive.read(data) == TREE
    body = bytearray(patched_central(data, 24, "<L", 3))
    struct.pack_into("<L", body, 22, 3)
    with pytest.raises(Malformed, match="archive-size"):
        archive.read(bytes(body))


def test_entries_must_fill_the_archive_to_the_directory() -> None:
    (at,) = struct.unpack_from("<L", RELEASED, len(RELEASED) - 6)
    moved = RELEASED[:at] + b"hidden" + RELEASED[at:-6]
    with pytest.raises(Malformed, match="archive-gap"):
        archive.read(moved + struct.pack("<LH", at + 6, 0))
    long = bytearray(patched_central(RELEASED, 20, "<L", at))
    struct.pack_into("<L", long, 18, at)
    with pytest.raises(Malformed, match="archive-truncated"):
        archive.read(bytes(long))
    only = archive.write({"a": file("file", b"")})
    (at,) = struct.unpack_from("<L", only, len(only) - 6)
    with pytest.raises(Malformed, match="archive-truncated"):
        archive.read(only[at:-6] + struct.pack("<LH", 0, 0))


def test_what_is_no_archive_says_so() -> None:
    for data in (b"", b"x" * 21, b"x" * 100):
        with pytest.raises(Malformed, match="archive-end"):
            archive.read(data)


def test_every_member_is_dated_1980_and_has_one_of_three_modes() -> None:
    with zipfile.ZipFile(BytesIO(RELEASED)) as opened:
        entries = opened.infolist()
    assert {one.date_time for one in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {(one.create_system, one.compress_type) for one in entries} == {(3, 8)}
    modes = {one.filename: one.external_attr >> 16 for one in entries}
    assert modes["app/main.py"] == 0o100644
    assert modes["bin/start"] == 0o100755
    assert modes["current"] == 0o120777


def test_limits_may_be_met_and_not_passed() -> None:
    longest = max(len(name.encode()) for name in TREE)
    exact = Limits(len(TREE), sum(len(one.data) for one in TREE.values()), longest)
    assert archive.read(RELEASED, exact) == TREE
    for name, code in (("members", "too-many"), ("size", "too-large"), ("name", "central")):
        less = dataclasses.replace(exact, **{name: getattr(exact, name) - 1})
        with pytest.raises(Malformed, match=f"archive-{code}"):
            archive.read(RELEASED, less)


def test_limits_are_what_they_say() -> None:
    with pytest.raises(Malformed, match="archive-too-many"):
        archive.read(RELEASED, Limits(members=3))
    with pytest.raises(Malformed, match="archive-too-large"):
        archive.read(RELEASED, Limits(size=10))
