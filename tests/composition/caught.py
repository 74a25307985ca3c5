"""The forty cases that must be caught, each with the class (or code) and the member it names."""

from __future__ import annotations

import dataclasses
import io
import subprocess
import tarfile
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from tests.composition.stage import Stage, appended, patched_central
from tests.composition.world import SIGN, STASHED, VENDORED_NEXT
from tests.flow.road import PAGE, Road
from warifu.flow import sign
from warifu.model import approval, archive, verification
from warifu.model.lines import LineKind
from warifu.model.ports_source import Outcome, Rendered, Tools
from warifu.model.recipe import Recipe
from warifu.model.tree import Tree, file
from warifu.model.verification import verified
from warifu.testing import MemoryDepot
from warifu_wire import policy
from warifu_wire.digest import Digest
from warifu_wire.keys import PublicKey
from warifu_wire.policy import KeyState, Person

Act = Callable[[Stage], bytes | None]


@dataclass(frozen=True)
class Case:
    """A contamination: `act` gives an archive to judge, or plays the whole case and raises.

    `wanted` is the class or the code; `member` is the member (or the person, the line, the role)
    that is named, and empty where two digests are; `lies` are members a builder delivers.
    """

    name: str
    act: Act
    wanted: str
    member: str = ""
    commit: str = ""
    lies: tuple[str, ...] = ()


class Lying:
    """A builder that puts other members into what it builds."""

    def __init__(self, inner: Tree, members: Tree) -> None:
        self._tree = {**inner, **members}

    @property
    def tools(self) -> Tools:
        return Tools("urn:warifu:builder:lying", "python", Digest("0" * 64))

    def build(self, source: Rendered, recipe: Recipe) -> Tree:
        return self._tree


def _lying(name: str, member: str, wanted: str, commit: str) -> Case:
    """One of the two builders delivers a member of the next line."""

    def act(stage: Stage) -> None:
        shop = stage.bench.workshop
        lies = Lying(stage.good, {member: stage.later[member]})
        stage.bench.workshop = dataclasses.replace(shop, builder=lies)
        stage.bench.compose(stage.kind)

    return Case(name, act, wanted, member, commit, (member,))


def _replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    assert data.count(old) == 1
    return data.replace(old, new)


def _hunk(stage: Stage) -> bytes:
    data = stage.good["app/main.py"].data
    changed = _replaced(data, b"return 2 * 2", b"return host_step(2)")
    return stage.changed({"app/main.py": file("file", changed)})


def _deletion(stage: Stage) -> bytes:
    data = stage.good["app/main.py"].data
    changed = _replaced(data, b"def step_9() -> int:\n    return 9 * 9\n\n\n", b"")
    return stage.changed({"app/main.py": file("file", changed)})


def _edit(stage: Stage) -> bytes:
    data = stage.good["app/sign.py"].data.replace(b"closed 3'", b"quickly tried 3'")
    return stage.changed({"app/sign.py": file("file", data)})


def _swapped(stage: Stage) -> bytes:
    one, other = stage.good["app/sign.py"], stage.good["app/table.py"]
    return stage.changed({"app/sign.py": other, "app/table.py": one})


def _stale(stage: Stage) -> bytes:
    return stage.changed({"app/table.py": stage.built(stage.commits["oldest"])["app/table.py"]})


def _nested(stage: Stage) -> bytes:
    inner = archive.read(stage.good["plugin.zip"].data)
    inner = {
        **inner,
        "form.py": file("file", SIGN.replace("RULE", "FORM").replace("7'", "host 7'").encode()),
    }
    return stage.changed({"plugin.zip": file("file", archive.write(inner))})


def _tag_moved(stage: Stage) -> bytes:
    source = stage.own_world().source
    source.git("tag", "-f", "v1.10", stage.commits["merge"])
    return archive.write(stage.built(source.git("rev-parse", "v1.10")))


