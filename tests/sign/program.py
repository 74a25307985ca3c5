"""The tool as a process, with its secrets in pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.forks import command
from warifu_sign import cli

PASSWORD = "correct horse 9 battery"


def run(
    folder: Path,
    *words: str,
    tree: Path | None = None,
    under: tuple[str, ...] = (),
    module: str = "warifu_sign",
    **secrets: str,
) -> subprocess.CompletedProcess[str]:
    """Run the tool in a folder; each secret goes through `--NAME-fd`.

    In a process forked from this one, unless another program or another tree is to run it.
    """
    with ExitStack() as stack:
        options, readers = [], []
        for name, text in secrets.items():
            reader, writer = os.pipe()
            stack.callback(os.close, reader)
            with os.fdopen(writer, "w") as pipe:
                pipe.write(f"{text}\n")
            readers.append(reader)
            options += [f"--{name.replace('_', '-')}-fd", str(reader)]
        if not under and tree is None and module == "warifu_sign":
            said = command(cli.main, *words, *options, folder=folder)
            return subprocess.CompletedProcess(words, said.code, said.out, said.err)
        return subprocess.run(
            [*under, sys.executable, "-m", module, *words, *options],
            cwd=folder,
            env={**os.environ, **({"PYTHONPATH": str(tree)} if tree else {})},
            capture_output=True,
            text=True,
            check=False,
            pass_fds=readers,
            stdin=subprocess.DEVNULL,
        )


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The JSON objects that it answered."""
    return [json.loads(line) for line in done.stdout.splitlines()]
