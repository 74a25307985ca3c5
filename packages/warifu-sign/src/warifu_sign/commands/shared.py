"""What every verb of the command line shares: options, reading and telling."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from warifu_sign import files, p12, secrets_in, words
from warifu_sign.keys import LoadedKey

PROMPT = "パスワード / password: "
Verbs = Any  # argparse keeps the class of add_subparsers() to itself


def json_option() -> argparse.ArgumentParser:
    """The parent of every verb."""
    option = argparse.ArgumentParser(add_help=False)
    option.add_argument("--json", action="store_true", help="answer in JSON, one object a line")
    return option


def key_options() -> argparse.ArgumentParser:
    """The parent of every verb that uses the member's key."""
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument("--p12", type=Path, required=True, help="certificate file")
    options.add_argument("--passphrase-fd", type=int, help="descriptor the password is read from")
    return options


def unlocked(asked: argparse.Namespace) -> LoadedKey:
    """The key of the certificate file that was named, with the password that was given."""
    data = files.read(asked.p12, most=p12.MOST_BYTES)
    return p12.opened(data, secrets_in.password(asked.passphrase_fd, PROMPT))


def tell(told: dict[str, Any], as_json: bool) -> None:
    """One answer: a JSON object on a line, or a line for each fact."""
    if as_json:
        print(json.dumps(told, ensure_ascii=False), flush=True)
        return
    for name, value in told.items():
        print(f"{name:12} {value}")


def why(code: str, facts: dict[str, str]) -> dict[str, Any]:
    """Why something was refused, with its sentences."""
    return {"code": code, "facts": facts, **words.both(code)}


def plain(record: Any) -> dict[str, Any]:
    """A dataclass with its times spelled."""
    return {
        name: iso(value) if isinstance(value, datetime) else value
        for name, value in asdict(record).items()
    }


def iso(moment: datetime | None) -> str | None:
    """A time as ISO 8601, or none."""
    return moment.isoformat() if moment else None


def instant(text: str) -> datetime:
    """An option's time; argparse tells what ValueError means."""
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError(text)
    return when
