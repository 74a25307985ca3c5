"""Real git repositories for tests: the command line, a fixed clock, and people named by role."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

START = 1_328_000_000


class Repo:
    """A repository with a work tree; each commit is a minute after the one before."""

    def __init__(self, folder: Path, *, form: str = "sha1") -> None:
        self.folder = folder
        self._clock = START
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", f"--object-format={form}")

    @classmethod
    def opened(cls, folder: Path) -> Repo:
        """A repository that is there already, a day later."""
        self = cls.__new__(cls)
        self.folder, self._clock = folder, START + 86_400
        return self

    def git(self, *words: str, given: bytes = b"", author: str = "developer one") -> str:
        """Run git as a developer would, in the work tree."""
        mail = author.replace(" ", "-") + "@example.invalid"
        when = f"{self._clock} +0900"
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder.parent),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_AUTHOR_NAME": author,
            "GIT_AUTHOR_EMAIL": mail,
            "GIT_AUTHOR_DATE": when,
            "GIT_COMMITTER_NAME": author,
            "GIT_COMMITTER_EMAIL": mail,
            "GIT_COMMITTER_DATE": when,
        }
        command = ["git", "-c", "protocol.file.allow=always", "-C", str(self.folder), *words]
        done = subprocess.run(command, input=given, capture_output=True, env=env, check=False)
        assert done.returncode == 0, (words, done.stderr.decode())
        return done.stdout.decode().strip()

    def write(self, files: Mapping[str, bytes | str | None]) -> None:
        """Write files; None deletes, and a name ending in `*` is executable."""
        for name, data in files.items():
            path = self.folder / name.rstrip("*")
            if data is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data.encode() if isinstance(data, str) else data)
            if name.endswith("*"):
                path.chmod(0o755)

    def commit(
        self,
        subject: str,
        files: Mapping[str, bytes | str | None] | None = None,
        *,
        author: str = "developer one",
    ) -> str:
        """Write files and commit everything; the commit's id."""
        self._clock += 60
        self.write(files or {})
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject, author=author)
        return self.head

    @property
    def head(self) -> str:
        """The commit that is checked out."""
        return self.git("rev-parse", "HEAD")

    def tree(self, commit: str) -> str:
        """The tree id of a commit."""
        return self.git("rev-parse", f"{commit}^{{tree}}")
