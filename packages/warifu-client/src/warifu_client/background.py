"""The updater in the background: a systemd user timer, which needs no administrator rights."""

from __future__ import annotations

import re
from pathlib import Path

from warifu_client.machine import Machine
from warifu_wire import atomic
from warifu_wire.errors import Fault

HOURS = 6
HOUR = 3_600
_PLAIN = re.compile(r"[A-Za-z0-9/._+:=,@-]+")


def units(
    machine: Machine, updater: Path, every: int = HOURS, own: Path | None = None
) -> dict[str, str]:
    """Unit files by name; `updater` is the program to start, `every` is in hours, a part of a day.

    The run is `repair`: a host that no longer starts is seen, and mended as the routes say. `own`
    is the updater's own folder, where it has one: it comes first, so that a newer updater mends
    what an older one cannot. All machines come scattered over an eighth of the time between two
    runs, and after a missed run when they wake. A refusal, an undone attempt, a trial and a
    missing network (1, 3, 4, 5) are answers, not failures of the unit.
    """
    name = f"warifu-update-{machine.settings.product}"
    starts = "\n".join(
        f"ExecStart={_quoted(str(updater))} repair --folder {_quoted(str(folder))} --json"
        for folder in (own, machine.layout.root)
        if folder is not None
    )
    service = f"""[Unit]
Description=Keep {machine.settings.product} at what its provider signed

[Service]
Type=oneshot
{starts}
SuccessExitStatus=1 3 4 5
Nice=10
IOSchedulingClass=idle
NoNewPrivileges=yes
"""
    timer = f"""[Unit]
Description=Ask for releases of {machine.settings.product}

[Timer]
OnCalendar=*-*-* 0/{every}:00:00
RandomizedDelaySec={every * HOUR // 8}s
Persistent=yes

[Install]
WantedBy=timers.target
"""
    return {f"{name}.service": service, f"{name}.timer": timer}


def install(
    machine: Machine, updater: Path, folder: Path, own: Path | None = None
) -> tuple[Path, ...]:
    """Write the units into a folder (usually ~/.config/systemd/user); raises `Fault`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Fault(f"cannot make {folder}: {error.strerror}", needed="write access") from error
    written = []
    for name, text in units(machine, updater, own=own).items():
        atomic.write(folder / name, text.encode())
        written.append(folder / name)
    return tuple(written)


def _quoted(word: str) -> str:
    """A word as systemd reads it (systemd.syntax(7), "Quoting"; specifiers doubled)."""
    if _PLAIN.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'
