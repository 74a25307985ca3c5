"""What one check costs the origin in CPU: nginx and our own process, with few and many releases."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

REQUESTS = 20_000
WARM, LINES = 60, 16
TICKS = os.sysconf("SC_CLK_TCK")


def spent(pid: int, *, workers: bool = False) -> float:
    """CPU seconds of a process and its children until now, ended threads included.

    `workers`: of the children alone, which answer; what the parent does beside them is left out.
    """
    total = 0
    for one in (*(() if workers else (pid,)), *_children(pid)):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def _children(pid: int) -> Iterator[int]:
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            for child in (thread / "children").read_text().split():
                yield int(child)
                yield from _children(int(child))


def databases(pid: int, port: int, path: str, count: int = 512) -> int:
    """System calls on database files while a server's workers answer so many requests."""
    pids = list(_children(pid))
    with tempfile.NamedTemporaryFile("r") as log:
        words = [word for one in pids for word in ("-p", str(one))]
        command = ["strace", "-f", "-y", "-e", "trace=%file,%desc", "-o", log.name, *words]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as watch:
            said = [watch.stderr.readline() if watch.stderr else "" for _ in pids]
            if not all("attached" in line for line in said):
                raise AssertionError(f"strace: {said}")
            per_request(pid, port, path, count=count)
            watch.send_signal(signal.SIGINT)
            if watch.stderr is not None:
                watch.stderr.read()
        lines = log.read().splitlines()
    if not any(path in line for line in lines):
        raise AssertionError("strace saw no request")
    return sum(".sqlite" in line for line in lines)


def per_request(
    pid: int,
    port: int,
    path: str,
    headers: str = "",
    count: int = REQUESTS,
    *,
    workers: bool = False,
) -> float:
    """Microseconds of the server's CPU a request, over 16 kept-alive connections."""
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(_line(port)) for _ in range(LINES)]
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode()
        length = [_warm(line, request) for line in lines][-1]
        before = spent(pid, workers=workers)
        for _ in range(count // LINES):
            for line in lines:
                line.sendall(request)
            for line in lines:
                _exactly(line, length)
        return (spent(pid, workers=workers) - before) / (count // LINES * LINES) * 1e6


def _line(port: int) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port), timeout=30)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def _warm(line: socket.socket, request: bytes) -> int:
    """Ask until the answer is always as long as the last one; its length in bytes."""
    length = 0
    for _ in range(WARM):
        line.sendall(request)
        length = _answer(line)
    return length


def _answer(line: socket.socket) -> int:
    data = b""
    while b"\r\n\r\n" not in data:
        data += line.recv(65_536)
    head, _, body = data.partition(b"\r\n\r\n")
    told = [one for one in head.lower().split(b"\r\n") if one.startswith(b"content-length:")]
    size = int(told[0].split(b":")[1]) if told and b" 304 " not in head.split(b"\r\n")[0] else 0
    while len(body) < size:
        body += line.recv(65_536)
    return len(head) + 4 + size


def _exactly(line: socket.socket, length: int) -> None:
    while length > 0:
        piece = line.recv(min(length, 65_536))
        if not piece:
            raise ConnectionError("the server closed a connection that was to be kept")
        length -= len(piece)
