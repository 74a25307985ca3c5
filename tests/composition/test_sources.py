"""Sources refuse what they cannot know: missing commits, lines, files; and the index heals."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pickle
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from tests.composition.bench import Bench
from tests.composition.repo import Repo
from tests.composition.stage import Stage
from tests.composition.world import World
from warifu.engines.sources.checkin import checked_out
from warifu.engines.sources.git import WORK_TREE, Git, located, sealed
from warifu.engines.sources.index import Index
from warifu.engines.sources.raw import introductions
from warifu.engines.sources.render import attributes, epoch, tree
from warifu.engines.sources.repository import GitSources
from warifu.model import archive
from warifu.model.classes import Suspect
from warifu.model.lines import Line, LineKind
from warifu.model.program import Program, program
from warifu.model.tree import file
from warifu_wire.digest import Digest
from warifu_wire.errors import Fault, Refusal
from warifu_wire.manifest import Kind


@pytest.fixture
def own(bench: Bench, tmp_path: Path) -> Stage:
    """A world of the test's own."""
    stage = Stage(bench, Kind.UPDATE, tmp_path)
    stage.own_world()
    return stage


def refused(stage: Stage) -> Refusal:
    """The refusal of composing."""
    with pytest.raises(Refusal) as caught:
        stage.bench.compose()
    return caught.value


def test_a_place_without_a_repository_is_refused(bench: Bench, tmp_path: Path) -> None:
    bench.program = dataclasses.replace(bench.program, repository=str(tmp_path / "nowhere"))
    with pytest.raises(Refusal, match="repository-missing"):
        bench.compose()


def test_missing_commits_bases_and_lines_are_refused(bench: Bench) -> None:
    good = bench.program
    lone = "f" * 40
    for code, source in [
        ("commit-missing", dataclasses.replace(good.approved, commit=lone)),
        ("commit-missing", dataclasses.replace(good.approved, base=lone)),
        ("base-not-below", dataclasses.replace(good.approved, base=bench.world.commits["wip"])),
        ("another-tree", dataclasses.replace(good.approved, tree=lone)),
        (
            "approved-change-missing",
            dataclasses.replace(good.approved, changes=(*good.approved.changes, lone)),
        ),
    ]:
        bench.program = dataclasses.replace(good, approved=source)
        with pytest.raises(Refusal, match=code):
            bench.compose()
    gone = Line("gone", LineKind.NEXT, "refs/heads/gone", None, "")
    pinned = Line("pinned", LineKind.RELEASED, lone, None, "")
    for line in (gone, pinned):
        bench.program = dataclasses.replace(good, lines=(*good.lines, line))
        with pytest.raises(Refusal, match="line-missing"):
            bench.compose()
    there = dataclasses.replace(pinned, ref=bench.world.commits["oldest"])
    bench.program = dataclasses.replace(good, lines=(*good.lines, there))
    assert bench.compose().artifact


def test_work_after_the_approved_commit_is_named_as_work_in_progress(own: Stage) -> None:
    source = own.world.source
    source.git("checkout", "-q", "-f", "release-1.10")
    commit = source.commit("too late", {"app/late.py": "LATE = 'after the approval'\n"})
    candidate = own.changed({"app/late.py": own.built(commit)["app/late.py"]})
    with pytest.raises(Refusal) as caught:
        own.bench.compose(candidate=candidate)
    assert (caught.value.facts["class"], caught.value.facts["commit"]) == ("later", commit)


def test_a_line_may_live_in_another_repository(own: Stage, tmp_path: Path) -> None:
    other = own.world.copy(tmp_path / "elsewhere").source
    own.world.source.git("branch", "-q", "-D", "next")
    config = own.world.config()
    config["lines"]["next"]["repository"] = str(other.folder)
    for name in ("release-1.00", "release-1.10", "wip/form"):
        other.git("checkout", "-q", "-f", "--detach")
        other.git("branch", "-q", "-D", name)
    own.bench.program = program(config)
    with pytest.raises(Refusal) as caught:
        own.bench.compose(candidate=own.with_("app/host.py"))
    assert caught.value.facts["line"] == "next"


