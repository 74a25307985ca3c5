"""Start and stop real server processes on loopback, by pid."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warifu.web.nginx import Site, configuration


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(*command: str | Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server that listens on `port` when this begins, and is gone when it ends."""
    process = subprocess.Popen([str(one) for one in command], stderr=subprocess.PIPE)
    try:
        _until_listening(process, port)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stderr is not None:
            process.stderr.close()


@contextmanager
def serving(root: Path) -> Iterator[str]:
    """Our own web process over `root/public`; gives its address."""
    port = free_port()
    command = (sys.executable, "-m", "tests.web.server", root, str(port))
    with running(*command, port=port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def behind_nginx(root: Path, upstream: str) -> Iterator[str]:
    """The real nginx over `root/public` with our generated configuration; gives its address."""
    port = free_port()
    site = Site(
        root / "public", f"127.0.0.1:{port}", upstream.removeprefix("http://"), 600, root / "log"
    )
    with nginx(root, configuration(site), port) as address:
        yield address


@contextmanager
def nginx(root: Path, site: str, port: int) -> Iterator[str]:
    """The real nginx with a server block that listens on a port here; gives its address."""
    root.mkdir(exist_ok=True)
    (root / "site.conf").write_text(site)
    (root / "nginx.conf").write_text(
        f"user root; daemon off; worker_processes 1; pid {root}/nginx.pid; error_log stderr;\n"
        "events { worker_connections 256; }\n"
        "http { keepalive_requests 1000000;\n"
        f"client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;\n"
        f"fastcgi_temp_path {root}/fcgi; uwsgi_temp_path {root}/uwsgi;\n"
        f"scgi_temp_path {root}/scgi; include {root}/site.conf; }}\n"
    )
    with running("/usr/sbin/nginx", "-c", root / "nginx.conf", "-p", root, port=port):
        yield f"http://127.0.0.1:{port}"


def ask(
    address: str, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """One request: status, headers in lower case, body."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
    try:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, told)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, answer.read()
    finally:
        connection.close()


def _until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(600):
        if process.poll() is not None:
            told = process.stderr.read().decode() if process.stderr else ""
            raise AssertionError(f"server ended with {process.returncode}: {told}")
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("server does not listen")
