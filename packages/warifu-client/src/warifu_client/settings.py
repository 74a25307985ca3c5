"""What a machine is told once: where the provider is, which product, and how to go about it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from warifu_client.layout import Layout
from warifu_client.system import HERE
from warifu_wire import atomic, canonical
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Fault, Malformed
from warifu_wire.fields import document, rows, text, whole
from warifu_wire.manifest import product_name

SETTINGS_TYPE = "urn:warifu:client-settings:v1"
NAMES = ("address", "authority", "host", "language", "legacy", "mirrors", "product", "proxy")
NUMBERS = ("quota", "rate", "report", "start_timeout", "starts")


@dataclass(frozen=True, slots=True)
class Settings:
    """The machine's own settings; nothing in them widens what the provider's signatures allow.

    `host` and `legacy` are paths ("" where there is none), `authority` a PEM file of further TLS
    roots; `rate` is in bytes per second and `quota` in bytes (0: no limit of our own);
    `start_timeout` is in seconds; `starts` is how many good starts a release needs before it is
    committed, the one of the staged tree included; `report` says whether outcomes are sent.
    """

    address: str
    product: str
    host: str = ""
    legacy: str = ""
    mirrors: tuple[str, ...] = ()
    proxy: str = ""
    authority: str = ""
    language: str = "ja"
    rate: int = 0
    quota: int = 0
    starts: int = 2
    start_timeout: int = 60
    report: bool = True

    def to_bytes(self) -> bytes:
        """The canonical JSON of the settings file."""
        strings: dict[str, Json] = {name: getattr(self, name) for name in NAMES}
        numbers: dict[str, Json] = {name: getattr(self, name) for name in NUMBERS}
        lists: dict[str, Json] = {"mirrors": list[Json](self.mirrors)}
        return canonical.dumps({**strings, **numbers, **lists, "type": SETTINGS_TYPE})


def read(layout: Layout) -> Settings:
    """The settings of a folder; raises `Fault` where there are none, `Malformed` for damage."""
    try:
        data = layout.settings.read_bytes()
    except OSError as error:
        raise Fault(f"no updater in {layout.root}", needed="warifu-update init") from error
    found = document(data, SETTINGS_TYPE, (*NAMES, *NUMBERS))
    if not isinstance(found["report"], bool) or found["language"] not in {"ja", "en"}:
        raise Malformed("not-settings", needed="report as true or false, language as ja or en")
    return Settings(
        text(found["address"]),
        product_name(text(found["product"])),
        text(found["host"]),
        text(found["legacy"]),
        tuple(text(one) for one in rows(found["mirrors"], 16)),
        text(found["proxy"]),
        text(found["authority"]),
        text(found["language"]),
        whole(found["rate"]),
        whole(found["quota"]),
        whole(found["starts"], 2, 10),
        whole(found["start_timeout"], 1, 3600),
        found["report"],
    )


def write(layout: Layout, settings: Settings, root: bytes) -> Digest:
    """Make a folder an updater's: settings and the embedded root; gives the root's digest.

    Raises `Fault` when the disk refuses. Settings are written last, so half a set-up is none.
    """
    try:
        layout.root.mkdir(parents=True, exist_ok=True)
        for folder in layout.folders:
            folder.mkdir(exist_ok=True)
    except OSError as error:
        raise Fault(f"cannot make {layout.root}", needed="a folder that can be written") from error
    atomic.write(layout.trust, root)
    atomic.write(layout.settings, settings.to_bytes())
    return of_bytes(root)


def home() -> Path:
    """Where the folders of all products are; no administrator rights needed."""
    return HERE.home(os.environ)


def usual(product: str) -> Path:
    """The folder of a product for the person at this machine."""
    return home() / product


def products() -> tuple[str, ...]:
    """The products that are set up in the usual place."""
    return tuple(sorted(path.parent.name for path in home().glob("*/settings.json")))
