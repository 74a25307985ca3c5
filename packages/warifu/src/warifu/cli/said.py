"""What was said to every command: the folder, the language, and whether a machine reads."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from warifu.app import config as configs
from warifu.app import expiry, wiring
from warifu.app.wiring import House
from warifu_wire.errors import Fault, Refusal


@dataclass(frozen=True, slots=True)
class Said:
    """The options before the verb."""

    folder: Path
    as_json: bool
    language: str
    descriptor: int | None = None

    def house(self) -> House:
        """The house of the folder, after what runs out is said; raises `Refusal`."""
        found = wiring.open_house(configs.load(self.folder / configs.NAME), self.ask)
        for line in expiry.warnings(found, self.language, wiring.clock()):
            self.step(line)
        return found

    def tell(self, text: str, **facts: object) -> None:
        """The result: JSON for machines, the text for people."""
        print(json.dumps(facts, ensure_ascii=False, default=str) if self.as_json else text)

    def step(self, text: str) -> None:
        """Progress, on standard error."""
        print(f"  {text}", file=sys.stderr, flush=True)

    def ask(self, name: str) -> str:
        """A key's passphrase or PIN: one line of the descriptor, or typed at the terminal."""
        if self.descriptor is None:
            typed: str = click.prompt(f"passphrase of {name}", hide_input=True, err=True)
            return typed
        return line(self.descriptor, name)


def line(descriptor: int, name: str) -> str:
    """The next line of an open file descriptor; byte by byte, for the next reader's sake."""
    found = b""
    try:
        while (byte := os.read(descriptor, 1)) not in {b"", b"\n"}:
            found += byte
    except OSError as error:
        raise Fault(f"cannot read descriptor {descriptor}", needed="an open one") from error
    if not found:
        raise Refusal("passphrase-needed", needed="one line for each key", name=name)
    return found.decode()
