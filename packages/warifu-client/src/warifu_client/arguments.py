"""The words of the command line: every verb, its options, and a line of help for each."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from warifu_client.words import LANGUAGES

EPILOG = """\
exit codes: 0 done or nothing to do, 1 refused, 2 usage, 3 fault, 4 tried and undone, 5 on trial

  warifu-update init --address https://updates.example --root root.json --product tool
  warifu-update check --product tool
  warifu-update apply --product tool
"""


NEEDED: Mapping[str, tuple[str, ...]] = {
    "init": ("metadata-dir",),
    "refresh": ("metadata-dir", "metadata-url"),
    "download": (
        *("metadata-dir", "metadata-url"),
        *("target-base-url", "target-dir", "target-name"),
    ),
}
"""The options that each step of the TUF workflow needs."""


def parser() -> argparse.ArgumentParser:
    """The parser of `warifu-update`."""
    made = argparse.ArgumentParser(
        prog="warifu-update", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = made.add_subparsers(dest="verb", required=True)
    _init(verbs.add_parser("init", help="make a folder the updater's"))
    verbs.add_parser("check", help="ask whether a release is offered")
    apply = verbs.add_parser("apply", help="install what is offered")
    apply.add_argument(
        "--again", action="store_true", help="also what did not start here, as after a new host"
    )
    verbs.add_parser("rollback", help="go back to the kept previous release")
    verbs.add_parser("repair", help="start the installed release, and mend it if it is damaged")
    status = verbs.add_parser("status", help="look at what is installed")
    status.add_argument("--start", action="store_true", help="also run the start test")
    bundle = verbs.add_parser("bundle", help="install from a file got by hand")
    bundle.add_argument("file", type=Path)
    bundle.add_argument(
        "--confirm", action="store_true", help="yes, install although nobody can be asked"
    )
    verbs.add_parser("support-report", help="show what the help desk may be sent")
    background = verbs.add_parser("background", help="write a systemd user timer")
    background.add_argument("--updater", type=Path, help="the program that the timer starts")
    background.add_argument("--units", type=Path, help="where the units go")
    for name in ("apply", "repair", "bundle"):
        verbs.choices[name].add_argument(
            "--progress", action="store_true", help="JSON lines on stderr, for a window to show"
        )
    for verb in verbs.choices.values():
        verb.add_argument("--folder", type=Path, help="the updater's folder")
        verb.add_argument("--product", default="", help="the product, where no folder is given")
        verb.add_argument("--json", action="store_true", help="one JSON object on stdout")
        verb.add_argument("--language", choices=LANGUAGES)
    _tuf(verbs.add_parser("tuf", help="the TUF client in single steps"))
    return made


def _init(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--address", required=True, help="the provider's address")
    verb.add_argument("--root", required=True, type=Path, help="the root that came with it")
    verb.add_argument("--host", default="", help="the host application")
    verb.add_argument("--legacy", default="", help="the folder of a program installed by hand")
    verb.add_argument("--mirror", action="append", default=[], help="further servers of the bytes")
    verb.add_argument("--proxy", default="", help="an HTTP proxy")
    verb.add_argument("--authority", default="", help="a PEM file of further TLS roots")
    verb.add_argument("--rate", type=int, default=0, help="at most this many bytes per second")
    verb.add_argument("--quota", type=int, default=0, help="at most this many bytes on disk")
    verb.add_argument("--no-report", action="store_true", help="send no outcomes")


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
