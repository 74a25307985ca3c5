"""The judgement as pure rules: classes, hunks, encodings, nested archives, signatures."""

from __future__ import annotations

import dataclasses
import struct
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.composition.passed import portable_executable
from warifu.model import archive, gate, hunks, signatures
from warifu.model.classes import NOTHING, Class, Finding, Origin, Suspect, Version, Witness
from warifu.model.edits import Effort
from warifu.model.inspection import refuse
from warifu.model.judge import judge
from warifu.model.lines import ApprovedSource, Change, LineKind, Survey, accept
from warifu.model.recipe import Normaliser, Recipe
from warifu.model.tree import File, file
from warifu_wire.errors import Contaminated, Mismatch, Refusal

LATER = Origin(
    "next", LineKind.NEXT, "c" * 40, "a.py", "developer three", "next", date(2012, 2, 12), "owner"
)
EARLIER = dataclasses.replace(LATER, line="main", kind=LineKind.APPROVED, commit="e" * 40)
OLD = file("file", b"".join(b"line %d of the approved file\n" % n for n in range(20)))
NEW = file("file", OLD.data.replace(b"line 7", b"line seven"))
TINY = file("file", b"")


def suspect(found: File | None, expected: File | None = OLD, source: str = "a.py") -> Suspect:
    """One suspect at a.py."""
    return Suspect("a.py", source, found, expected)


@pytest.mark.parametrize(
    ("wanted", "one", "witness"),
    [
        (Class.MISSING, suspect(None), NOTHING),
        (Class.MODE, suspect(file("exec", OLD.data)), NOTHING),
        (Class.RELOCATED, suspect(file("file", b"the approved bytes of b.py")), NOTHING),
        (Class.LATER, suspect(NEW), Witness((LATER,))),
        (Class.LATER, suspect(NEW, source=""), Witness((LATER,))),
        (Class.REVERTED, suspect(NEW), Witness((LATER, EARLIER))),
        (Class.STALE, suspect(NEW), Witness((EARLIER,))),
        (Class.STALE, suspect(NEW, source="b.py"), Witness((EARLIER,))),
        (Class.LATER, suspect(TINY), Witness((LATER,))),
        (Class.UNTRACKED, suspect(TINY, None, "b.py"), Witness((LATER, EARLIER))),
        (Class.DANGLING, suspect(NEW), Witness(dangling=True)),
        (Class.UNTRACKED, suspect(TINY), Witness(dangling=True)),
        (Class.DERIVED_FROM, suspect(NEW), Witness(derived=LATER)),
        (Class.UNTRACKED, suspect(NEW), NOTHING),
        (Class.UNTRACKED, suspect(file("file", b"\0binary")), NOTHING),
        (Class.NORMALISED, suspect(file("file", OLD.data.replace(b"\n", b"\r\n"))), NOTHING),
    ],
)
def test_each_class(wanted: Class, one: Suspect, witness: Witness) -> None:
    approved: dict[str, str] = {file("file", b"the approved bytes of b.py").sha256: "b.py"}
    assert judge(one, witness, approved, Effort()).cls is wanted


def versions(*data: bytes) -> Witness:
    """Versions of next, one commit each."""
    return Witness(
        versions=tuple(
            Version(dataclasses.replace(LATER, commit=f"{n}" * 40), one)
            for n, one in enumerate(data)
        )
    )


def test_another_lines_text_in_another_encoding_is_named() -> None:
    text = "電子申請ツールの説明\n"
    one = suspect(file("file", b"\xef\xbb\xbf" + text.encode()), file("file", b"old\n"))
    found = judge(one, versions(text.encode("cp932")), {}, Effort())
    assert (found.cls, found.of, found.origin) == (
        Class.NORMALISED, Class.LATER, versions(b"").versions[0].origin,
    )  # fmt: skip
    assert hunks.spellings(text.encode("utf-16")) & hunks.spellings(text.encode("cp932"))
    assert hunks.spellings(b"") == frozenset()


def test_a_hunk_is_named_by_the_first_commit_that_makes_it() -> None:
    second = NEW.data.replace(b"line 12", b"line twelve")
    third = second.replace(b"line 15", b"line fifteen")
    mixed = OLD.data.replace(b"line 12", b"line twelve").replace(b"line 3 ", b"quick try ")
    found = judge(suspect(file("file", mixed)), versions(NEW.data, second, third), {}, Effort())
    assert found.cls is Class.HYBRID
    assert [one.origin.commit[0] if one.origin else "" for one in found.hunks] == ["", "1"]
    assert found.hunks[1].approved_at == 13
    told = found.to_json()
    assert told["hunks"] == [one.to_json() for one in found.hunks]


def test_an_edited_hunk_is_named_by_most_of_its_lines() -> None:
    block = b"first new line\nsecond new line\nthird new line\n"
    version = OLD.data.replace(b"line 7", block + b"line 7")
    edited = OLD.data.replace(b"line 7", block.replace(b"third", b"3rd") + b"x\nline 7")
    found = judge(suspect(file("file", edited)), versions(version), {}, Effort())
    assert (found.cls, found.hunks[0].origin is not None) == (Class.HYBRID, True)


