"""The twenty-five cases that must pass: a false alarm is a defect."""

from __future__ import annotations

import dataclasses
import os
import pickle
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.composition.bench import Bench
from tests.composition.stage import Stage, rewrapped
from tests.composition.world import LARGE, make
from warifu.engines.build.builder import SandboxBuilder
from warifu.model import archive
from warifu.model.ports_source import Rendered
from warifu.model.recipe import Recipe
from warifu.model.tree import Tree, file
from warifu_wire.errors import Contaminated

Act = Callable[[Stage], bytes | None]
ARCHIVE = ["archive"]


@dataclass(frozen=True)
class Case:
    """A harmless difference: `act` may prepare and may give an archive; composing must pass."""

    name: str
    act: Act


def _wrapped(**how: object) -> Act:
    """Another wrapping of the same members, where the program declares that harmless."""

    def act(stage: Stage) -> bytes:
        stage.declare(normalise=ARCHIVE)
        return rewrapped(stage.packed(), **how)

    return act


def _pyc(stage: Stage) -> bytes:
    """A compiled member with a timestamp in its header (PEP 552)."""
    stage.declare(normalise=["pyc-header"])
    name = "app/__pycache__/sign.cpython-311.pyc"
    data = stage.good[name].data
    stamped = data[:4] + struct.pack("<3L", 0, 1_328_000_000, 99) + data[16:]
    return stage.changed({name: file("file", stamped)})


def _shallow(stage: Stage) -> None:
    old, target = stage.world.source.folder, stage.folder / "shallow.git"
    stage.world.source.git(
        "clone", "-q", "--bare", "--no-single-branch", "--depth=3", f"file://{old}", str(target)
    )
    shutil.copytree(old / ".git" / "lfs", target / "lfs")
    stage.move_to(target)


def _repacked(stage: Stage) -> None:
    source = stage.own_world().source
    source.git("gc", "-q", "--aggressive", "--prune=now")


def _annotated(stage: Stage) -> None:
    source = stage.own_world().source
    source.git("tag", "-a", "-m", "Ver1.10", "v1.10", stage.commits["approved"])


def _also_on_next(stage: Stage) -> bytes:
    tip = stage.world.source.git("rev-parse", "next:app/table.py")
    assert tip == stage.world.source.git("rev-parse", f"{stage.commits['approved']}:app/table.py")
    return stage.packed()


def _worktree(stage: Stage) -> None:
    source = stage.own_world().source
    source.git("worktree", "add", "-q", "--detach", str(stage.folder / "linked"))
    stage.move_to(stage.folder / "linked")


def _nested(stage: Stage) -> bytes:
    stage.declare(normalise=ARCHIVE)
    inner = rewrapped(stage.good["plugin.zip"].data, level=1)
    assert inner != stage.good["plugin.zip"].data
    return stage.changed({"plugin.zip": file("file", inner)})


