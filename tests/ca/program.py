"""The real program and the tools that check it, run as other processes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from warifu_ca.cli import main

SECRET = "a passphrase for trying"
PERSON = ["--member", "0001", "--name", "会員 一号", "--roman", "MEMBER 0001"]
PROGRAM = [sys.executable, "-m", "warifu_ca"]


@contextmanager
def pipe(text: str) -> Iterator[int]:
    """A descriptor that yields one line."""
    read, write = os.pipe()
    os.write(write, f"{text}\n".encode())
    os.close(write)
    try:
        yield read
    finally:
        os.close(read)


Done = subprocess.CompletedProcess[str]


def attempt(*arguments: str | Path, apart: bool = False, **secrets: str) -> Done:
    """Run the program with `--NAME-fd` for each secret, and keep everything it said.

    In this process, unless it is to be `apart` or has a token (a token library reads its
    configuration once a process).
    """
    with ExitStack() as stack:
        options, descriptors = [], []
        for name, text in {"passphrase": SECRET, **secrets}.items():
            descriptors.append(stack.enter_context(pipe(text)))
            options += [f"--{name.replace('_', '-')}-fd", str(descriptors[-1])]
        words = [*map(str, arguments), "--json", *options]
        if not apart and "pin" not in secrets:
            return here(words)
        return subprocess.run(
            [*PROGRAM, *words], pass_fds=descriptors, capture_output=True, text=True, check=False
        )


def here(words: list[str]) -> Done:
    """The program's main function in this process."""
    said, wrong = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with redirect_stdout(said), redirect_stderr(wrong), pytest.raises(SystemExit) as ended:
        main(words)
    said.flush()
    raw = said.buffer
    assert isinstance(raw, io.BytesIO)
    return Done(words, int(ended.value.code or 0), raw.getvalue().decode(), wrong.getvalue())


def run(*arguments: str | Path, apart: bool = False, **secrets: str) -> dict[str, Any]:
    """Run the program, which must succeed; its JSON answer."""
    found = attempt(*arguments, apart=apart, **secrets)
    assert found.returncode == 0, found.stderr
    answer: dict[str, Any] = json.loads(found.stdout)
    return answer


def refusal(*arguments: str | Path, **secrets: str) -> str:
    """Run the program, which must refuse in one line without a traceback; the code."""
    found = attempt(*arguments, **secrets)
    assert found.returncode == 1, found.stdout + found.stderr
    assert found.stdout == ""
    [line] = found.stderr.splitlines()
    code: str = json.loads(line)["refusal"]["code"]
    return code


@contextmanager
def served(folder: Path, **secrets: str) -> Iterator[tuple[tuple[str, int], subprocess.Popen[str]]]:
    """The program, serving on a free port; killed at the end if still there."""
    with pipe(SECRET) as first, pipe(secrets.get("pin", "")) as second:
        pin = ["--pin-fd", str(second)] if "pin" in secrets else []
        process = subprocess.Popen(
            [*PROGRAM, "serve", str(folder), "--port", "0", "--json", "--passphrase-fd",
             str(first), *pin],
            pass_fds=[first, second],
            stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
    with process:
        assert process.stdout is not None
        try:
            url = json.loads(process.stdout.readline())["url"]
            yield ("127.0.0.1", int(url.rpartition(":")[2])), process
        finally:
            if process.poll() is None:
                process.terminate()


def tool(*arguments: str | Path, status: int = 0) -> str:
    """Run another program; everything it said."""
    found = subprocess.run(list(map(str, arguments)), capture_output=True, text=True, check=False)
    assert found.returncode == status, found.stdout + found.stderr
    return found.stdout + found.stderr


def openssl(*arguments: str | Path, status: int = 0) -> str:
    """Run openssl; everything it said."""
    return tool("openssl", *arguments, status=status)


def pem(path: Path, der: bytes) -> Path:
    """Write a certificate as PEM."""
    path.write_bytes(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM))
    return path


def chain(folder: Path, where: Path) -> tuple[Path, Path]:
    """The root and the issuing certificate of an authority as PEM files in `where`."""
    return (
        pem(where / "root.pem", (folder / "root.cer").read_bytes()),
        pem(where / "issuing.pem", (folder / "issuing.cer").read_bytes()),
    )
