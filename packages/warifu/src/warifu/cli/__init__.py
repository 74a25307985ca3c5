"""The command line: ten road verbs; operations are sub-groups. Exit 0 done, 1 refused, 3 fault."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from warifu.app import words
from warifu.cli.said import Said
from warifu_wire.errors import Fault, Refusal

WHERE: Mapping[str, str] = {
    **dict.fromkeys(("init", "compose", "verify", "sign", "publish"), "release"),
    **dict.fromkeys(("remedy", "notify", "report"), "respond"),
    **dict.fromkeys(
        ("status", "work", "incident", "members", "sbom", "why", "ledger"), "operations"
    ),
    **dict.fromkeys(("keys", "people"), "keys"),
    **dict.fromkeys(("serve", "nginx"), "serving"),
    "stop": "stopping",
    "bundle": "bundling",
}
"""Which module has which verb: only the one asked for is loaded, so that a stop is quick."""


class Door(click.Group):
    """Finds a verb's module, and turns what the house refuses into one message and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every verb and group by name."""
        del ctx
        return sorted(WHERE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one verb."""
        del ctx
        if cmd_name not in WHERE:
            return None
        module = importlib.import_module(f"warifu.cli.{WHERE[cmd_name]}")
        found: click.Command = next(one for one in module.VERBS if one.name == cmd_name)
        return found

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; a refusal exits 1, a fault 3."""
        try:
            return super().invoke(ctx)
        except (Refusal, Fault) as error:
            _told(error, ctx.obj if isinstance(ctx.obj, Said) else Said(Path(), False, "en"))
            sys.exit(1 if isinstance(error, Refusal) else 3)


@click.group(cls=Door, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-C",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="The source folder with warifu.toml.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.option("--lang", type=click.Choice(words.LANGUAGES), default="en", help="Language.")
@click.option("--passphrase-fd", type=int, help="Read passphrases from here, a line a key.")
@click.version_option(package_name="warifu")
@click.pass_context
def main(
    ctx: click.Context, folder: Path, as_json: bool, lang: str, passphrase_fd: int | None
) -> None:
    """warifu releases software so that what was verified is what members install.

    Example: warifu init && warifu compose && warifu verify
    """
    ctx.obj = Said(folder, as_json, lang, passphrase_fd)


def _told(error: Refusal | Fault, said: Said) -> None:
    if said.as_json:
        refused = isinstance(error, Refusal)
        told = {
            "code": error.reason if isinstance(error, Refusal) else "fault",
            "facts": error.facts if isinstance(error, Refusal) else {"what": error.what},
            "needed": error.needed,
            "refused": refused,
        }
        print(json.dumps(told, ensure_ascii=False))
    print(words.told(error, said.language), file=sys.stderr)