def test_large_files_submodules_and_vendored_files_must_be_there(own: Stage) -> None:
    source = own.world.source
    store = source.folder / ".git" / "lfs"
    (large,) = [one for one in store.rglob("*") if one.is_file()]
    data = large.read_bytes()
    large.write_bytes(data[:-1])
    assert refused(own).reason == "mismatch"
    large.unlink()
    assert refused(own).facts["path"] == "large.bin"
    large.write_bytes(data)
    good = own.bench.program
    empty = Repo(own.folder / "empty")
    empty.commit("nothing here")
    for recipe in (
        dataclasses.replace(good.recipe, submodules={"lib": str(empty.folder)}),
        dataclasses.replace(good.recipe, submodules={"lib": str(own.folder / "nowhere")}),
    ):
        own.bench.program = dataclasses.replace(good, recipe=recipe)
        source.git("submodule", "deinit", "-q", "-f", "--all")
        modules = source.folder / ".git" / "modules"
        if modules.exists():
            modules.rename(own.folder / "modules")
        assert refused(own).reason == "submodule-missing"
    (own.folder / "modules").rename(source.folder / ".git" / "modules")
    own.bench.program = good
    pinned = Digest(hashlib.sha256(own.world.vendored[_vendored(own)]).hexdigest())
    own.world.vendored[pinned] = b"another file"
    assert refused(own).reason == "mismatch"


def _vendored(stage: Stage) -> str:
    """The digest that the approved lock file pins."""
    return stage.world.source.git("show", f"{stage.commits['approved']}:vendor.lock")[:64]


def test_a_lock_file_in_another_form_is_malformed(own: Stage) -> None:
    source = own.world.source
    source.git("checkout", "-q", "-f", "release-1.10")
    commit = source.commit("bad lock", {"vendor.lock": "dep==1.0\n"})
    own.approve(commit, (*own.bench.program.approved.changes, commit))
    assert refused(own).reason == "bad-lock"


def test_nothing_is_vendored_from_an_empty_shelf(world: World, tmp_path: Path) -> None:
    told = program(world.config())
    sources = GitSources(tmp_path, tmp_path / "index.sqlite")
    with pytest.raises(Refusal, match="vendored-missing"):
        sources.render(told, told.approved.commit)


def test_a_pointer_that_no_attribute_asks_for_is_a_plain_file(own: Stage) -> None:
    source = own.world.source
    source.git("checkout", "-q", "-f", "release-1.10")
    text = (source.folder / "large.bin").read_text()
    commit = source.commit("an example", {"example.txt": text})
    rendered = own.bench.workshop.sources.render(own.bench.program, commit)
    assert rendered.files["example.txt"].data == text.encode()
    assert rendered.files["large.bin"].data != text.encode()


def test_a_partial_clone_is_refused(own: Stage) -> None:
    pack = own.world.source.folder / ".git" / "objects" / "pack"
    (pack / "pack-1.promisor").touch()
    assert refused(own).reason == "partial-clone"


def test_git_itself_failing_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="git rev-parse failed"):
        Git(tmp_path / "none", {}).ask("rev-parse", "HEAD")
    with pytest.raises(Fault, match="git log failed"), Git(tmp_path, {}).stream("log") as stream:
        stream.read()
    made = Repo(tmp_path / "made")
    made.commit("one")
    folder = located(made.folder)
    view = sealed(tmp_path / "sealed.git", [folder])
    assert view.ask("rev-parse", "--is-bare-repository") == b"true\n"
    assert located(folder) == folder


def _indexed(told: Program, folder: Path, file: Path) -> tuple[Index, Git]:
    view = sealed(folder / f"{file.name}.git", [located(Path(told.repository))])
    return Index(file), view


def test_the_index_continues_and_forgets_nothing(own: Stage, tmp_path: Path) -> None:
    source = own.world.source
    index, view = _indexed(own.bench.program, tmp_path, tmp_path / "a.sqlite")
    index.update(view, [source.git("rev-parse", "next")])
    blob = source.git("rev-parse", "next:app/host.py")
    (place,) = index.places(blob)
    assert (place.commit, place.path, place.mode) == (
        own.commits["new-file"], "app/host.py", "100644",
    )  # fmt: skip
    source.git("checkout", "-q", "-f", "--detach", "next")
    source.commit("nothing new")
    more = source.commit("copy", {"again.py": source.git("show", "next:app/host.py") + "\n"})
    index.update(view, [more])
    index.update(view, [more])
    assert [one.path for one in index.places(blob)] == ["app/host.py", "again.py"]
    source.git("checkout", "-q", "-f", "release-1.10")
    source.git("gc", "-q", "--prune=now")
    index.update(view, [own.commits["approved"], own.commits["wip"]])
    assert len(index.places(blob)) == 2
    index.close()


def test_an_update_that_breaks_off_leaves_the_old_index(own: Stage, tmp_path: Path) -> None:
    index, view = _indexed(own.bench.program, tmp_path, tmp_path / "b.sqlite")
    index.update(view, [own.commits["base"]])
    with pytest.raises(Fault):
        index.update(view, [own.commits["approved"], "f" * 40])
    index.close()
    again = Index(tmp_path / "b.sqlite")
    again.update(view, [own.commits["approved"]])
    blob = own.world.source.git("rev-parse", f"{own.commits['approved']}:app/legacy.py")
    assert [one.commit for one in again.places(blob)] == [own.commits["approved"]]
    again.close()


