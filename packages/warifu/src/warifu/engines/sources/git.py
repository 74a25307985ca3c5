"""The git command line in a sealed environment: nothing but objects decides what it answers.

Each measured leak is shut: system, global and repository configuration, attributes outside the
tree, replace refs and grafts. Commands run on a fresh bare repository that only borrows the
objects of the real ones.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from warifu_wire.errors import Fault, Refusal

_PATH = "/usr/local/bin:/usr/bin:/bin"
SEALED = {
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "PATH": _PATH,
    "TZ": "UTC",
}
WORK_TREE = "GIT_WORK_TREE"
_OPTIONS = (
    "-c", "core.autocrlf=false", "-c", "core.eol=lf", "-c", "core.attributesFile=/dev/null",
    "-c", "tar.umask=0022", "-c", "core.quotePath=false", "-c", "safe.directory=*",
    "-c", "log.showSignature=false", "-c", "diff.renames=false", "-c", "core.commitGraph=false",
    "-c", "core.abbrev=12",  # or `%h` in a substituted file grows with the objects of the clone
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Git:
    """A repository to ask; `extra` are environment variables of one view of it."""

    folder: Path
    extra: Mapping[str, str]

    def ask(self, *words: str, given: bytes = b"") -> bytes:
        """The output of a command; raises `Fault` with git's own words when it fails."""
        code, out, err = self.attempt(*words, given=given)
        if code:
            raise Fault(
                f"git {words[0]} failed in {self.folder}: {err}", needed="a sound repository"
            )
        return out

    def attempt(self, *words: str, given: bytes = b"") -> tuple[int, bytes, str]:
        """Exit code, output and the last line of the complaint."""
        done = subprocess.run(
            self._command(words),
            input=given,
            capture_output=True,
            env=self._environment(),
            check=False,
        )
        told = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return done.returncode, done.stdout, told[-1] if told else ""

    def kinds(self, names: Sequence[str]) -> list[str]:
        """What each name stands for, `commit` or `blob` for one; empty where there is nothing."""
        if not names:
            return []
        told = self.ask("cat-file", "--batch-check=%(objecttype)", given=_lines(names))
        return ["" if " " in row else row for row in told.decode().splitlines()]

    def read(self, names: Sequence[str]) -> list[bytes]:
        """The bytes of objects, as they are kept; raises `Fault` where one is missing."""
        if not names:
            return []
        told, at = self.ask("cat-file", "--batch", given=_lines(names)), 0
        found = []
        for name in names:
            begin = told.index(b"\n", at) + 1
            head = told[at:begin].split()
            if len(head) != 3:
                raise Fault(f"no object {name} in {self.folder}", needed="a sound repository")
            at = begin + int(head[2]) + 1
            found.append(told[begin : at - 1])
        return found

    @contextmanager
    def stream(self, *words: str, given: bytes = b"") -> Iterator[IO[bytes]]:
        """The output of a long command while it runs; raises `Fault` when it fails."""
        with TemporaryFile() as asked:  # a pipe would block both sides on a long question
            asked.write(given)
            asked.seek(0)
            process = subprocess.Popen(
                self._command(words),
                stdin=asked,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._environment(),
            )
        assert process.stdout is not None
        with process:
            try:
                yield process.stdout
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            raise Fault(f"git {words[0]} failed in {self.folder}", needed="a sound repository")

    def viewing(self, **extra: str) -> Git:
        """The same repository with an index and a work tree of its own, in which it is asked."""
        return Git(self.folder, {**self.extra, **extra})

    def _command(self, words: Sequence[str]) -> list[str]:
        git = shutil.which("git", path=_PATH)
        if git is None:
            raise Fault("git is not installed", needed="the Debian package git")
        work = self.extra.get(WORK_TREE)
        inside = ("-C", work) if work else ()
        return [git, *_OPTIONS, f"--git-dir={self.folder}", *inside, *words]

    def _environment(self) -> dict[str, str]:
        return {**SEALED, **self.extra}


def located(path: Path) -> Path:
    """The folder that holds a repository's objects and refs; raises `Refusal` when there is none.

    Follows linked worktrees and bare repositories alike (gitrepository-layout(5)).
    """
    inside = path / ".git"
    folder = inside if inside.exists() else path
    if inside.is_file():  # a linked worktree or a submodule names its real folder
        folder = path / inside.read_text().removeprefix("gitdir:").strip()
    if (folder / "commondir").is_file():
        folder /= (folder / "commondir").read_text().strip()
    if not (folder / "HEAD").exists() or not (folder / "objects").is_dir():
        raise Refusal("repository-missing", needed="a git repository there", repository=path)
    return folder.resolve()


def sealed(target: Path, repositories: Sequence[Path]) -> Git:
    """A fresh bare repository at `target` that borrows the objects of `repositories`, no refs.

    All of them use the object format of the first; raises `Refusal` for one that holds promises
    instead of objects.
    """
    first = Git(repositories[0], {})
    _lay(target, first.ask("rev-parse", "--show-object-format").decode().strip())
    borrowed, shallow = [], []
    for folder in repositories:
        if list((folder / "objects" / "pack").glob("*.promisor")):
            raise Refusal("partial-clone", needed="a clone with all objects", repository=folder)
        borrowed.append(str((folder / "objects").resolve()))
        cut = folder / "shallow"
        shallow.extend(cut.read_text().split() if cut.exists() else [])
    (target / "objects" / "info" / "alternates").write_text("\n".join(borrowed) + "\n")
    if shallow:
        (target / "shallow").write_text("\n".join(shallow) + "\n")
    return Git(target, {})


def _lay(target: Path, form: str) -> None:
    """An empty bare repository (gitrepository-layout(5)); `git init` costs as much as four asks."""
    for name in ("objects/info", "refs"):
        (target / name).mkdir(parents=True)
    (target / "HEAD").write_text("ref: refs/heads/none\n")
    (target / "config").write_text(
        "[core]\n\trepositoryformatversion = 1\n\tbare = true\n"
        f"[extensions]\n\tobjectformat = {form}\n"
    )


def _lines(names: Sequence[str]) -> bytes:
    return "".join(f"{one}\n" for one in names).encode()