class Swapping(MemoryDepot):
    """A store whose bytes were changed behind its back."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = data

    def get(self, content: Digest) -> bytes:
        return self._data


def _swapped_after(stage: Stage) -> None:
    made = stage.bench.compose(stage.kind)
    stage.bench.verify(made)
    stage.bench.depot = Swapping(stage.with_("app/host.py"))
    stage.bench.verify(made)


def _merged(stage: Stage) -> None:
    source = stage.own_world().source
    source.git("checkout", "-q", "-f", "release-1.10")
    source.git("merge", "-q", "--no-edit", "--no-ff", "-X", "theirs", "next")
    stage.approve(source.head, stage.bench.program.approved.changes)
    stage.bench.compose(stage.kind)


def _plain_archive(stage: Stage) -> bytes:
    """What an ordinary `git archive` in that repository gives, packed as our members."""
    source, commit = stage.world.source, stage.commits["approved"]
    data = subprocess.run(
        ["git", "-C", str(source.folder), "archive", commit], capture_output=True, check=True
    ).stdout
    tree = dict(stage.good)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        there = {one.name: one for one in tar if one.isreg()}
        for path in stage.bench.program.recipe.exclude:
            there.pop(path, None)
        if "app/sign.py" not in there:
            del tree["app/sign.py"]
        for name in ("app/sign.py", "app/table.py"):
            if name in there:
                stream = tar.extractfile(there[name])
                assert stream is not None
                tree[name] = file("file", stream.read())
    return archive.write(tree)


def _git_replace(stage: Stage) -> bytes:
    source = stage.own_world().source
    old = source.git("rev-parse", f"{stage.commits['approved']}:app/sign.py")
    source.git("replace", old, source.git("rev-parse", "next:app/sign.py"))
    assert stage.bench.compose(stage.kind).artifact  # our own rendering is not led astray
    return _plain_archive(stage)


def _info_attributes(stage: Stage) -> bytes:
    source = stage.own_world().source
    (source.folder / ".git" / "info" / "attributes").write_text("app/sign.py export-ignore\n")
    assert stage.bench.compose(stage.kind).artifact
    return _plain_archive(stage)


def _autocrlf(stage: Stage) -> bytes:
    source = stage.own_world().source
    source.git("config", "core.autocrlf", "true")
    assert stage.bench.compose(stage.kind).artifact
    return _plain_archive(stage)


def _replayed(stage: Stage) -> None:
    older = stage.bench.verify(stage.bench.compose(stage.kind))
    stage.bench.program = dataclasses.replace(
        stage.bench.program, labels={"version": "Ver1.09", "edition": "2012-01-08"}
    )
    made = stage.bench.verify(stage.bench.compose(stage.kind))
    statements = (*made.results, made.verdict, older.vsa)
    verified(made.composition, statements, stage.bench.rules, stage.bench.people)


def _tested_source(stage: Stage) -> None:
    made = stage.bench.verify(stage.bench.compose(stage.kind))
    outcome = Outcome("road", ("main",), (), ())
    tree = stage.world.source.tree(stage.commits["approved"])
    source = dataclasses.replace(
        verification.test_result(made.composition, outcome),
        subjects={"source": Digest(tree.ljust(64, "0"))},
    )
    signer = stage.bench.keyring.signer("verify")
    signed = source.envelope().signed(signer.public.keyid, signer.sign)
    statements = (signed, made.verdict, made.vsa)
    verified(made.composition, statements, stage.bench.rules, stage.bench.people)


def _person(id_: str, role: str, *keys: PublicKey) -> Person:
    rows = tuple((key, KeyState.ACTIVE) for key in keys)
    return Person(id_, id_, True, frozenset(role.split()), rows)


def _two_keyids(stage: Stage) -> None:
    key = stage.bench.keyring.public("build")
    again = dataclasses.replace(key, keyid="another-id")
    policy.people(_person("build", "build", key), _person("rebuild", "rebuild", again))


def _one_for_all(stage: Stage) -> None:
    made = stage.bench.verify(stage.bench.compose(stage.kind))
    keys = [stage.bench.keyring.public(one) for one in ("build", "rebuild", "verify")]
    everybody = policy.people(_person("one", "build rebuild verify approver", *keys))
    statements = (*made.results, made.verdict, made.vsa)
    verified(made.composition, statements, stage.bench.rules, everybody)


def _builder_verifies(stage: Stage) -> None:
    made = stage.bench.verify(stage.bench.compose(stage.kind))
    build, rebuild, verify = (
        stage.bench.keyring.public(one) for one in ("build", "rebuild", "verify")
    )
    everybody = policy.people(
        _person("one", "build verify", build, verify), _person("two", "rebuild", rebuild)
    )
    statements = (*made.results, made.verdict, made.vsa)
    verified(made.composition, statements, stage.bench.rules, everybody)


def _verifier_approves(stage: Stage) -> None:
    """One of the two approvers holds the verifier's duty, too."""
    road = Road()
    proposed = road.change(road.program(stage.kind, "print(1)"))
    road.propose(proposed)
    for person in ("approver-1", "approver-2"):
        road.sign(proposed, person)
    both = {
        one.id: dataclasses.replace(one, roles=one.roles | {"verify"})
        if one.id == "approver-2" else one
        for one in road.people.people
    }  # fmt: skip
    sign.gather(road.ledger, road.statements, proposed, road.rules, policy.people(*both.values()))