def test_a_file_that_is_no_index_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "broken.sqlite"
    path.write_bytes(b"this is no database at all, but long enough to be looked at" * 40)
    with pytest.raises(Fault, match="delete the file"):
        Index(path)


def test_the_log_is_read_across_any_cut(own: Stage) -> None:
    source = own.world.source

    class Dripping:
        """A stream that gives a few bytes at a time."""

        def __init__(self, data: bytes) -> None:
            self._data, self._at = data, 0

        def read(self, _: int) -> bytes:
            self._at += 7
            return self._data[self._at - 7 : self._at]

    words = ("--raw", "-c", "-z", "--no-abbrev", "--no-renames", "--root", "--format=%x01%H")
    log = source.git("log", *words, "next").encode()
    rows = list(introductions(Dripping(log)))  # type: ignore[arg-type]
    told = {(row.path.decode(), row.commit.decode()) for row in rows}
    assert ("app/evil.py", own.commits["merge"]) in told
    assert ("app/side.py", own.commits["side"]) in told
    assert {row.path for row in introductions(Dripping(b"\x01abc\0\x01def\0"))} == {b""}  # type: ignore[arg-type]


def test_raw_bytes_of_the_repository_are_not_the_programs_bytes(own: Stage) -> None:
    """A cp932 file shipped as the repository holds it (UTF-8) is named, not let by."""
    source = own.world.source
    raw = source.git("cat-file", "blob", f"{own.commits['approved']}:説明.sjis").encode() + b"\n"
    with pytest.raises(Refusal) as caught:
        own.bench.compose(candidate=own.changed({"説明.sjis": file("file", raw)}))
    assert caught.value.facts["class"] == "normalised"


def test_abbreviated_ids_do_not_grow_with_the_clone(own: Stage) -> None:
    """`%h` is as long as the number of objects makes it; tags and branches are not told at all."""
    source = own.world.source
    source.git("checkout", "-q", "-f", "release-1.10")
    told = "$Format:%h|%(describe)|%D$\n"
    source.commit("say the version", {"VERSION": told})
    source.git("tag", "-a", "-m", "Ver1.10", "v1.10")
    sources, program_ = own.bench.workshop.sources, own.bench.program
    before = sources.render(program_, source.head).files["VERSION"].data.decode()
    assert before == f"{source.head[:12]}||\n"
    many = b"".join(b"blob\ndata 10\n%010d\n" % n for n in range(20_000))
    source.git("fast-import", "--quiet", given=many)
    assert len(source.git("rev-parse", "--short", "HEAD")) > 7
    grown = GitSources(own.folder, own.folder / "grown.sqlite", own.bench.vendored)
    assert grown.render(program_, source.head).files["VERSION"].data.decode() == before


def test_files_that_stand_in_each_others_way_are_all_found(own: Stage) -> None:
    """A file of next where another suspect has a folder, with line ends as they are checked out."""
    source = own.world.source
    source.git("checkout", "-q", "-f", "next")
    wanted = {}
    for path in ("way.bat", "way.bat/below.bat", "way.bat/too.bat"):
        data = f"a text of the next line at {path}\n".encode()
        if path == "way.bat/below.bat":
            source.commit("make way", {"way.bat": None})
        wanted[path] = source.commit(f"add {path}", {path: data})
    source.git("checkout", "-q", "-f", "release-1.10")
    suspects = [
        Suspect(path, path, file("file", f"a text of the next line at {path}\r\n".encode()), None)
        for path in (*wanted, "n" * 300, ".gitattributes")
    ]
    witnesses = own.bench.workshop.sources.witnesses(own.bench.program, suspects)
    found = {one.member: witness for one, witness in zip(suspects, witnesses, strict=True)}
    for path, commit in wanted.items():
        assert [one.commit for one in found[path].seen] == [commit], path
    assert found["n" * 300].seen == found[".gitattributes"].seen == ()


def test_a_file_in_a_submodules_place_is_judged(own: Stage) -> None:
    """The other lines' versions of that path are submodules, and no text to compare with."""
    tree = {path: one for path, one in own.good.items() if not path.startswith("lib/")}
    data = archive.write({**tree, "lib": file("file", b"LEVEL = 'no folder any more'\n")})
    with pytest.raises(Refusal) as caught:
        own.bench.compose(candidate=data)
    found = {one["member"]: one["class"] for one in json.loads(caught.value.facts["findings"])}
    assert found == {"lib": "untracked", "lib/lib.py": "missing", "lib/deep/x.py": "missing"}


