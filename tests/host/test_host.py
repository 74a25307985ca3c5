"""The host and its plug-in: whatever the plug-in does, the host starts and says what is wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import warifu_sign
from warifu_host import editions
from warifu_host.editions import newer_abi
from warifu_host.errors import CODES
from warifu_host.words import SENTENCES
from warifu_sign.plugin import seal


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A tree of the signing tool in a member's folder."""
    tree = tmp_path / "program"
    source = Path(warifu_sign.__file__).parent
    shutil.copytree(source, tree / "warifu_sign", ignore=shutil.ignore_patterns("__pycache__"))
    return tree


def check(
    program: Path, *words: str, host: Path | None = None, module: str = "warifu_host"
) -> dict[str, Any]:
    verb = [] if module.endswith("legacy") else ["check", "--json", "--program"]
    environment = {**os.environ, **({"PYTHONPATH": str(host)} if host else {})}
    done = subprocess.run(
        [sys.executable, "-m", module, *verb, str(program), *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if found["failure"] is None else 1)
    return found


def seen(found: dict[str, Any]) -> tuple[bool, bool, bool, bool]:
    return found["started"], found["plugin"], found["signed"], found["verified"]


def entry(program: Path) -> Path:
    return program / "warifu_sign" / "plugin" / "entry.py"


def edit(program: Path, old: str, new: str) -> None:
    """Change the plug-in's entry as a source line would: listing renewed."""
    path = entry(program)
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    seal.seal(path.parent)


def test_today_everything_is_well(program: Path) -> None:
    found = check(program)
    assert seen(found) == (True, True, True, True)
    assert found["failure"] is None
    assert seen(check(program, module="warifu_host.legacy")) == (True, True, True, True)
    assert not list(program.rglob("__pycache__")), "checking a tree must not change it"


@pytest.mark.programs_repeat
@pytest.mark.parametrize(
    "start",
    [
        "raise RuntimeError('broken')",
        "import sys; sys.exit(0)",
        "import os; os._exit(0)",
        "import os; os.abort()",
        "import module_of_the_next_edition",
        "this is not python",
    ],
)
def test_a_plugin_that_breaks_at_its_start_is_disabled_and_the_host_starts(
    program: Path, start: str
) -> None:
    edit(program, "from __future__ import annotations", start)
    found = check(program)
    assert seen(found) == (True, False, False, False)
    assert found["failure"]["code"] == "plugin-not-loaded"
    assert "無効にしました" in found["failure"]["sentence_ja"]


def test_the_host_of_2012_does_not_start_with_it(program: Path) -> None:
    edit(program, "from __future__ import annotations", "import module_of_the_next_edition")
    found = check(program, module="warifu_host.legacy")
    assert seen(found) == (False, False, False, False)
    assert found["failure"]["code"] == "host-not-started"


def test_a_plugin_of_the_next_edition_needs_what_this_host_lacks(program: Path) -> None:
    edit(program, "    return Plugin(host)", "    host.deliver(b'', {})\n    return Plugin(host)")
    found = check(program)
    assert found["failure"]["code"] == "plugin-not-loaded"
    assert found["failure"]["facts"]["why"] == "AttributeError"
    assert seen(check(program, module="warifu_host.legacy")) == (False, False, False, False)


def test_a_newer_host_does_not_load_todays_plugin(program: Path, tmp_path: Path) -> None:
    host = editions.lay(tmp_path / "host", editions.NEWER)
    found = check(program, host=host)
    assert found["abi"] == 2
    assert seen(found) == (True, False, False, False)
    assert found["failure"]["code"] == "abi-mismatch"
    assert found["failure"]["facts"] == {"host": "2", "plugin": "1"}
    legacy = check(program, host=host, module="warifu_host.legacy")
    assert legacy["failure"]["code"] == "host-not-started"


def test_a_laid_host_of_this_edition_is_this_host(program: Path, tmp_path: Path) -> None:
    assert seen(check(program, host=editions.lay(tmp_path / "host"))) == (True, True, True, True)
    with pytest.raises(ValueError, match="3"):
        editions.lay(tmp_path / "other", 3)


@pytest.mark.programs_repeat
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("entry.py", None),
        ("entry.py", "changed"),
        ("extra.py", "added"),
        ("plugin.json", "{"),
        ("plugin.json", None),
        ("plugin.json", '{"name": "x", "abi": 1, "entry": "x", "digests": []}'),
    ],
)
def test_files_other_than_listed_are_not_loaded(program: Path, name: str, text: str | None) -> None:
    path = entry(program).with_name(name)
    if text is None:
        path.unlink()
    else:
        path.write_text(text, encoding="utf-8")
    found = check(program)
    assert seen(found) == (True, False, False, False)
    assert found["failure"]["code"] == "plugin-not-loaded"


def test_a_compiled_file_beside_the_sources_is_not_used(program: Path) -> None:
    cache = entry(program).parent / "__pycache__"
    cache.mkdir()
    tag = sys.implementation.cache_tag
    code = "raise RuntimeError('from the cache')"
    from importlib._bootstrap_external import _code_to_timestamp_pyc  # type: ignore[import-not-found]

    stat = entry(program).stat()
    compiled = _code_to_timestamp_pyc(
        compile(code, "entry.py", "exec"), int(stat.st_mtime), stat.st_size
    )
    (cache / f"entry.{tag}.pyc").write_bytes(compiled)
    assert seen(check(program)) == (True, True, True, True)


def test_signing_that_breaks_is_told_as_such(program: Path) -> None:
    edit(
        program,
        "        return sign(document, self._key",
        "        raise RuntimeError\n        return sign(document, self._key",
    )
    found = check(program)
    assert seen(found) == (True, True, False, False)
    assert found["failure"]["code"] == "sign-failed"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return sign(document,", "return document or sign(document,"),
        ("return sign(document,", "return sign(document.replace(b'a', b'b'),"),
        ("return verdict.status.value, verdict.reason", "return 'valid', 'ok'"),
        ("            self._host.receive(part.name, part.data)", "            pass"),
        ("        verdict = verify(", "        import os; os._exit(1)\n        verdict = verify("),
    ],
)
def test_a_signature_that_does_not_hold_is_told_as_such(program: Path, old: str, new: str) -> None:
    edit(program, old, new)
    found = check(program)
    assert found["failure"]["code"] == "verify-failed"
    assert seen(found) == (True, True, True, False)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("return sign(document,", "return 1 / 0, sign(document,", "sign-failed"),
        ("return sign(document,", "return document or sign(document,", "verify-failed"),
    ],
)
def test_the_host_of_2012_tells_what_broke_after_its_start(
    program: Path, old: str, new: str, code: str
) -> None:
    edit(program, old, new)
    found = check(program, module="warifu_host.legacy")
    assert seen(found)[:2] == (True, True)
    assert found["failure"]["code"] == code


def test_the_newer_host_is_given_content_with_its_context() -> None:
    entry_of_the_newer = ModuleType("entry")
    entry_of_the_newer.connect = lambda host, context: (host, context)  # type: ignore[attr-defined]
    told: list[str] = []
    host = newer_abi.Host(told.append)
    assert newer_abi.connected(entry_of_the_newer, host) == (host, {"abi": "2"})  # type: ignore[comparison-overlap]
    host.deliver(b"content", {"name": "part"})
    host.log("line")
    assert (host.received, told) == ([("part", b"content")], ["line"])
    assert newer_abi.ABI == editions.NEWER


def test_every_code_has_its_sentences() -> None:
    assert set(SENTENCES) == set(CODES)
    for japanese, english in SENTENCES.values():
        assert japanese.endswith("。")
        assert english.endswith(".")
