"""The public address as somebody sees it who has nothing but the root: fresh, past every cache."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import urllib3
from tuf.api import exceptions as tuf
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface
from urllib3.exceptions import HTTPError

from warifu_wire.digest import Digest, digest
from warifu_wire.errors import Fault, Refusal, Stale

CHUNK = 1 << 16
FAULTY = 500
TIMEOUT = urllib3.Timeout(connect=5, read=20)
FRESH = {"Cache-Control": "no-cache", "Pragma": "no-cache", "Accept-Encoding": "identity"}


class _Fetcher(FetcherInterface):
    def __init__(self, pool: urllib3.PoolManager) -> None:
        self._pool = pool

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            answer = self._pool.request("GET", url, headers=FRESH, preload_content=False)
            if answer.status != 200:
                raise tuf.DownloadHTTPError(f"{answer.status} for {url}", answer.status)
            with answer:
                yield from answer.stream(CHUNK)
        except (HTTPError, OSError) as error:
            raise tuf.DownloadError(f"no answer from {url} ({type(error).__name__})") from error


@dataclass(frozen=True, slots=True)
class Look:
    """One refresh of the public address: what the signed metadata says, and the bytes behind it."""

    updater: Updater
    folder: Path
    kept: dict[str, bytes | None] = field(default_factory=dict)

    def digest(self, path: str) -> Digest | None:
        """The sha256 that the metadata names for a path; None when it is no target."""
        with translated():
            found = self.updater.get_targetinfo(path)
        return None if found is None else digest(found.hashes.get("sha256"))

    def read(self, path: str) -> bytes | None:
        """The verified bytes of a target; None when it is no target."""
        if path not in self.kept:
            with translated():
                found = self.updater.get_targetinfo(path)
                where = None
                if found is not None:
                    where = self.updater.download_target(found, str(self.folder / "target"))
            self.kept[path] = None if where is None else Path(where).read_bytes()
        return self.kept[path]


@dataclass(frozen=True, slots=True)
class PublicOrigin:
    """`ports.Origin`: each read is a new client's first one."""

    address: str
    root: bytes

    def read(self, path: str) -> bytes | None:
        """The verified bytes of a target as served now; raises `Fault` or `Refusal`."""
        with self.look() as look:
            return look.read(path)

    @contextmanager
    def look(self) -> Iterator[Look]:
        """One refresh with a metadata folder that is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="warifu-origin-") as name, translated():
            folder = Path(name)
            with urllib3.PoolManager(timeout=TIMEOUT, retries=False) as pool:
                updater = Updater(
                    str(folder / "metadata"),
                    f"{self.address}/metadata/",
                    name,
                    f"{self.address}/targets/",
                    _Fetcher(pool),
                    bootstrap=self.root,
                )
                updater.refresh()
                yield Look(updater, folder)


@contextmanager
def translated() -> Iterator[None]:
    """The library's errors as the house's; a server that fails is a `Fault`, all else a no."""
    try:
        yield
    except tuf.DownloadHTTPError as error:
        if error.status_code >= FAULTY:
            raise Fault(f"the origin failed: {error}", needed="a working server") from error
        raise Refusal("origin-incomplete", needed="the published files", why=error) from error
    except tuf.ExpiredMetadataError as error:
        raise Stale("origin-expired", needed="a new lease", why=error) from error
    except (tuf.LengthOrHashMismatchError, tuf.DownloadLengthMismatchError) as error:
        raise Refusal("origin-differs", needed="the signed bytes", why=error) from error
    except tuf.DownloadError as error:
        raise Fault(f"cannot reach the origin: {error}", needed="the server running") from error
    except tuf.RepositoryError as error:
        raise Refusal("origin-refused", needed="metadata the root leads to", why=error) from error
