"""`warifu serve`: the published tree over HTTP, and the worker beside it."""

from __future__ import annotations

import click

from warifu.cli.said import Said
from warifu.web import running


@click.command()
@click.option("--port", type=int, help="The port; by default the one of the public address.")
@click.option("--bind", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.pass_obj
def serve(said: Said, port: int | None, bind: str) -> None:
    """Serve the published tree and keep the lease alive, until interrupted.

    Example: warifu serve
    """
    running.run(said.folder, bind, port, said.step)


VERBS = (serve,)
