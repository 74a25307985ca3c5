"""The usual beginning: what every member does, whatever the program is for."""

from __future__ import annotations

from warifu.engines.probe.recipe import Step

UPDATER = ("{python}", "-m", "warifu_client.cli")
AT = ("--folder", "{machine}", "--json")


def set_up(host: str, legacy: str = "") -> Step:
    """Make a folder the updater's; its reports are not a member's, so it sends none."""
    given = ("--address", "{address}", "--root", "{root}", "--product", "{product}")
    found = ("--host", host, "--legacy", legacy, "--no-report")
    return Step("set-up", (*UPDATER, "init", *given, *found, *AT), fresh=True)


def install(host: str = "") -> tuple[Step, ...]:
    """Set up, install what is offered, and look whether exactly this release is there, intact."""
    release = {"release": "{release}"}
    return (
        set_up(host),
        Step("install", (*UPDATER, "apply", *AT), 300, expects={"end": "installed", **release}),
        Step("look", (*UPDATER, "status", *AT), expects={"tree": "intact", **release}),
    )