def _shown_another(stage: Stage) -> None:
    """Both approvers sign the routes, but the statement of one is about what was on their page."""
    road = Road()
    proposed = road.change(road.program(stage.kind, "print(1)"))
    shown = road.change(road.program(stage.kind, "print(2)"))
    whole, stated = proposed.envelope(), []
    for person, seen in (("approver-1", proposed), ("approver-2", shown)):
        signer = road.keyring.signer(person)
        whole = whole.signed(signer.public.keyid, signer.sign)
        told = approval.approval(seen, road.rules, person, PAGE).envelope()
        stated.append(told.signed(signer.public.keyid, signer.sign))
    approval.approved(proposed, whole, tuple(stated), road.rules, road.people)


def _unknown_line(stage: Stage) -> None:
    stage.without_line(LineKind.WIP)
    stage.bench.compose(stage.kind)


def _all_of_next(stage: Stage) -> bytes:
    return archive.write(stage.later)


def _reencoded(stage: Stage) -> bytes:
    text = stage.later["説明.sjis"].data.decode("cp932").replace("\r\n", "\n")
    return stage.changed({"説明.sjis": file("file", b"\xef\xbb\xbf" + text.encode())})


def _moved(stage: Stage) -> bytes:
    return stage.changed({"bin/start": None, "bin/begin": stage.later["bin/begin"]})


