"""Expected bytes: what a commit renders to, by git itself and nothing else.

Only the git command line knows every attribute (cp932, line ends, ident, export-subst); libraries
ignore some of them silently. Large-file pointers, submodules and vendored files are followed here.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from warifu.engines.sources.git import WORK_TREE, Git, located
from warifu.model.ports_source import Rendered
from warifu.model.recipe import Recipe
from warifu.model.tree import File, file
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, digest, of_bytes
from warifu_wire.errors import Fault, Malformed, Mismatch, Refusal

Vendored = Callable[[Digest], bytes]

_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize (\d+)\n"
)
_LOCKED = re.compile(r"([0-9a-f]{64})  (.+)")
_COMMITTED = re.compile(rb"^committer .* (\d+) [+-]\d+$", re.MULTILINE)
_GITLINK = "160000"
_PLAIN = ("100644", "100755")
_OUTSIDE = frozenset({"..", ".", ".git"})


@dataclass(frozen=True, slots=True)
class Leaf:
    """One entry of a tree: its mode in octal digits, its object."""

    mode: str
    object: str


@dataclass(frozen=True, slots=True)
class Renderer:
    """Renders commits of one sealed repository; `real` are the repositories it borrows from.

    `seal` gives the sealed repository of a submodule.
    """

    git: Git
    real: tuple[Path, ...]
    vendored: Vendored
    seal: Callable[[tuple[Path, ...]], Git]

    def render(self, commit: str, recipe: Recipe, paths: Sequence[str] | None = None) -> Rendered:
        """All files of a commit, or those of `paths` that it has; raises `Refusal`, `Fault`."""
        if paths is None:
            sound(self.git, commit)
        leaves = tree(self.git, commit)
        wanted = leaves if paths is None else _below(leaves, paths)
        _spellable(wanted)
        files = dict(self._archived(commit, wanted, whole=paths is None))
        self._fetch_large(leaves, files)
        objects = {path: leaf.object for path, leaf in leaves.items()}
        materials: list[Json] = []
        for path, leaf in wanted.items():
            if leaf.mode == _GITLINK:
                materials.append(self._submodule(path, leaf.object, recipe, files, objects))
        pins = [objects[recipe.lock]] if recipe.lock and recipe.lock in leaves else []
        head, *locks = self.git.read([commit, *pins])
        for lock in locks:
            materials.extend(self._locked(lock, files, paths))
        return Rendered(commit, files, epoch(head), objects, tuple(materials))

    def _archived(
        self, commit: str, wanted: Mapping[str, Leaf], *, whole: bool
    ) -> Iterator[tuple[str, File]]:
        """The files of `git archive`, in batches when only some are wanted."""
        names = [path for path, leaf in wanted.items() if leaf.mode != _GITLINK]
        batches = [[]] if whole else [names[at : at + 200] for at in range(0, len(names), 200)]
        for batch in batches:
            specs = [f":(top,literal){path}" for path in batch]
            data = self.git.ask("archive", "--format=tar", commit, "--", *specs)
            if _empty(data):
                continue
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                for entry in tar:
                    if not entry.isdir():
                        yield entry.name, _file(tar, entry)

    def _fetch_large(self, leaves: Mapping[str, Leaf], files: dict[str, File]) -> None:
        """Replace pointers by the large files they name (Git LFS specification v1)."""
        pointers = {
            path: found
            for path, one in files.items()
            if path in leaves and (found := _POINTER.fullmatch(one.data))
        }
        for path in filtered(self.git, leaves, pointers):
            content = digest(pointers[path][1].decode())
            data = self._large(content)
            if data is None:
                raise Refusal(
                    "large-file-missing", needed="git lfs fetch", path=path, sha256=content
                )
            if of_bytes(data) != content or len(data) != int(pointers[path][2]):
                raise Mismatch(needed=content, found=of_bytes(data), path=path)
            files[path] = file(files[path].mode, data)

    def _large(self, content: Digest) -> bytes | None:
        for folder in self.real:
            stored = folder / "lfs" / "objects" / content[:2] / content[2:4] / content
            if stored.exists():
                return stored.read_bytes()
        return None

    def _submodule(
        self,
        path: str,
        commit: str,
        recipe: Recipe,
        files: dict[str, File],
        objects: dict[str, str],
    ) -> Json:
        """Add the files of the pinned commit of another repository."""
        known = recipe.submodules or {}
        places = [Path(known[path])] if path in known else []
        places = [
            place if place.is_absolute() else folder.parent / place
            for place in places
            for folder in self.real[:1]
        ] + [folder / "modules" / path for folder in self.real]
        place = next((one for one in places if one.exists()), None)
        if place is None:
            raise Refusal(
                "submodule-missing", needed="its repository in build.submodules", path=path
            )
        real = (located(place),)
        inner = Renderer(self.seal(real), real, self.vendored, self.seal)
        if inner.git.kinds([commit]) != ["commit"]:
            raise Refusal("submodule-missing", needed="its pinned commit", path=path, commit=commit)
        found = inner.render(commit, Recipe())
        files.update({f"{path}/{inside}": one for inside, one in found.files.items()})
        objects.update({f"{path}/{inside}": one for inside, one in found.objects.items()})
        return {"digest": {"gitCommit": commit}, "name": path}

    def _locked(
        self, lock: bytes, files: dict[str, File], paths: Sequence[str] | None
    ) -> Iterator[Json]:
        """Add the vendored files that the lock file pins, from the depot and nowhere else."""
        for content, path in locked(lock):
            if paths is None or path in paths:
                data = self.vendored(content)
                if of_bytes(data) != content:
                    raise Mismatch(needed=content, found=of_bytes(data), path=path)
                files[path] = file("file", data)
                yield {"digest": {"sha256": content}, "name": path}


def sound(git: Git, commit: str) -> None:
    """Hash a commit and everything below it anew; raises `Mismatch` naming an altered object.

    git believes its object store: an object whose bytes were changed is read without a question.
    """
    told = git.ask("rev-list", "--objects", "--no-walk", "--no-object-names", commit)
    listed = told.decode().split()
    algorithm = hashlib.sha1 if len(commit) == 40 else hashlib.sha256
    with git.stream("cat-file", "--batch", "--unordered", given=told) as stream:
        for _ in listed:
            name, kind, size = stream.readline().decode().split()
            found = algorithm(f"{kind} {size}\0".encode(), usedforsecurity=False)
            found.update(stream.read(int(size)))
            stream.read(1)
            if found.hexdigest() != name:
                raise Mismatch(
                    "object-altered", needed=name, found=found.hexdigest(), commit=commit
                )


def tree(git: Git, commit: str) -> dict[str, Leaf]:
    """Every entry of a commit's tree, by path."""
    found = {}
    for row in git.ask("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0")[:-1]:
        head, path = row.split(b"\t", 1)
        mode, _, object_ = head.decode().split(" ")
        found[path.decode("utf-8", "surrogateescape")] = Leaf(mode, object_)
    return found


