"""The e-application tool as a source: Ver1.00, Ver1.10, what is planned for 2012-02-12, and trash.

It holds what makes expected bytes hard: cp932, CRLF, ident, export-subst, links, executables, a
submodule, a vendored file, a large file, a generated module, compiled members, a plug-in archive.
"""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.composition.repo import Repo

ATTRIBUTES = """\
* text=auto
*.bat text eol=crlf
*.sjis text working-tree-encoding=CP932 eol=crlf
*.bin -text
VERSION export-subst
app/ident.py ident
large.bin filter=lfs -text
.gitattributes export-ignore
"""
MAIN = (
    "".join(f"def step_{n}() -> int:\n    return {n} * {n}\n\n\n" for n in range(12))
    + "def main() -> None:\n    print('e-application', step_3())\n"
)
SIGN = "".join(f"RULE_{n} = 'keep the key file closed {n}'\n" for n in range(30))
LEGACY = "def old_form(text: str) -> str:\n    return text.strip().lower()\n"
GENERATE = """\
import pathlib, zipfile
rows = sorted(pathlib.Path('plugin').glob('*.py'))
with zipfile.ZipFile('plugin.zip', 'w') as out:
    for path in rows:
        entry = zipfile.ZipInfo(path.name, (1980, 1, 1, 0, 0, 0))
        entry.create_system, entry.external_attr = 3, 0o100644 << 16
        out.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 6)
lines = [f'FORM_{n} = {n}' for n in range(5)]
pathlib.Path('app/forms.py').write_text('# made by generate.py\\n' + '\\n'.join(lines) + '\\n')
"""
CHECK = """\
import pathlib, sys
tree, report = map(pathlib.Path, sys.argv[1:])
main = tree / 'app' / 'main.py'
good = main.is_file() and b'e-application' in main.read_bytes()
body = '' if good else '<failure message="no main"/>'
case = f'<testcase classname="road" name="main">{body}</testcase>'
report.write_text(f'<testsuite>{case}</testsuite>')
"""
VENDORED = b"# a dependency from outside\nANSWER = 42\n"
VENDORED_NEXT = b"# a dependency from outside, newer\nANSWER = 43\n"
STASHED = b"STASH = 'stashed away and dropped again'\n"
LARGE = bytes(range(256)) * 40
JAPANESE = "電子申請ツールの説明\n第一条 鍵ファイルを閉じること\n"


def pointer(data: bytes) -> str:
    """The Git LFS pointer of some bytes."""
    name = hashlib.sha256(data).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{name}\nsize {len(data)}\n"


def lock(data: bytes) -> str:
    """The lock file that pins the vendored file."""
    return f"{hashlib.sha256(data).hexdigest()}  vendor/dep.py\n"


@dataclass
class World:
    """The repositories, and the commits that tests speak of."""

    source: Repo
    library: Repo
    vendored: dict[str, bytes]
    commits: dict[str, str]

    def copy(self, folder: Path) -> World:
        """A world of one's own, to be changed."""
        target = folder / "source"
        shutil.copytree(self.source.folder, target, symlinks=True)
        return dataclasses.replace(self, source=Repo.opened(target), vendored=dict(self.vendored))

    def config(self, **program: Any) -> dict[str, Any]:
        """The content of warifu.toml."""
        c = self.commits
        return {
            "program": {
                "product": "e-application",
                "labels": {"version": "Ver1.10", "edition": "2012-02-05"},
                "repository": str(self.source.folder),
                "start": ["{python}", "{tree}/app/main.py"],
                **program,
            },
            "lines": {
                "ver100": {"kind": "released", "ref": "refs/heads/release-1.00"},
                "ver110": {
                    "kind": "approved",
                    "ref": "refs/heads/release-1.10",
                    "commit": c["approved"],
                    "tree": self.source.tree(c["approved"]),
                    "base": c["base"],
                    "changes": [c["change1"], c["approved"]],
                    "owner": "release owner",
                },
                "next": {
                    "kind": "next",
                    "ref": "refs/heads/next",
                    "planned": "2012-02-12",
                    "owner": "owner of next",
                },
                "wip": {"kind": "wip", "ref": "refs/heads/wip/*", "owner": "owner of wip"},
            },
            "build": {
                "exclude": ["plugin/*", "tools/*", "vendor.lock", ".gitmodules"],
                "lock": "vendor.lock",
                "submodules": {"lib": str(self.library.folder)},
                "step": {
                    "generate": {
                        "run": ["{python}", "tools/generate.py"],
                        "makes": ["plugin.zip", "app/forms.py"],
                    },
                    "compile": {
                        "run": [
                            "{python}", "-m", "compileall", "-q",
                            "--invalidation-mode", "unchecked-hash", "app",
                        ],
                        "makes": ["app/__pycache__/*.pyc"],
                    },
                },
            },
            "verify": {"road": {"run": ["{python}", "{tree}/check.py", "{tree}", "{junit}"]}},
        }  # fmt: skip