def test_a_deletion_is_named_wherever_the_cut_is_made() -> None:
    block = b"def step() -> int:\n    return 1\n\n\n"
    text = block * 3 + b"def main() -> None:\n    pass\n"
    base = file("file", text)
    for cut in (0, 1, 2):
        gone = text.splitlines(keepends=True)
        del gone[cut * 4 : cut * 4 + 4]
        one = hunks.hunks(base.data, b"".join(gone), Effort())
        assert [(hunk.approved_at, len(hunk.removed)) for hunk in one] == [(1, 4)]
    both = text.replace(b"pass", b"run()").replace(block, b"", 1)
    found = judge(
        suspect(file("file", text.replace(block, b"", 1)), base), versions(both), {}, Effort()
    )
    assert found.cls is Class.HYBRID


def test_a_hunk_of_an_earlier_approved_version_is_named() -> None:
    """A file without its last fix is an old one; taking out what nobody else took out is not."""
    early = Version(EARLIER, OLD.data.replace(b"line 7 ", b"line seven before its fix "))
    stale = early.data.replace(b"line 15", b"tried line 15")
    found = judge(suspect(file("file", stale)), Witness(versions=(early,)), {}, Effort())
    assert [one.origin for one in found.hunks] == [EARLIER, None]
    assert (found.cls, found.origin) == (Class.HYBRID, EARLIER)
    gone = OLD.data.replace(b"line 7 of the approved file\nline 8 of the approved file\n", b"")
    found = judge(suspect(file("file", gone)), Witness(versions=(early,)), {}, Effort())
    assert found.cls is Class.UNTRACKED
    text = "第一条\n".encode("cp932")
    old = Witness(versions=(Version(EARLIER, text),))
    again = judge(suspect(file("file", "第一条\n".encode())), old, {}, Effort())
    assert (again.cls, again.of) == (Class.NORMALISED, Class.STALE)


def test_a_deletion_that_was_made_in_parts_is_named_by_most_of_it() -> None:
    lines = OLD.data.splitlines(keepends=True)
    gone = b"".join(lines[:5] + lines[12:])
    version = b"".join(lines[:5] + lines[9:]) + b"more\n"
    found = judge(suspect(file("file", gone)), versions(version), {}, Effort())
    assert found.cls is Class.HYBRID


def test_a_deletion_among_other_changes_is_named_by_what_went() -> None:
    gone = OLD.data.replace(b"line 7 of the approved file\n", b"")
    version = OLD.data.replace(b"line 7 of the approved file\nline 8", b"line eight")
    found = judge(suspect(file("file", gone)), versions(b"\0", version), {}, Effort())
    assert (found.cls, len(found.hunks)) == (Class.HYBRID, 1)


def test_very_long_files_are_not_compared_line_by_line() -> None:
    long = b"x\n" * (hunks.LINES + 1)
    assert judge(suspect(file("file", long)), NOTHING, {}, Effort()).hunks == ()


@given(
    st.lists(st.sampled_from([b"a\n", b"b\n", b"\n"])), st.lists(st.sampled_from([b"a\n", b"\n"]))
)
def test_hunks_put_into_the_approved_file_give_the_found_one(
    old: list[bytes], new: list[bytes]
) -> None:
    lines = list(old)
    for one in reversed(hunks.hunks(b"".join(old), b"".join(new), Effort())):
        at = one.approved_at - 1
        assert tuple(lines[at : at + len(one.removed)]) == one.removed
        lines[at : at + len(one.removed)] = one.added
    assert lines == new


def test_nested_archives_are_opened_and_their_members_named() -> None:
    inner = {"x.py": OLD, "same": TINY}
    old = file("file", archive.write({"in.zip": file("file", archive.write(inner))}))
    bad = {**inner, "x.py": NEW, "y.py": TINY}
    new = file("file", archive.write({"in.zip": file("file", archive.write(bad))}))
    compared = gate.compare({"p.zip": old, "a.py": OLD}, {"p.zip": new, "a.py": OLD}, Recipe())
    assert [(one.member, one.source) for one in compared.suspects] == [
        ("p.zip!/in.zip!/x.py", "a.py"),
        ("p.zip!/in.zip!/y.py", ""),
    ]


def test_an_archive_that_cannot_be_read_is_a_differing_member() -> None:
    good = file("file", archive.write({"x": OLD}))
    broken = file("file", good.data + b"behind")
    deep = good
    deeper = file("file", archive.write({"x": NEW}))
    for _ in range(gate.DEPTH):
        deep = file("file", archive.write({"in.zip": deep}))
        deeper = file("file", archive.write({"in.zip": deeper}))
    for old, new, member in ((good, broken, "p"), (deep, deeper, "p!/in.zip!/in.zip!/in.zip")):
        (one,) = gate.compare({"p": old}, {"p": new}, Recipe()).suspects
        assert one.member == member