def locked(lock: bytes) -> Iterator[tuple[Digest, str]]:
    """The pins of a lock file in the form of sha256sum; raises `Malformed`."""
    for line in lock.decode("utf-8", "replace").splitlines():
        found = _LOCKED.fullmatch(line)
        if found is None:
            raise Malformed("bad-lock", needed="lines of sha256, two spaces, path", found=line)
        yield digest(found[1]), found[2]


def filtered(git: Git, leaves: Mapping[str, Leaf], paths: Mapping[str, object]) -> list[str]:
    """Those of `paths` whose attributes in that tree ask for the lfs filter."""
    if not paths:
        return []
    with attributes(git, leaves) as view:
        given = "".join(f"{path}\0" for path in paths).encode()
        told = view.ask("check-attr", "--stdin", "-z", "filter", given=given).decode().split("\0")
    return [path for path, value in zip(told[::3], told[2::3], strict=False) if value == "lfs"]


@contextmanager
def attributes(git: Git, leaves: Mapping[str, Leaf]) -> Iterator[Git]:
    """A view of the sealed repository in which the attributes are those of one commit's tree.

    Its work tree holds the files of attributes and nothing else, and its index nothing at all: git
    does not read them from the index for every question. Links are not followed, as git does not.
    """
    held = {
        path: leaf.object
        for path, leaf in leaves.items()
        if path.rpartition("/")[2] == ".gitattributes" and leaf.mode in _PLAIN
    }
    with TemporaryDirectory() as scratch:
        work = Path(scratch, "work")
        work.mkdir()
        for path, data in zip(held, git.read(list(held.values())), strict=True):
            if not _OUTSIDE.isdisjoint(path.split("/")):  # git lays no such file either
                raise Fault(f"the path {path} leads out of its tree", needed="a sound repository")
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_bytes(data)
        yield git.viewing(**{"GIT_INDEX_FILE": f"{scratch}/index", WORK_TREE: str(work)})


def epoch(commit: bytes) -> int:
    """When a commit was made, in seconds since 1970; raises `Fault`."""
    made = _COMMITTED.search(commit.partition(b"\n\n")[0])
    if made is None:
        raise Fault("a commit does not say when it was made", needed="a sound repository")
    return int(made[1])


def _spellable(paths: Iterable[str]) -> None:
    for path in paths:
        if not path.isascii() and path.encode("utf-8", "replace") != path.encode("utf-8", "ignore"):
            raise Refusal("path-not-utf8", needed="file names in UTF-8", path=ascii(path))


def _below(leaves: Mapping[str, Leaf], paths: Sequence[str]) -> dict[str, Leaf]:
    """The entries that `paths` name, and the submodules that hold one of them."""
    wanted = set(paths)
    links = [path for path, leaf in leaves.items() if leaf.mode == _GITLINK]
    held = {link for link in links if any(path.startswith(f"{link}/") for path in wanted)}
    return {path: leaf for path, leaf in leaves.items() if path in wanted or path in held}


def _empty(data: bytes) -> bool:
    """Whether nothing follows the header that names the commit: all that was asked is left out."""
    begin = 512 + -(-int(data[124:135], 8) // 512) * 512
    return not data[begin : begin + 512].strip(b"\0")


def _file(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> File:
    if entry.issym():
        return file("link", entry.linkname.encode("utf-8", "surrogateescape"))
    stream = tar.extractfile(entry) if entry.isreg() else None
    if stream is None:
        raise Fault(f"git archive wrote a strange entry {entry.name}", needed="plain files")
    return file("exec" if entry.mode & 0o111 else "file", stream.read())
