"""The TUF client in single steps, for somebody else's program to drive (conformance suites).

`init` keeps the root that everything starts from; `refresh` and `download` keep trusted metadata
in the metadata folder. Nothing of the house's own rules is in here: this is the library's client
as the updater uses it, seen from outside (TUF specification 1.0.34, section 5).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tuf.api import exceptions as tuf
from tuf.api.metadata import Metadata, Root
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface

from warifu_client.session import translated
from warifu_client.transport import Transport
from warifu_wire import atomic
from warifu_wire.errors import Fault, Refusal

FIRST = "first.root"
"""The root of `init`; no `.json`, since suites read every such file as a trusted role."""


class _Plain(FetcherInterface):
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _fetch(self, url: str) -> Iterator[bytes]:
        with self._transport.get(url) as reply:
            if reply.status != 200:
                raise tuf.DownloadHTTPError(f"{reply.status} for {url}", reply.status)
            yield from reply.chunks


def init(root: Path, metadata: Path) -> None:
    """Trust this root from now on; raises `Fault`, and `Refusal` for what is no root."""
    try:
        data = root.read_bytes()
        metadata.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Fault(f"cannot read {root}: {error.strerror}", needed="a root file") from error
    with translated():
        Updater(str(metadata), "http://unused.invalid/", bootstrap=data)
    atomic.write(metadata / FIRST, data)


def is_root(data: bytes) -> None:
    """Whether these bytes are a root that its own keys signed; raises `Refusal`."""
    with translated():
        root = Metadata[Root].from_bytes(data)
        root.signed.verify_delegate("root", root.signed_bytes, root.signatures)


def refresh(transport: Transport, metadata: Path, address: str) -> Updater:
    """The top-level workflow; raises `Refusal` or `Fault`."""
    return _refreshed(transport, metadata, address, None, None)


def download(
    transport: Transport,
    metadata: Path,
    address: str,
    targets: str,
    names: Iterable[str],
    folder: Path,
) -> list[Path]:
    """Refresh once, then bring each target that the folder has not; raises as `refresh` does."""
    folder.mkdir(parents=True, exist_ok=True)
    updater = _refreshed(transport, metadata, address, targets, folder)
    return [_brought(updater, name) for name in names]


def _brought(updater: Updater, name: str) -> Path:
    with translated():
        found = updater.get_targetinfo(name)
        if found is None:
            raise Refusal("target-missing", needed=name, path=name)
        return Path(updater.find_cached_target(found) or updater.download_target(found))


def _refreshed(
    transport: Transport, metadata: Path, address: str, targets: str | None, folder: Path | None
) -> Updater:
    try:
        root = (metadata / FIRST).read_bytes()
    except OSError as error:
        raise Fault(f"no root in {metadata}", needed="warifu-update tuf init") from error
    with translated():
        updater = Updater(
            str(metadata),
            address,
            None if folder is None else str(folder),
            targets,
            _Plain(transport),
            bootstrap=root,
        )
        updater.refresh()
    return updater
