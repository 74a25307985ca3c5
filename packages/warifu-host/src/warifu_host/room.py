"""The room a plug-in runs in: a process of its own, so that nothing it does can stop the host.

Started as `python -m warifu_host.room PROGRAM ENTRY`. One JSON object a line on standard input, one
answer a line on standard output; binary values in base64. What the plug-in prints goes to the log.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from base64 import b64decode, b64encode
from datetime import datetime
from importlib.abc import PathEntryFinder
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from pathlib import Path
from types import CodeType
from typing import IO, Any

from warifu_host import abi

Answer = dict[str, Any]


def entered(program: Path, entry: str) -> tuple[abi.Plugin, abi.Host]:
    """Load a plug-in from a program's tree and connect it; whatever it raises passes through."""
    admit_sources(program)
    module = importlib.import_module(entry)
    place = Path(module.__file__ or "")
    if not place.resolve().is_relative_to(program.resolve()):
        raise ImportError(f"{entry} was found outside the program")
    host = abi.Host(lambda text: print(text, file=sys.stderr))
    return abi.connected(module, host), host


def answered(plugin: abi.Plugin, host: abi.Host, asked: Answer) -> Answer:
    """The plug-in's answer to one question."""
    match asked["do"]:
        case "unlock":
            return {"holder": plugin.unlock(_bytes(asked["file"]), str(asked["password"]))}
        case "sign":
            at = datetime.fromisoformat(asked["at"])
            return {"signed": _text(plugin.sign(_bytes(asked["document"]), at))}
        case "verify":
            host.received.clear()
            status, reason = plugin.verify(
                _bytes(asked["signed"]),
                [_bytes(one) for one in asked["roots"]],
                [_bytes(one) for one in asked["crls"]],
                datetime.fromisoformat(asked["now"]),
            )
            parts = [[name, _text(data)] for name, data in host.received]
            return {"status": status, "reason": reason, "received": parts}
        case other:
            raise ValueError(other)


def main() -> None:
    """Serve one plug-in until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        plugin, host = entered(Path(sys.argv[1]), sys.argv[2])
    except BaseException as error:  # whatever a plug-in does at its start is reported
        _say(answers, failure(error))
        sys.exit(1)
    _say(answers, {"plugin": plugin.name, "edition": plugin.edition})
    for line in sys.stdin:
        try:
            _say(answers, answered(plugin, host, json.loads(line)))
        except BaseException as error:
            _say(answers, failure(error))


def failure(error: BaseException) -> Answer:
    """An error as an answer; the plug-in's own code where it has one."""
    code = getattr(error, "code", "")
    return {"error": type(error).__name__, "code": str(code), "text": str(error)[:500]}


def admit_sources(program: Path) -> None:
    """Put a program first on the path, read from its sources alone.

    A compiled file beside them could hold anything and is in no release: none is read or written.
    """
    root = program.resolve()
    finder = FileFinder.path_hook(
        (ExtensionFileLoader, EXTENSION_SUFFIXES), (_Source, SOURCE_SUFFIXES)
    )

    def hook(path: str) -> PathEntryFinder:
        if not Path(path).resolve().is_relative_to(root):
            raise ImportError(path)
        return finder(path)

    sys.path_hooks.insert(0, hook)
    sys.path.insert(0, str(program))


class _Source(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _say(answers: IO[str], answer: Answer) -> None:
    answers.write(json.dumps(answer, ensure_ascii=False) + "\n")
    answers.flush()


def _bytes(text: str) -> bytes:
    return b64decode(text, validate=True)


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")


if __name__ == "__main__":
    main()
