"""A real S3-compatible server for the tests: SeaweedFS from its wheel, on loopback only."""

from __future__ import annotations

import contextlib
import ctypes
import json
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KEY, SECRET = "warifu-test", "a secret for trying"
BUCKET = "warifu-test"
PARTS = ("master", "volume", "filer", "s3")


@dataclass(frozen=True, slots=True)
class Server:
    """Where its S3 door is, and its files, which a test may alter behind its back."""

    endpoint: str
    filer: str

    def make(self, bucket: str) -> None:
        """Make a bucket, unless it is there."""
        request = urllib.request.Request(f"{self.filer}/buckets/{bucket}/", method="POST")
        try:
            urllib.request.urlopen(request, timeout=5).close()
        except urllib.error.HTTPError as error:
            if error.code != 409:
                raise

    def alter(self, path: str, data: bytes) -> None:
        """Replace an object's bytes past the S3 door; `path` begins with the bucket."""
        request = urllib.request.Request(f"{self.filer}/buckets/{path}", data=data, method="PUT")
        urllib.request.urlopen(request, timeout=5).close()


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """A running server, ended with the tests."""
    with tempfile.TemporaryDirectory(prefix="weed") as name:
        folder = Path(name)
        ports = dict(zip([*PARTS, *(f"{part}.grpc" for part in PARTS)], _ports(8), strict=True))
        actions = ["Admin", "Read", "Write", "List"]
        credentials = [{"accessKey": KEY, "secretKey": SECRET}]
        identity = {"name": "test", "credentials": credentials, "actions": actions}
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        command = [
            str(Path(sys.executable).parent / "weed"),
            f"-logdir={folder}", "server", "-s3", "-filer", f"-dir={folder}",
            "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            f"-s3.config={folder / 's3.json'}", "-master.volumeSizeLimitMB=64", "-volume.max=20",
            "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false",
        ]  # fmt: skip
        for part in PARTS:
            command += [f"-{part}.port={ports[part]}", f"-{part}.port.grpc={ports[f'{part}.grpc']}"]
        with (folder / "log").open("wb") as log:
            weed = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=folder, preexec_fn=_end_with_the_tests
            )
        made = Server(*(f"http://127.0.0.1:{ports[part]}" for part in ("s3", "filer")))
        try:
            _await(made, weed, folder / "log")
            yield made
        finally:
            weed.terminate()
            weed.wait()


def _end_with_the_tests() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _await(server: Server, weed: subprocess.Popen[bytes], log: Path) -> None:
    """Ready when a bucket and an object in it can be made."""
    while weed.poll() is None:
        try:
            server.make(BUCKET)
            server.alter(f"{BUCKET}/ready", b"ready")
            urllib.request.urlopen(server.endpoint, timeout=5)
        except urllib.error.HTTPError as error:
            if error.code == 403:
                return
            time.sleep(0.1)
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"SeaweedFS ended: {log.read_text(errors='replace')[-2000:]}")


def _ports(count: int) -> list[int]:
    """Free ports below those that the system gives to connections, which come and go meanwhile."""
    with contextlib.ExitStack() as held:
        found: list[int] = []
        while len(found) < count:
            one, port = held.enter_context(socket.socket()), random.randrange(12_000, 32_000)
            with contextlib.suppress(OSError):
                one.bind(("127.0.0.1", port))
                found.append(port)
        return found