NFD = unicodedata.normalize("NFD", "ガイド.txt")
CAUGHT: dict[str, Case] = {
    "01": Case(
        "whole file from next", lambda s: s.with_("app/sign.py"), "later", "app/sign.py", "sign"
    ),
    "02": Case("stale file", _stale, "stale", "app/table.py", "oldest"),
    "03": Case(
        "file next reverted",
        lambda s: s.with_("app/legacy.py"),
        "reverted",
        "app/legacy.py",
        "revert",
    ),
    "04": Case(
        "new file from next", lambda s: s.with_("app/host.py"), "later", "app/host.py", "new-file"
    ),
    "05": Case(
        "file missing", lambda s: s.changed({"app/sign.py": None}), "missing", "app/sign.py"
    ),
    "06": Case("one hunk", _hunk, "hybrid", "app/main.py", "hunks"),
    "07": Case("pure-deletion hunk", _deletion, "hybrid", "app/main.py", "deletion"),
    "08": Case("uncommitted edit", _edit, "untracked", "app/sign.py"),
    "09": Case(
        "exec bit",
        lambda s: s.changed({"app/sign.py": file("exec", s.good["app/sign.py"].data)}),
        "mode",
        "app/sign.py",
    ),
    "10a": Case(
        "symlink to file",
        lambda s: s.changed({"current": file("file", b"app/main.py")}),
        "mode",
        "current",
    ),
    "10b": Case(
        "symlink to other target",
        lambda s: s.changed({"current": file("link", b"app/sign.py")}),
        "untracked",
        "current",
    ),
    "11": Case(
        "approved blob at a next-only path",
        lambda s: s.with_("extra/copy.py"),
        "relocated",
        "extra/copy.py",
        "package",
    ),
    "12": Case("two approved files swapped", _swapped, "relocated", "app/sign.py"),
    "13": Case("nested-zip member", _nested, "later", "plugin.zip!/form.py", "plugin"),
    "14": Case(
        ".pyc from next beside approved .py",
        lambda s: s.with_("app/__pycache__/sign.cpython-311.pyc"),
        "derived-from",
        "app/__pycache__/sign.cpython-311.pyc",
        "sign",
    ),
    "15": Case(
        "generated by next's generator",
        lambda s: s.with_("app/forms.py"),
        "derived-from",
        "app/forms.py",
        "generator",
    ),
    "16": Case(
        "vendored newer than lock",
        lambda s: s.changed({"vendor/dep.py": file("file", VENDORED_NEXT)}),
        "later",
        "vendor/dep.py",
        "vendor",
    ),
    "17": Case(
        "submodule at next pin", lambda s: s.with_("lib/lib.py"), "later", "lib/lib.py", "submodule"
    ),
    "18": Case(
        "dangling stash blob",
        lambda s: s.changed({"app/stash.py": file("file", STASHED)}),
        "dangling",
        "app/stash.py",
    ),
    "19": Case("binary from next", lambda s: s.with_("icon.bin"), "later", "icon.bin", "binary"),
    "20": Case(
        "duplicate zip entry",
        lambda s: appended(s.packed(), "app/sign.py", b"x"),
        "archive-duplicate",
        "app/sign.py",
    ),
    "21a": Case(
        "case collision",
        lambda s: appended(s.packed(), "App/Sign.py", b"x"),
        "archive-collision",
        "App/Sign.py",
    ),
    "21b": Case(
        "NFC collision",
        lambda s: appended(
            appended(s.packed(), unicodedata.normalize("NFC", NFD), b"x"), NFD, b"y"
        ),
        "archive-collision",
        NFD,
    ),
    "22a": Case("trailing data", lambda s: s.packed() + b"#!/bin/sh\n", "archive-end"),
    "22b": Case("prefixed data", lambda s: b"#!/bin/sh\n" + s.packed(), "archive-gap"),
    "23": Case("tag moved", _tag_moved, "later", "app/sign.py", "sign"),
    "24": Case("swapped after verification", _swapped_after, "mismatch"),
    "25": Case(
        "empty __init__.py enabling a plug-in",
        lambda s: s.with_("extra/__init__.py"),
        "later",
        "extra/__init__.py",
        "package",
    ),
    "26": Case("next file re-encoded", _reencoded, "normalised", "説明.sjis", "text"),
    "27": Case("rename from next", _moved, "relocated", "bin/begin", "moved"),
    "28": _lying("lying builder", "app/host.py", "later", "new-file"),
    "29": Case("next merged into the release branch", _merged, "unapproved-change", "next"),
    "30": Case("evil merge", lambda s: s.with_("app/evil.py"), "later", "app/evil.py", "merge"),
    "31a": Case("git replace on the builder", _git_replace, "later", "app/sign.py", "sign"),
    "31b": Case("info/attributes on the builder", _info_attributes, "missing", "app/sign.py"),
    "31c": Case("core.autocrlf on the builder", _autocrlf, "normalised", "app/sign.py"),
    "32": _lying("poisoned build cache", "app/forms.py", "derived-from", "generator"),
    "33": Case("VSA of another edition replayed", _replayed, "about-another"),
    "34": Case("test result for the source", _tested_source, "tested-another"),
    "35": Case("same key, two keyids", _two_keyids, "shared-key", "rebuild"),
    "36a": Case(
        "one person builds twice and approves", _one_for_all, "builder-is-rebuilder", "one"
    ),
    "36b": Case("builder verifies", _builder_verifies, "builder-is-verifier", "one"),
    "36c": Case("verifier approves", _verifier_approves, "duties-not-separate", "approver-2"),
    "37": Case("approver shown another digest", _shown_another, "approval-of-another"),
    "38": Case("whole program built from next", _all_of_next, "later", "app/host.py", "new-file"),
    "39": Case(
        "line registry lacks the branch", _unknown_line, "unknown-line", "refs/heads/wip/form"
    ),
    "40a": Case(
        "local and central header differ",
        lambda s: patched_central(s.packed(), 12, "<H", 7),
        "archive-headers-differ",
        "VERSION",
    ),
    "40b": Case(
        "zip64",
        lambda s: patched_central(s.packed(), 20, "<L", 0xFFFFFFFF),
        "archive-zip64",
        "VERSION",
    ),
    "40c": Case(
        "encrypted flag",
        lambda s: patched_central(s.packed(), 8, "<H", 1),
        "archive-encrypted",
        "VERSION",
    ),
}
