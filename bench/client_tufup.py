"""The peer's own publish and update, run inside its own environment; prints one JSON object.

    python client_tufup.py create REPOSITORY OLD NEW
    python client_tufup.py apply REPOSITORY FOLDER

Nothing of ours is imported here: the peer pins another TUF.
"""

from __future__ import annotations

import http.server
import importlib
import json
import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

NAME = "tool"


def create(repository: Path, old: Path, new: Path) -> dict[str, Any]:
    """Publish two bundles; what the second one took, and how large its patch is."""
    repo = importlib.import_module("tufup.repo")
    keys = repository / "keys"
    made = repo.Repository(
        app_name=NAME,
        repo_dir=str(repository / "repo"),
        keys_dir=str(keys),
        key_map=None,
        expiration_days=None,
        encrypted_keys=[],
    )
    made.save_config()
    made.initialize()
    made.add_bundle(new_bundle_dir=str(old), new_version="1.10")
    made.publish_changes(private_key_dirs=[str(keys)])
    before = time.process_time()
    made.add_bundle(new_bundle_dir=str(new), new_version="1.11")
    made.publish_changes(private_key_dirs=[str(keys)])
    spent = time.process_time() - before
    patches = list((repository / "repo" / "targets").glob("*.patch"))
    return {"cpu": spent, "rss": _rss(), "bytes": sum(one.stat().st_size for one in patches)}


def apply(repository: Path, folder: Path) -> dict[str, Any]:
    """Update from the first bundle to the second; what it took."""
    client = importlib.import_module("tufup.client")
    served = repository / "repo"

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, directory=str(served), **named)

        def log_message(self, *words: Any) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    for name in ("metadata", "targets", "install"):
        (folder / name).mkdir(parents=True)
    shutil.copy(served / "metadata" / "root.json", folder / "metadata" / "root.json")
    shutil.copy(served / "targets" / f"{NAME}-1.10.tar.gz", folder / "targets")
    mine = client.Client(
        app_name=NAME,
        app_install_dir=folder / "install",
        current_version="1.10",
        metadata_dir=folder / "metadata",
        metadata_base_url=f"{address}/metadata/",
        target_dir=folder / "targets",
        target_base_url=f"{address}/targets/",
    )
    before = time.process_time()
    if mine.check_for_updates() is None:
        raise SystemExit("the peer found no update")
    mine.download_and_apply_update(
        skip_confirmation=True,
        install=lambda src_dir, dst_dir, **_: shutil.move(str(src_dir), str(dst_dir / "new")),
    )
    spent = time.process_time() - before
    return {"cpu": spent, "rss": _rss()}


def _rss() -> float:
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "1")
    verb, *paths = sys.argv[1:]
    places = [Path(one) for one in paths]
    print(json.dumps(create(*places) if verb == "create" else apply(*places)))
