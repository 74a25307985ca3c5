"""`warifu serve`: the published tree over HTTP and the worker beside it; nginx before both."""

from __future__ import annotations

import click

from warifu.cli.said import Said
from warifu.web import fronting, running


@click.command()
@click.option("--port", type=int, help="The port; by default the one of the public address.")
@click.option("--bind", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.pass_obj
def serve(said: Said, port: int | None, bind: str) -> None:
    """Serve the published tree and keep the lease alive, until interrupted.

    Example: warifu serve
    """
    running.run(said.folder, bind, port, said.step)


@click.command("nginx")
@click.option("--listen", default="127.0.0.1:8080", show_default=True, help="Where nginx listens.")
@click.option("--upstream", default="", help="Where `warifu serve` listens; by default 8000 here.")
@click.pass_obj
def nginx_(said: Said, listen: str, upstream: str) -> None:
    """Print a configuration for nginx: it serves the tree, and hands on the rest.

    Example: warifu nginx --listen 192.0.2.1:80 > /etc/nginx/conf.d/warifu.conf
    """
    house = said.house()
    text = fronting.site(house, listen, upstream or "127.0.0.1:8000")
    for folder in fronting.closed(house.public):
        said.step(f"nginx's workers cannot read {folder}: chmod o+x, or [service] public elsewhere")
    said.tell(text.rstrip(), configuration=text)


VERBS = (serve, nginx_)
