"""`warifu stop`: one command, and nothing loaded that it does not need."""

from __future__ import annotations

import sys

import click

from warifu.app import halting, which
from warifu.app.wiring import clock
from warifu.cli.said import Said
from warifu_wire.stops import Halt


@click.command()
@click.argument("release")
@click.option("--as", "by", required=True, help="Who stops it: a person on call, or alarm.")
@click.option("--why", required=True, help="The reason, in English.")
@click.option("--why-ja", default="", help="The reason in Japanese; by default the English one.")
@click.option("--hold", "state", flag_value=Halt.HELD.value, help="Hold instead of stop.")
@click.option("--cap", type=int, help="Cap at this share, in millionths, instead of stop.")
@click.pass_obj
def stop(
    said: Said, release: str, by: str, why: str, why_ja: str, state: str | None, cap: int | None
) -> None:
    """Stop a release at once: one person suffices, and it holds for bytes already downloaded.

    Example: warifu stop 3f9a1c22 --as oncall-1 --why "the host does not start"
    """
    house = said.house()
    halt = Halt.CAPPED if cap is not None else Halt(state or Halt.STOPPED.value)
    done = halting.stop(
        house,
        which.release(house, release),
        halt,
        {"en": why, "ja": why_ja or why},
        clock(),
        by=by,
        max_share=cap or 0,
    )
    state_now = f"{halt} and fetched back" if done.in_force else "recorded, not in force"
    said.tell(
        f"{release}: {state_now} (stop {done.seq})." + (f"\n  {done.why}" if done.why else ""),
        release=release,
        seq=done.seq,
        in_force=done.in_force,
        why=done.why,
    )
    if not done.in_force:
        sys.exit(3)


VERBS = (stop,)