def test_an_object_that_is_missing_is_a_fault(own: Stage) -> None:
    git = located_view(own)
    with attributes(git, {}) as view, pytest.raises(Fault, match="not have all objects"):
        list(checked_out(view, [("f" * 40, "a")]))
    with pytest.raises(Fault, match="no object"):
        git.read([own.commits["approved"], "f" * 40])


def test_a_commit_is_as_old_as_its_committer_says() -> None:
    head = b"tree x\nauthor a <a> 1 +0000\ncommitter b c <b@c> 1328000000 +051800\n\n"
    assert epoch(head + b"committer d <d> 2 +0000\n") == 1_328_000_000
    with pytest.raises(Fault, match="when it was made"):
        epoch(b"tree x\n\ncommitter d <d> 2 +0000\n")


def test_a_tree_that_leads_out_of_itself_is_a_fault(own: Stage) -> None:
    """No git of today makes such a tree; where one is found, nothing is laid beside the scratch."""
    git = located_view(own)
    leaf = tree(git, own.commits["approved"])[".gitattributes"]
    for path in ("../.gitattributes", "a/../../.gitattributes", ".git/.gitattributes"):
        with pytest.raises(Fault, match="out of its tree"), attributes(git, {path: leaf}):
            pass
    link = dataclasses.replace(leaf, mode="120000")
    with attributes(git, {".gitattributes": link}) as view:
        assert not list(Path(view.extra[WORK_TREE]).iterdir())


def located_view(stage: Stage) -> Git:
    """A sealed view of the case's own repository."""
    return sealed(stage.folder / "view.git", [located(stage.world.source.folder)])


def test_the_newest_commit_is_named_however_the_index_grew(own: Stage) -> None:
    """Bytes that next brought, gave up and brought again; read in one pass, or as they came."""
    source = own.world.source
    data = b"BACK = 'and forth again'\n"
    candidate = own.changed({"app/back.py": file("file", data)})
    named = []
    for fresh in (False, True):
        if not fresh:
            source.git("checkout", "-q", "-f", "next")
            source.commit("bring", {"app/back.py": data})
            with pytest.raises(Refusal):
                own.bench.compose(candidate=candidate)
            source.commit("give up", {"app/back.py": b"BACK = 'gone'\n"})
            again = source.commit("bring again", {"app/back.py": data})
            source.git("checkout", "-q", "-f", "release-1.10")
        folder = own.folder / f"fresh {fresh}" if fresh else own.folder
        folder.mkdir(exist_ok=True)
        bench = Bench(own.world, folder).keeping() if fresh else own.bench
        with pytest.raises(Refusal) as caught:
            bench.compose(candidate=candidate)
        named.append(caught.value.facts["commit"])
    assert named == [again, again]


def test_file_names_in_another_encoding_are_refused(own: Stage) -> None:
    source = own.world.source
    source.git("checkout", "-q", "-f", "release-1.10")
    name = b"app/" + "説明".encode("cp932")
    blob = source.git("rev-parse", "HEAD:check.py")
    given = b"100644 " + blob.encode() + b"\t" + name + b"\n"
    source.git("update-index", "--index-info", given=given)
    source.git("commit", "-q", "-m", "a name in cp932")
    own.approve(source.head, (*own.bench.program.approved.changes, source.head))
    assert refused(own).reason == "path-not-utf8"


def test_a_full_disk_is_a_fault(own: Stage, tmp_path: Path) -> None:
    """The index cannot grow beyond a file size limit set for a process of its own."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n"
        "from pathlib import Path; from tests.composition.bench import Bench\n"
        "import pickle; world, folder = pickle.load(sys.stdin.buffer)\n"
        "bench = Bench(world, Path(folder))\n"
        "from warifu_wire.errors import Fault\n"
        "try: bench.compose()\n"
        "except Fault as fault: print('fault', len(list(bench.ledger.events())))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=pickle.dumps((own.world, str(tmp_path))),
        capture_output=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.stdout == b"fault 0\n", done.stderr


def test_an_altered_object_is_named_though_git_believes_it(own: Stage) -> None:
    source = own.world.source
    blob = source.git("rev-parse", f"{own.commits['approved']}:app/sign.py")
    stored = source.folder / ".git" / "objects" / blob[:2] / blob[2:]
    data = own.later["app/sign.py"].data
    stored.chmod(0o644)
    stored.write_bytes(zlib.compress(b"blob %d\0%s" % (len(data), data)))
    assert "new host" in source.git("show", f"{own.commits['approved']}:app/sign.py")
    refusal = refused(own)
    assert (refusal.reason, refusal.needed) == ("object-altered", blob)
