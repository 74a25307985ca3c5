"""The process that holds the key: `warifu-sign keeper SECONDS`, started by the desk alone.

One JSON object a line on standard input, one answer a line on standard output, binary in base64.
It ends when its input ends or when nobody asked it anything for SECONDS: then the key is gone with
the process. Python cannot wipe memory, so the key is held by OpenSSL and core dumps are off.
"""

from __future__ import annotations

import ctypes
import json
import queue
import sys
import threading
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from warifu_sign import files, p12
from warifu_sign.errors import Fault, Refusal
from warifu_sign.keys import LoadedKey

_PR_SET_DUMPABLE = 4


def serve(idle: float) -> None:
    """Serve until the input ends or nobody asked for `idle` seconds."""
    no_dumps()
    asked: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(asked,), daemon=True).start()
    held: LoadedKey | None = None
    while True:
        try:
            line = asked.get(timeout=idle)
        except queue.Empty:
            return
        if not line:
            return
        try:
            held, answer = answered(held, json.loads(line))
        except (Refusal, Fault) as error:
            answer = {"refused": error.code, "facts": error.facts}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def answered(held: LoadedKey | None, asked: dict[str, Any]) -> tuple[LoadedKey, dict[str, Any]]:
    """The key from now on, and the answer. Raises Refusal and Fault."""
    if asked["do"] == "unlock":
        data = files.read(Path(asked["path"]), most=p12.MOST_BYTES)
        key = p12.opened(data, asked["password"])
        chain = [_text(one.public_bytes(Encoding.DER)) for one in (key.certificate, *key.chain)]
        return key, {"chain": chain}
    if held is None:
        raise Refusal("key-locked", needed="a certificate file that was opened")
    return held, {"signature": _text(held.sign(b64decode(asked["data"])))}


def no_dumps() -> None:
    """No core file, no tracing by other processes of the same user: where the system can."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _read(asked: queue.Queue[str]) -> None:
    for line in sys.stdin:
        asked.put(line)
    asked.put("")


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")
