"""What was said to every command: the folder, the language, and whether a machine reads."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from warifu.app import config as configs
from warifu.app import house as houses
from warifu.app.house import House


@dataclass(frozen=True, slots=True)
class Said:
    """The options before the verb."""

    folder: Path
    as_json: bool
    language: str

    def house(self) -> House:
        """The house of the folder; raises `Refusal` when there is none."""
        return houses.open_house(configs.load(self.folder / configs.NAME), ask)

    def tell(self, text: str, **facts: object) -> None:
        """The result: JSON for machines, the text for people."""
        print(json.dumps(facts, ensure_ascii=False, default=str) if self.as_json else text)

    def step(self, text: str) -> None:
        """Progress, on standard error."""
        print(f"  {text}", file=sys.stderr, flush=True)


def ask(name: str) -> str:
    """Ask for a key's passphrase at the terminal."""
    found: str = click.prompt(f"passphrase of {name}", hide_input=True, err=True)
    return found
