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
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from warifu_sign import files, p12
from warifu_sign.errors import Fault, Refusal
from warifu_sign.keys import LoadedKey
from warifu_sign.window import letter
from warifu_sign.window.asking import Window
from warifu_sign.window.fetching import fetch
from warifu_sign.window.renewing import change_password, renew

_PR_SET_DUMPABLE = 4
Asked = Mapping[str, Any]


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


def answered(held: LoadedKey | None, asked: Asked) -> tuple[LoadedKey, dict[str, Any]]:
    """The key from now on, and the answer. Raises Refusal and Fault."""
    if asked["do"] != "sign":
        key = OPENED[asked["do"]](asked)
        chain = [_text(one.public_bytes(Encoding.DER)) for one in (key.certificate, *key.chain)]
        return key, {"chain": chain}
    if held is None:
        raise Refusal("key-locked", needed="a certificate file that was opened")
    return held, {"signature": _text(held.sign(b64decode(asked["data"])))}


def _unlock(asked: Asked) -> LoadedKey:
    return p12.opened(files.read(Path(asked["path"]), most=p12.MOST_BYTES), asked["password"])


def _fetch(asked: Asked) -> LoadedKey:
    return fetch(
        Window(asked["address"]),
        letter.read(asked["reference"], asked["pin"]),
        asked["password"],
        Path(asked["path"]),
        now=datetime.fromisoformat(asked["now"]),
        made_there=asked["made_there"],
    ).key


def _renew(asked: Asked) -> LoadedKey:
    now = datetime.fromisoformat(asked["now"])
    return renew(Window(asked["address"]), Path(asked["path"]), asked["password"], now=now).key


def _change(asked: Asked) -> LoadedKey:
    change_password(Path(asked["path"]), asked["password"], asked["new"])
    return _unlock({**asked, "password": asked["new"]})


def _take(asked: Asked) -> LoadedKey:
    """A certificate file that was made elsewhere, under a password of its own here."""
    data = p12.changed(b64decode(asked["data"]), asked["password"], asked["new"])
    files.write(Path(asked["path"]), data, files.PRIVATE)
    return p12.opened(data, asked["new"])


OPENED: Mapping[str, Callable[[Asked], LoadedKey]] = {
    "unlock": _unlock,
    "fetch": _fetch,
    "renew": _renew,
    "change": _change,
    "take": _take,
}


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
