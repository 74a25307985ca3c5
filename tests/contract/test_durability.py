"""What is acknowledged is on disk: the system calls of real writes, counted and in their order."""

from __future__ import annotations

import io
import itertools
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from warifu.engines.depot.folder import FolderDepot
from warifu_wire.digest import of_bytes

pytestmark = pytest.mark.programs_repeat

BYTES = b"an artifact" * 100_000
NAME = of_bytes(BYTES)

PUT = f"""
import io, sys
from pathlib import Path
from warifu.engines.depot.folder import FolderDepot
FolderDepot(Path(sys.argv[1])).put("{NAME}", io.BytesIO(b"an artifact" * 100_000))
"""

STATE = """
import sys
from pathlib import Path
from warifu.engines.attest.statements import FolderStatements
from warifu_wire import dsse
FolderStatements(Path(sys.argv[1])).put(dsse.seal("application/vnd.in-toto+json", {"a": 1}))
"""

APPEND = """
import sys
from datetime import UTC, datetime
from warifu.engines.ledger.store import DatabaseLedger
from warifu.model.ledger import Draft
ledger = DatabaseLedger(sys.argv[1] + "/ledger.sqlite")
sys.stderr.write("begin")
for n in range(5):
    ledger.append(Draft("noted", "s", datetime(2012, 2, 5, tzinfo=UTC), "x", {}, str(n)))
    sys.stderr.write("acknowledged")
"""


def calls(code: str, folder: Path) -> list[tuple[str, str]]:
    """(call, path) of every sync and rename a program made below `folder`, in order."""
    trace = folder.parent / "trace"
    watched = "trace=fsync,fdatasync,rename,renameat,renameat2,write"
    command = ["strace", "-f", "-y", "-e", watched, "-o", str(trace), sys.executable, "-c", code]
    subprocess.run([*command, str(folder)], check=True, capture_output=True)
    found = []
    for line in trace.read_text().splitlines():
        said = re.search(r'write\(2<[^>]*>, "(begin|acknowledged)"', line)
        call = re.search(r"(fsync|fdatasync|rename\w*)\((.*)\) = 0", line)
        if said:
            found.append(("said", said[1]))
        elif call and str(folder) in call[2]:
            found.append((call[1], call[2]))
    return found


@pytest.mark.parametrize("code", [PUT, STATE], ids=["depot", "statements"])
def test_bytes_are_synced_before_their_name_and_the_name_after(tmp_path: Path, code: str) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    found = calls(code, folder)
    names = [call for call, _ in found]
    renamed = next(place for place, call in enumerate(names) if call.startswith("rename"))
    assert any(".part" in path for call, path in found[:renamed] if call == "fsync")
    assert "fsync" in names[renamed + 1 :]
    assert ".part" not in found[renamed + 1][1]


def test_an_event_is_synced_before_it_is_acknowledged(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    found = calls(APPEND, folder)
    kept = found[found.index(("said", "begin")) :]
    synced = [call for call, path in kept if call in {"fsync", "fdatasync", "said"}]
    spoken = [place for place, call in enumerate(synced) if call == "said"]
    assert len(spoken) == 6
    for before, after in itertools.pairwise(spoken):
        assert after - before >= 2, "no sync between two acknowledgements"


def test_a_killed_put_leaves_whole_artifacts_only(tmp_path: Path) -> None:
    code = """
import io, sys
from pathlib import Path
from warifu.engines.depot.folder import FolderDepot
from warifu_wire.digest import of_bytes
depot = FolderDepot(Path(sys.argv[1]))
for n in range(100_000):
    data = str(n).encode() * 200_000
    depot.put(of_bytes(data), io.BytesIO(data))
    print(of_bytes(data), flush=True)
"""
    acknowledged: list[str] = []
    for _ in range(5):
        command = [sys.executable, "-c", code, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            acknowledged += [writer.stdout.readline().strip() for _ in range(4)]
            writer.send_signal(signal.SIGKILL)
    depot = FolderDepot(tmp_path)
    held = list(depot.list())
    assert set(acknowledged) <= set(held)
    assert [of_bytes(depot.get(name)) for name in held] == held
    depot.put(NAME, io.BytesIO(BYTES))
    assert depot.get(NAME) == BYTES