def make(folder: Path, *, form: str = "sha1") -> World:
    """Tell the story of the source, from Ver1.00 to the work in progress."""
    library = Repo(folder / "library", form=form)
    commits = {"lib1": library.commit("library one", {"lib.py": "LEVEL = 1\n", "deep/x.py": SIGN})}
    commits["lib2"] = library.commit("library two", {"lib.py": "LEVEL = 2  # of the next line\n"})
    source = Repo(folder / "source", form=form)
    source.write(
        {
            ".gitattributes": ATTRIBUTES,
            "VERSION": "e-application $Format:%H$\n",
            "app/__init__.py": "",
            "app/ident.py": "ID = '$Id$'\n",
            "app/legacy.py": LEGACY,
            "app/main.py": MAIN,
            "app/sign.py": SIGN,
            "app/table.py": "".join(f"ROW_{n} = 'row number {n}'\n" for n in range(40)),
            "bin/start*": "#!/bin/sh\nexec python3 app/main.py\n",
            "check.py": CHECK,
            "icon.bin": bytes(range(200)),
            "large.bin": pointer(LARGE),
            "plugin/__init__.py": "",
            "plugin/form.py": SIGN.replace("RULE", "FORM"),
            "run.bat": "@echo off\nstart app\\main.py\n",
            "tools/generate.py": GENERATE,
            "vendor.lock": lock(VENDORED),
            "説明.sjis": JAPANESE.encode("cp932"),
        }
    )
    (source.folder / "current").symlink_to("app/main.py")
    large = hashlib.sha256(LARGE).hexdigest()
    store = source.folder / ".git" / "lfs" / "objects" / large[:2] / large[2:4]
    store.mkdir(parents=True)
    (store / large).write_bytes(LARGE)
    source.git("submodule", "add", "-q", str(library.folder), "lib")
    source.git("-C", "lib", "checkout", "-q", commits["lib1"])
    commits["oldest"] = source.commit("Ver1.00 beta")
    commits["base"] = source.commit("Ver1.00", {"app/table.py": "# Ver1.00\n" + SIGN})
    source.git("branch", "release-1.00")
    source.git("tag", "v1.00")
    source.git("checkout", "-q", "-b", "release-1.10")
    commits["change1"] = source.commit(
        "open the new form", {"app/main.py": MAIN.replace("return 4 * 4", "return 16")}
    )
    commits["approved"] = source.commit(
        "strip no more", {"app/legacy.py": LEGACY.replace(".strip()", "")}, author="developer two"
    )
    _next(source, commits)
    _wip(source, commits)
    source.git("checkout", "-q", "release-1.10")
    source.git("submodule", "update", "-q")
    vendored = {hashlib.sha256(one).hexdigest(): one for one in (VENDORED, VENDORED_NEXT)}
    return World(source, library, vendored, commits)


def _next(source: Repo, commits: dict[str, str]) -> None:
    """What is planned for 2012-02-12, by developer three."""
    source.git("checkout", "-q", "-b", "next")

    def step(name: str, files: dict[str, bytes | str | None]) -> None:
        commits[name] = source.commit(f"next: {name}", files, author="developer three")

    new_main = (source.folder / "app/main.py").read_text()
    step("sign", {"app/sign.py": SIGN.replace("closed 7'", "open for the new host 7'")})
    step("new-file", {"app/host.py": "HOST = 'the new host application'\nWAIT_SECONDS = 30\n"})
    new_main = new_main.replace("return 2 * 2", "return host_step(2)")
    new_main = new_main.replace("return 7 * 7", "return host_step(7)")
    step("hunks", {"app/main.py": new_main})
    new_main = new_main.replace("def step_9() -> int:\n    return 9 * 9\n\n\n", "")
    step("deletion", {"app/main.py": new_main})
    step("revert", {"app/legacy.py": LEGACY})
    step("plugin", {"plugin/form.py": SIGN.replace("RULE", "FORM").replace("7'", "host 7'")})
    step("generator", {"tools/generate.py": GENERATE.replace("range(5)", "range(6)")})
    step("binary", {"icon.bin": bytes(reversed(range(200)))})
    step("mode", {"run.bat": "@echo off\nrem for the new host\nstart app\\main.py\n"})
    step("package", {"extra/__init__.py": "", "extra/copy.py": LEGACY.replace(".strip()", "")})
    step("text", {"説明.sjis": (JAPANESE + "第二条 次の版の説明\n").encode("cp932")})
    step("vendor", {"vendor.lock": lock(VENDORED_NEXT)})
    source.git("mv", "check.py", "checks.py")
    step("rename", {})
    source.git("mv", "checks.py", "check.py")
    step("rename-back", {})
    source.git("mv", "bin/start", "bin/begin")
    step("moved", {})
    source.git("-C", "lib", "checkout", "-q", commits["lib2"])
    step("submodule", {})
    source.git("checkout", "-q", "-b", "side", commits["mode"])
    source.git("submodule", "update", "-q")
    step("side", {"app/side.py": "SIDE = 'a side branch of the next line'\n"})
    source.git("checkout", "-q", "next")
    source.git("submodule", "update", "-q")
    source.git("merge", "-q", "--no-commit", "--no-ff", "side", author="developer three")
    step("merge", {"app/evil.py": "EVIL = 'born in the merge commit itself'\n"})
    source.git("branch", "-q", "-D", "side")
    source.git("submodule", "update", "-q")


def _wip(source: Repo, commits: dict[str, str]) -> None:
    """Work in progress, and bytes that only a stash ever held."""
    source.git("checkout", "-q", "-b", "wip/form", commits["approved"])
    commits["wip"] = source.commit(
        "wip: try", {"app/try.py": "TRY = 'not even planned for a release'\n"}
    )
    source.git("hash-object", "-w", "--stdin", given=STASHED)