def _pyc(header: bytes, code: bytes = b"code") -> File:
    return file("file", b"\xa7\x0d\r\n" + header + code)


@pytest.mark.parametrize(
    ("declared", "old", "new", "cleared"),
    [
        ("pyc-header", _pyc(bytes(12)), _pyc(b"timestamp..."), True),
        ("pyc-header", _pyc(bytes(12)), _pyc(bytes(12), b"cod3"), False),
        ("pyc-header", file("file", b"1234" + bytes(20)), file("file", b"1234" + b"x" * 20), False),
        ("archive", _pyc(bytes(12)), _pyc(b"timestamp..."), False),
        (
            "signature",
            file("file", portable_executable()),
            file("file", portable_executable(b"s" * 8)),
            True,
        ),
        ("signature", file("file", b"MZ"), file("file", b"MZ."), False),
        ("signature", file("file", b"MZ" + bytes(99)), file("file", bytes(99)), False),
    ],
)
def test_only_declared_normalisers_clear(
    declared: str, old: File, new: File, cleared: bool
) -> None:
    recipe = Recipe(normalise=frozenset({Normaliser(declared)}))
    compared = gate.compare({"m": old}, {"m": new}, recipe)
    assert bool(compared.normalised) == cleared
    assert bool(compared.suspects) != cleared


def test_a_signed_program_must_be_the_same_program() -> None:
    plain, signed = portable_executable(), portable_executable(b"s" * 16)
    assert signatures.same_program(plain, signed)
    assert not signatures.same_program(plain, signed.replace(b"plug-in", b"plug-on"))
    assert not signatures.same_program(plain, signed + b"appended")
    other = bytearray(plain)
    struct.pack_into("<H", other, 88, 0x999)
    assert not signatures.same_program(bytes(other), signed)


def test_a_signed_jar_gains_signatures_and_digests_and_nothing_else() -> None:
    manifest = file("file", b"Manifest-Version: 1.0\r\n\r\n")
    entry = b"Name: a.class\r\nSHA-256-Digest: YWJj\r\n\r\n"
    path = "META-INF/MANIFEST.MF"
    assert signatures.jar_part("META-INF/X.SF", None, TINY)
    assert signatures.jar_part(path, manifest, file("file", manifest.data + entry))
    assert not signatures.jar_part("META-INF/x.class", None, TINY)
    assert not signatures.jar_part("META-INF/X.SF", None, None)
    assert not signatures.jar_part(path, manifest, file("file", b"other"))
    assert not signatures.jar_part(
        path, manifest, file("file", manifest.data + b"Class-Path: x\r\n")
    )
    assert not signatures.jar_part("a.class", manifest, manifest)


def test_a_refusal_names_the_member_that_has_an_owner_first() -> None:
    refuse("e-application", ())
    cut = hunks.hunks(OLD.data, NEW.data, Effort())
    undated = dataclasses.replace(LATER, planned=None)
    told = [Finding(Class.UNTRACKED, "x"), Finding(Class.HYBRID, "a.py", undated, cut)]
    with pytest.raises(Contaminated) as caught:
        refuse("e-application", told, "d" * 64)
    facts = caught.value.facts
    assert (facts["file"], facts["line"], facts["planned"]) == ("a.py", "next", "")
    assert (facts["hunk"], facts["difference"]) == ("-8 +8", "d" * 64)
    with pytest.raises(Contaminated) as caught:
        refuse("e-application", told[:1])
    assert "line" not in caught.value.facts


ONE = Change("1" * 40, "t" * 40, "p1", "developer one", "one")
TWO = Change("2" * 40, "u" * 40, "", "developer two", "two")
SOURCE = ApprovedSource(TWO.commit, "u" * 40, "0" * 40, (ONE.commit, TWO.commit))
SURVEY = Survey("u" * 40, (), (ONE, TWO), (), (), {})


def test_the_approved_list_is_the_list_that_is_there() -> None:
    accept(SOURCE, SURVEY)
    picked = dataclasses.replace(ONE, commit="9" * 40)
    accept(SOURCE, dataclasses.replace(SURVEY, changes=(picked, TWO), listed=(ONE,)))


@pytest.mark.parametrize(
    ("code", "source", "survey"),
    [
        (
            "unknown-line",
            SOURCE,
            dataclasses.replace(SURVEY, strangers=(("refs/heads/x", "3" * 40),)),
        ),
        ("another-tree", SOURCE, dataclasses.replace(SURVEY, tree="v" * 40)),
        ("unapproved-change", dataclasses.replace(SOURCE, changes=(ONE.commit,)), SURVEY),
        ("approved-change-missing", SOURCE, dataclasses.replace(SURVEY, changes=(TWO,))),
        (
            "approved-change-missing",
            SOURCE,
            dataclasses.replace(SURVEY, changes=(TWO,), listed=(ONE,)),
        ),
    ],
)
def test_the_source_level_refuses(code: str, source: ApprovedSource, survey: Survey) -> None:
    with pytest.raises((Contaminated, Mismatch, Refusal)) as caught:
        accept(source, survey)
    assert caught.value.reason == code