def _other_settings(stage: Stage) -> None:
    """Really built again, with another hash seed, zone and locale."""
    settings = {"PYTHONHASHSEED": "4711", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    other = SandboxBuilder("urn:warifu:builder:two", settings)
    stage.bench.workshop = dataclasses.replace(stage.bench.workshop, rebuilder=other)


def _export_ignored(stage: Stage) -> bytes:
    assert ".gitattributes" not in stage.good
    return stage.packed()


def _cherry_picked(stage: Stage) -> None:
    """The approval lists a commit of next, the release branch has its cherry-pick."""
    source = stage.own_world().source
    source.git("checkout", "-q", "-f", "release-1.10")
    source.git("cherry-pick", stage.commits["sign"])
    approved = stage.bench.program.approved
    stage.approve(source.head, (*approved.changes, stage.commits["sign"]))


def _squashed(stage: Stage) -> None:
    source = stage.own_world().source
    source.git("checkout", "-q", "-f", "-b", "squashed", stage.commits["base"])
    source.git("merge", "-q", "--squash", "release-1.10")
    commit = source.commit("Ver1.10 in one")
    stage.approve(commit, stage.bench.program.approved.changes)


def _smudged(stage: Stage) -> bytes:
    assert stage.good["large.bin"].data == LARGE
    return stage.packed()


def portable_executable(signature: bytes = b"") -> bytes:
    """A small PE32+ file, with an Authenticode table at its end when signed."""
    head = bytearray(b"MZ" + bytes(58) + struct.pack("<L", 64) + b"PE\0\0" + bytes(20))
    optional = bytearray(struct.pack("<H", 0x20B) + bytes(238))
    body = b"the code of the plug-in " * 8
    if signature:
        at = len(head) + len(optional) + len(body)
        struct.pack_into("<L", optional, 64, 0x1234)
        struct.pack_into("<2L", optional, 144, at, len(signature))
    return bytes(head + optional) + body + signature


def _signed(stage: Stage) -> bytes:
    """Authenticode in an executable, and a signed jar, both declared."""
    source = stage.own_world().source
    source.git("checkout", "-q", "-f", "release-1.10")
    manifest = b"Manifest-Version: 1.0\r\n\r\n"
    jar = {"META-INF/MANIFEST.MF": file("file", manifest), "a.class": file("file", b"class" * 9)}
    commit = source.commit(
        "ship binaries", {"host.exe": portable_executable(), "applet.jar": archive.write(jar)}
    )
    stage.approve(commit, (*stage.bench.program.approved.changes, commit))
    stage.normalise("signature")
    entry = b"Name: a.class\r\nSHA-256-Digest: YWJj\r\n\r\n"
    signed = {
        **jar,
        "META-INF/MANIFEST.MF": file("file", manifest + entry),
        "META-INF/WARIFU.SF": file("file", b"Signature-Version: 1.0\r\n\r\n"),
        "META-INF/WARIFU.RSA": file("file", b"\x30\x82"),
    }
    return stage.changed(
        {
            "VERSION": file("file", f"e-application {commit}\n".encode()),
            "host.exe": file("file", portable_executable(b"\x10\0\0\0\0\2\2\0" + bytes(24))),
            "applet.jar": file("file", archive.write(signed)),
        }
    )


def _rebased(stage: Stage) -> bytes:
    """Next is written anew on another base, with the same blobs; the index knows the old ones."""
    with pytest.raises(Contaminated):  # fills the index
        stage.bench.compose(stage.kind, stage.with_("app/host.py"))
    source = stage.own_world().source
    source.git("checkout", "-q", "-f", "--detach", "next")
    tree = source.tree("next")
    lone = source.git("commit-tree", tree, "-p", stage.commits["base"], "-m", "next again")
    source.git("branch", "-f", "next", lone)
    return stage.packed()


def _renamed(stage: Stage) -> None:
    source = stage.own_world().source
    source.git("branch", "-m", "release-1.10", "release/v1.10")


def _sha256(stage: Stage) -> None:
    stage.bench = Bench(make(stage.folder / "sha256", form="sha256"), stage.folder)
    assert len(stage.bench.program.approved.commit) == 64


ELSEWHERE = """\
import os, pickle, sys
os.umask(0o077)
from warifu.engines.build.builder import SandboxBuilder
source, recipe = pickle.load(sys.stdin.buffer)
pickle.dump(SandboxBuilder('urn:warifu:builder:two').build(source, recipe), sys.stdout.buffer)
"""


class Elsewhere(SandboxBuilder):
    """A builder in a process of its own, with another home, folder, umask and environment."""

    def build(self, source: Rendered, recipe: Recipe) -> Tree:
        with tempfile.TemporaryDirectory(prefix="another host ") as folder:
            env = {"TMPDIR": folder, "HOME": folder, "LANG": "ja_JP.eucJP", "PATH": os.defpath}
            done = subprocess.run(
                [sys.executable, "-c", ELSEWHERE],
                input=pickle.dumps((source, recipe)),
                stdout=subprocess.PIPE,
                env=env,
                cwd=Path("/"),
                check=True,
            )
        tree: Tree = pickle.loads(done.stdout)
        return tree


def _another_host(stage: Stage) -> None:
    other = Elsewhere("urn:warifu:builder:two")
    stage.bench.workshop = dataclasses.replace(stage.bench.workshop, rebuilder=other)


def _conversions(stage: Stage) -> bytes:
    assert stage.good["run.bat"].data.count(b"\r\n") == 2
    return stage.packed()


PASSED: dict[str, Case] = {
    "01": Case("identical rebuild", lambda s: s.packed()),
    "02": Case("member order", _wrapped(order=True)),
    "03": Case("zip times", _wrapped(date=(2012, 2, 4, 18, 0, 0))),
    "04": Case("level", _wrapped(level=9)),
    "05": Case("stored", _wrapped(stored=True)),
    "06": Case("declared pyc header", _pyc),
    "07": Case("umask 0664/0775", _wrapped(umask=True)),
    "08": Case("shallow clone", _shallow),
    "09": Case("gc and repack", _repacked),
    "10": Case("annotated tag to the same commit", _annotated),
    "11": Case("eol=crlf, cp932, ident, export-subst", _conversions),
    "12": Case("same blob also on next", _also_on_next),
    "13": Case("linked worktree", _worktree),
    "14": Case("nested zip at another level", _nested),
    "15": Case("other hash seed, zone, locale", _other_settings),
    "16": Case("export-ignored files absent", _export_ignored),
    "17": Case("cherry-pick listed in the approval", _cherry_picked),
    "18": Case("squash with the same tree", _squashed),
    "19": Case("large file smudged", _smudged),
    "20": Case("declared Authenticode and jar signature", _signed),
    "21": Case("next rebased, same blobs", _rebased),
    "22": Case("branch renamed", _renamed),
    "23": Case("empty directory", _wrapped(folders=("empty/",))),
    "24": Case("SHA-256 repository", _sha256),
    "25": Case("rebuild on another host", _another_host),
}
