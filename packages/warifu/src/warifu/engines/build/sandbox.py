"""The sandbox: a command in namespaces of its own, with no network and almost no files.

Made by `unshare` (util-linux): user, mount, network, process and host-name namespaces. Inside there
are the system's programs and the interpreter, read only, an empty /tmp (but for an interpreter
that lives there), and the work folder at /build. Where the kernel refuses this, nothing is run.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO

from warifu_wire.errors import Fault, Refusal

WORK = Path("/build")
"""Where the work folder is inside."""
_LOG = 4_000
_SETUP = """
set -eu
root=$1 table=$2 ready=$3 links=$4; shift 4
mount -t tmpfs -o size=16m,mode=755 none "$root"
cd "$root"
mkdir build proc dev tmp old etc
[ -z "$links" ] || cp -P $links .
for device in null zero random urandom; do : > "dev/$device"; done
[ ! -e /etc/ld.so.cache ] || : > etc/ld.so.cache
echo 'root:x:0:0::/tmp:/bin/sh' > etc/passwd
echo '127.0.0.1 localhost' > etc/hosts
mount --all --fstab "$table"
pivot_root . old
cd /build
: > "/old$ready"
umount -l /old
rmdir /old
ulimit -f 2097152
exec "$@"
"""
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_CACHE = "/etc/ld.so.cache"
_TOPS = ("/bin", "/lib", "/lib64", "/sbin")
_UP = """
import fcntl, os, socket, struct, sys
with socket.socket() as one:
    fcntl.ioctl(one, 0x8914, struct.pack("16sh", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP (netdevice(7))
os.execvp(sys.argv[1], sys.argv[1:])
"""
_LOOPBACK = (sys.executable, "-I", "-c", _UP)


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended: its exit code and the end of what it wrote."""

    code: int
    log: str


def run(
    command: Sequence[str],
    work: Path,
    *,
    seconds: int,
    settings: Mapping[str, str],
    loopback: bool = False,
) -> Ran:
    """Run a command in a fresh sandbox over `work`; `seconds` bounds it.

    `loopback` gives it a network of itself alone, for suites that speak to their own server.
    Raises `Fault` where no sandbox can be made, `Refusal` when the command takes too long.
    """
    unshare = shutil.which("unshare", path="/usr/local/bin:/usr/bin:/bin")
    if unshare is None:
        raise Fault("no sandbox: unshare is not installed", needed="the Debian package util-linux")
    # What it writes goes to a file: a pipe would hold all of it in memory, however much that is.
    with TemporaryDirectory() as scratch, TemporaryFile() as said:
        root, ready, table = (Path(scratch, name) for name in ("root", "ready", "table"))
        root.mkdir()
        table.write_bytes(_table(root, work))
        with subprocess.Popen(
            [
                unshare, "--user", "--map-root-user", "--mount", "--net", "--pid", "--ipc",
                "--uts", "--fork", "--kill-child", "sh", "-c", _SETUP, "sandbox",
                str(root), str(table), str(ready),
                " ".join(one for one in _TOPS if Path(one).is_symlink()),
                *(_LOOPBACK if loopback else ()), *command,
            ],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=_environment(settings),
        ) as process:  # fmt: skip
            try:
                ended = _ended(process.pid, seconds)
            finally:
                process.kill()  # what has ended already is not touched
        if not ended:
            raise Refusal(
                "step-too-slow", needed=f"an end within {seconds} s", command=" ".join(command)
            )
        made, log = ready.exists(), _end(said)
    if not made:
        raise Fault(
            f"no sandbox can be made here: {log.strip()}",
            needed="a kernel that lets this user make user, mount and network namespaces",
        )
    return Ran(process.returncode, log)


def _ended(pid: int, seconds: int) -> bool:
    """Wait for a process; False when it takes too long.

    subprocess looks only every so often, which made each step of a build 20 ms longer.
    """
    handle = os.pidfd_open(pid)
    try:
        waiting = select.poll()
        waiting.register(handle, select.POLLIN)
        return bool(waiting.poll(seconds * 1_000))
    finally:
        os.close(handle)


def _end(said: IO[bytes]) -> str:
    """The last characters of what was written."""
    said.seek(max(0, said.seek(0, os.SEEK_END) - 4 * _LOG))
    return said.read().decode("utf-8", "replace")[-_LOG:]


def filled(words: Sequence[str], **places: str) -> list[str]:
    """A command with `{name}` replaced; everything else stays as it is."""
    known = {"python": sys.executable, **places}
    found = []
    for word in words:
        for name, value in known.items():
            word = word.replace(f"{{{name}}}", value)
        found.append(word)
    return found


def _table(root: Path, work: Path) -> bytes:
    """What is mounted inside, in order, as fstab(5): one process mounts it all."""
    read_only = "rbind,ro,nosuid,nodev,X-mount.mkdir"
    plain = [*_DEVICES, *([_CACHE] if Path(_CACHE).exists() else [])]
    rows = [
        ("none", "/tmp", "tmpfs", "size=512m"),  # noqa: S108 - the sandbox's own, empty
        *((folder, folder, "none", read_only) for folder in _readable()),
        *((one, one, "none", "bind") for one in plain),
        (str(work), str(WORK), "none", "bind"),
        ("proc", "/proc", "proc", "defaults"),
    ]
    return b"".join(
        b"%b %b %b %b 0 0\n"
        % (_spelled(source), _spelled(f"{root}{target}"), kind.encode(), options.encode())
        for source, target, kind, options in rows
    )


def _spelled(path: str) -> bytes:
    """A path as fstab(5) wants it."""
    return re.sub(rb"[\s\\#]", lambda found: b"\\%03o" % found[0][0], os.fsencode(path))


def _readable() -> list[str]:
    """The folders that are visible inside: the system's programs and the interpreter's own."""
    wanted = ["/usr", str(Path(sys.base_prefix).resolve()), sys.prefix]
    wanted += [one for one in _TOPS if not _linked(one)]
    kept: list[str] = []
    for folder in sorted(set(wanted), key=len):
        if not any(folder == one or folder.startswith(f"{one}/") for one in kept):
            kept.append(folder)
    return kept


def _linked(folder: str) -> bool:
    return Path(folder).is_symlink() or not Path(folder).exists()


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    return {
        "HOME": "/tmp",  # noqa: S108 - the sandbox's own, empty
        "LC_ALL": "C.UTF-8",
        "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "TZ": "UTC",
        **settings,
    }
