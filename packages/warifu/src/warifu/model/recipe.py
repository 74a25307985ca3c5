"""How a program is built from its source: what goes in, the declared steps, what they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from warifu_wire import canonical
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, of_bytes


class Normaliser(StrEnum):
    """Differences that a program may declare harmless; each is recorded when it was needed."""

    ARCHIVE = "archive"
    PYC_HEADER = "pyc-header"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class Step:
    """A command that makes members; `makes` are the paths (shell patterns) it may write.

    In `run`, `{python}` stands for the interpreter and `{epoch}` for the commit's time.
    """

    name: str
    run: tuple[str, ...]
    makes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What of the source goes in (patterns below `root`), and what is made of it.

    `submodules` maps a path to its repository, `lock` names the file that pins vendored members
    by sha256 (in the form of sha256sum).
    """

    root: str = ""
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    normalise: frozenset[Normaliser] = frozenset()
    submodules: Mapping[str, str] | None = None
    lock: str = ""

    @property
    def digest(self) -> Digest:
        """The sha256 of the canonical recipe: what provenance names."""
        return of_bytes(canonical.dumps(self.to_json()))

    def to_json(self) -> dict[str, Json]:
        """The recipe's canonical fields."""
        return {
            "exclude": list[Json](self.exclude),
            "include": list[Json](self.include),
            "lock": self.lock,
            "normalise": list[Json](sorted(one.value for one in self.normalise)),
            "root": self.root,
            "steps": [
                {"makes": list[Json](one.makes), "name": one.name, "run": list[Json](one.run)}
                for one in self.steps
            ],
            "submodules": dict[str, Json](self.submodules or {}),
        }

    def takes(self, path: str) -> str | None:
        """Where a source path goes in the program; None when it stays behind."""
        prefix = f"{self.root}/" if self.root else ""
        inner = path.removeprefix(prefix)
        if (
            not path.startswith(prefix)
            or not _any(inner, self.include)
            or _any(inner, self.exclude)
            or path == "warifu.toml"
        ):
            return None
        return inner

    def makes(self, path: str) -> bool:
        """Whether a declared step may write this path."""
        return any(_any(path, step.makes) for step in self.steps)

    def source_of(self, path: str) -> str:
        """Where in the source a member's path comes from."""
        return f"{self.root}/{path}" if self.root else path


@dataclass(frozen=True, slots=True)
class Suite:
    """A verification suite: a command run beside the unpacked artifact; it writes a JUnit file.

    In `run`, `{tree}` is the unpacked artifact, `{junit}` the report, `{python}` the interpreter.
    `seconds` is how long it may take.
    """

    name: str
    run: tuple[str, ...]
    seconds: int = 600


def _any(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path, one) for one in patterns)
