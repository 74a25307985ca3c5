"""A closer look at one differing binary: diffoscope in the sandbox, bounded, as an attachment.

diffoscope is under the GPL and so only ever run as a program of its own. It decides nothing: where
it is not installed, the page is shown without it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from warifu.engines.build import sandbox
from warifu_wire.errors import Refusal

SECONDS = 60
BYTES = 64 * 1024


def difference(expected: bytes, found: bytes) -> str | None:
    """The report on two files, at most 64 KiB and 60 s of work; None when there is none to give."""
    tool = shutil.which("diffoscope", path="/usr/local/bin:/usr/bin")
    if tool is None:
        return None
    with TemporaryDirectory() as scratch:
        work = Path(scratch)
        (work / "approved").write_bytes(expected)
        (work / "found").write_bytes(found)
        command = [
            tool, "--no-progress", "--max-report-size", str(BYTES), "--max-text-report-size",
            str(BYTES), "--text", str(sandbox.WORK / "report"), str(sandbox.WORK / "approved"),
            str(sandbox.WORK / "found"),
        ]  # fmt: skip
        try:
            sandbox.run(command, work, seconds=SECONDS, settings={})
        except Refusal:  # too slow: the gate has already answered
            return None
        report = work / "report"
        if report.is_symlink() or not report.is_file():
            return None
        return report.read_bytes()[:BYTES].decode("utf-8", "replace")
