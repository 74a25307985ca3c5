"""The words of the command line: every verb, its options, and a line of help for each."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from warifu_client.words import LANGUAGES, helping

NEEDED: Mapping[str, tuple[str, ...]] = {
    "init": ("metadata-dir",),
    "refresh": ("metadata-dir", "metadata-url"),
    "download": (
        *("metadata-dir", "metadata-url"),
        *("target-base-url", "target-dir", "target-name"),
    ),
}
"""The options that each step of the TUF workflow needs."""
VERBS = (
    *("init", "check", "apply", "rollback", "repair", "status"),
    *("bundle", "support-report", "background"),
)


def parser(language: str) -> argparse.ArgumentParser:
    """The parser of `warifu-update`, its help in one language."""
    made = argparse.ArgumentParser(
        prog="warifu-update",
        description=helping("about", language),
        epilog=helping("epilog", language),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = made.add_subparsers(dest="verb", required=True, metavar="|".join(VERBS))
    every = {name: verbs.add_parser(name, help=helping(name, language)) for name in VERBS}

    def flag(verb: str, name: str) -> None:
        every[verb].add_argument(f"--{name}", action="store_true", help=helping(name, language))

    def path(verb: str, name: str) -> None:
        every[verb].add_argument(f"--{name}", type=Path, help=helping(name, language))

    _init(every["init"], language)
    flag("apply", "again")
    flag("status", "start")
    every["check"].add_argument("--as-start-test", action="store_true", help=argparse.SUPPRESS)
    every["bundle"].add_argument("file", type=Path)
    flag("bundle", "confirm")
    path("background", "updater")
    path("background", "units")
    for name in ("apply", "repair", "bundle", "rollback"):
        flag(name, "progress")
    for name in VERBS:
        path(name, "folder")
        flag(name, "json")
        every[name].add_argument("--product", default="", help=helping("product", language))
        every[name].add_argument(
            "--language", choices=LANGUAGES, help=helping("language", language)
        )
    _tuf(verbs.add_parser("tuf", help=helping("tuf", language)))
    return made


def _init(verb: argparse.ArgumentParser, language: str) -> None:
    for name in ("address", "host", "legacy", "proxy", "authority"):
        verb.add_argument(f"--{name}", default="", help=helping(name, language))
    verb.add_argument("--root", type=Path, help=helping("root", language))
    verb.add_argument("--mirror", action="append", default=[], help=helping("mirror", language))
    for name in ("rate", "quota"):
        verb.add_argument(f"--{name}", type=int, default=0, help=helping(name, language))
    verb.add_argument("--no-report", action="store_true", help=helping("no-report", language))


def _tuf(verb: argparse.ArgumentParser) -> None:
    """Options stand before the step or after it: suites differ in which they write."""
    steps = verb.add_subparsers(dest="step", required=True)
    steps.add_parser("init", help="trust this root from now on").add_argument("root", type=Path)
    steps.add_parser("refresh", help="bring the top-level metadata")
    steps.add_parser("download", help="bring targets, each named by a --target-name")
    _tuf_options(verb, None)
    for step in steps.choices.values():
        _tuf_options(step, argparse.SUPPRESS)


def _tuf_options(parser: argparse.ArgumentParser, default: object) -> None:
    """`default` is SUPPRESS for a step, so that it leaves alone what stood before it."""
    for name in ("--metadata-url", "--target-base-url"):
        parser.add_argument(name, default=default)
    for name in ("--metadata-dir", "--target-dir"):
        parser.add_argument(name, type=Path, default=default)
    parser.add_argument("--target-name", action="append", default=default)
