"""The one web process: granian with the gate in front; loopback only while keys are for trial."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from warifu.web.files import App
from warifu_wire.errors import Fault, Refusal

THREADS = 4


def serve(address: str, port: int, app: Callable[[], App], *, trial: bool) -> None:
    """Serve until told to stop; `app` is called in the worker process and must be picklable.

    Raises `Refusal` for a trial keyring beyond loopback and for a port that is taken, `Fault`
    for an address this machine does not have.
    """
    allowed(address, trial=trial)
    free(address, port)
    server = Server(
        target="warifu.web.gate",
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=THREADS,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
    )
    server.serve(target_loader=app, wrap_loader=False)


def allowed(address: str, *, trial: bool) -> None:
    """Raises `Refusal` when trial keys would be served to anybody but this machine."""
    if trial and not _loopback(address):
        raise Refusal(
            "trial-keys",
            needed="keys made in a ceremony, or an address of this machine alone (127.0.0.1)",
            address=address,
        )


def free(address: str, port: int) -> None:
    """Raises `Refusal` when somebody listens there: granian would share the port silently."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Otherwise connections that ended a moment ago count as somebody.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError as error:
            if isinstance(error, PermissionError):
                raise Refusal("port-not-allowed", needed="a port above 1023", port=port) from error
            if error.errno == errno.EADDRINUSE:
                raise Refusal("port-taken", needed="another --port", port=port) from error
            raise Fault(
                f"cannot listen on {address}: {error.strerror}", needed="an address of this machine"
            ) from error


def _loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
