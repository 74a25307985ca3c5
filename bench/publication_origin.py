"""What one check costs the origin in CPU: nginx and our own process, with few and many releases."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

REQUESTS = 20_000
WARM, LINES = 60, 16
TICKS = os.sysconf("SC_CLK_TCK")


def spent(pid: int) -> float:
    """CPU seconds of a process and its children until now, ended threads included."""
    total = 0
    for one in (pid, *_children(pid)):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def _children(pid: int) -> Iterator[int]:
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            for child in (thread / "children").read_text().split():
                yield int(child)
                yield from _children(int(child))


def per_request(pid: int, port: int, path: str, headers: str = "", count: int = REQUESTS) -> float:
    """Microseconds of the server's CPU a request, over 16 kept-alive connections."""
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(_line(port)) for _ in range(LINES)]
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode()
        length = [_warm(line, request) for line in lines][-1]
        before = spent(pid)
        for _ in range(count // LINES):
            for line in lines:
                line.sendall(request)
            for line in lines:
                _exactly(line, length)
        return (spent(pid) - before) / (count // LINES * LINES) * 1e6


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
