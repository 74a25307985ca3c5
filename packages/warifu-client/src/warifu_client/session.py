"""One TUF refresh: trusted metadata in, verified targets out (step 2 of the client's check).

A session is used once: the library fixes its time at construction, so each check opens a new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tuf.api import exceptions as tuf
from tuf.api.metadata import TargetFile, Targets
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface

from warifu_client import identity, view
from warifu_client.clock import Heard
from warifu_client.layout import Layout
from warifu_client.machine import Machine
from warifu_client.view import View
from warifu_wire import delta
from warifu_wire.check import Served
from warifu_wire.delta import Delta
from warifu_wire.digest import Digest, digest, of_bytes
from warifu_wire.errors import Fault, Malformed, Mismatch, Refusal, SignoffMissing, Stale
from warifu_wire.manifest import Manifest

FAULTY = 500


class _Fetcher(FetcherInterface):
    """The library's view of our transport."""

    def __init__(self, machine: Machine, fresh: bool, heard: Heard) -> None:
        self._machine = machine
        self._fresh = fresh
        self._heard = heard
        self._name = identity.today(machine)

    def _fetch(self, url: str) -> Iterator[bytes]:
        transport = self._machine.means.transport
        with transport.get(url, fresh=self._fresh, name=self._name) as reply:
            self._heard.date = reply.headers.get("date", "")
            if reply.status != 200:
                raise tuf.DownloadHTTPError(f"{reply.status} for {url}", reply.status)
            yield from reply.chunks


@dataclass(frozen=True, slots=True)
class Session:
    """The targets of one refresh; reads by digest from the machine's own copy where it has one."""

    machine: Machine
    updater: Updater
    have: Manifest | None
    seen: View
    told: dict[str, TargetFile | None] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "told", dict(self.seen.targets))

    def digest(self, path: str) -> Digest | None:
        """The sha256 that the signed metadata names for a path."""
        found = self._target(path)
        return None if found is None else digest(found.hashes.get("sha256"))

    def read(self, path: str) -> bytes | None:
        """The verified bytes of a target, kept for the next time under their digest."""
        found = self._target(path)
        if found is None:
            return None
        wanted = digest(found.hashes.get("sha256"))
        kept = self.machine.layout.targets / wanted
        try:
            data = kept.read_bytes()
        except FileNotFoundError:
            data = b""
        if of_bytes(data) != wanted:
            data = self._rebuilt(path, wanted)
        if not data:
            with translated():
                self.updater.download_target(found, str(kept))
            data = kept.read_bytes()
        return data

    def delta(self, release: Digest) -> Delta | None:
        """The way from the installed release to another, where the provider offers one."""
        if self.have is None:
            return None
        data = self.read(delta.path(self.have.product, release, self.have.id))
        return None if data is None else delta.read(data)

    def _rebuilt(self, path: str, wanted: Digest) -> bytes:
        """A manifest made from the installed one, if it comes out as signed; else nothing."""
        if self.have is None or path != f"manifests/{self.have.product}/{wanted}.json":
            return b""
        try:
            found = self.delta(wanted)
            return b"" if found is None else found.rebuilt(self.have).to_bytes()
        except Refusal:
            return b""

    def _target(self, path: str) -> TargetFile | None:
        if path not in self.told:
            with translated():
                self.told[path] = self.updater.get_targetinfo(path)
        return self.told[path]

    def remember(self) -> None:
        """Note what this snapshot said of what was asked, and when the first of its roles ends."""
        trusted = self.updater._trusted_set
        roles = [one.expires for one in trusted if isinstance(one, Targets)]
        ends = min(*roles, trusted.snapshot.expires, self.seen.ends)
        view.note(self.machine, View(self.seen.snapshot, ends, self.told))


def refresh(
    machine: Machine, have: Manifest | None = None, *, fresh: bool, heard: Heard | None = None
) -> Served:
    """Everything the client's check needs of TUF; `fresh`: from the origin, past every cache.

    `have` is the manifest in use, from which others can be rebuilt in few bytes; `heard` is told
    what the server says the time is.
    Raises `Refusal` for metadata that is not to be trusted, `Fault` when there is none.
    """
    layout = machine.layout
    address = machine.settings.address.rstrip("/")
    for half in layout.metadata.glob("tmp*"):
        half.unlink(missing_ok=True)
    with translated():
        updater = Updater(
            str(layout.metadata),
            f"{address}/metadata/",
            str(layout.targets),
            f"{address}/targets/",
            _Fetcher(machine, fresh, heard or Heard()),
            bootstrap=layout.trust.read_bytes(),
        )
        # The library has no clock to be given: its time is the machine's, as is every other.
        trusted = updater._trusted_set
        trusted.reference_time = now = machine.means.clock().wall
        updater.refresh()
        snapshot = of_bytes((layout.metadata / "snapshot.json").read_bytes())
    machine.reached("refreshed")
    return Served(
        trusted.root.version,
        trusted.targets.version,
        trusted.timestamp.expires,
        Session(machine, updater, have, view.known(machine, snapshot, now)),
    )


def has_verified(layout: Layout, root: bytes) -> bool:
    """Whether this machine ever trusted exactly this root, from the first one on."""
    known = (layout.trust, *layout.metadata.glob("root_history/*.json"))
    return any(path.read_bytes() == root for path in known)


@contextmanager
def translated() -> Iterator[None]:
    """The library's errors in the house's words."""
    try:
        yield
    except tuf.ExpiredMetadataError as error:
        code = "lease-over" if "timestamp" in str(error) else "metadata-expired"
        raise Stale(code, needed="newer metadata, or the right time", why=error) from error
    except tuf.BadVersionNumberError as error:
        raise Stale("metadata-older", needed="what was seen before or newer", why=error) from error
    except tuf.UnsignedMetadataError as error:
        raise SignoffMissing(
            "metadata-unsigned", needed="metadata signed by its role", why=error
        ) from error
    except (tuf.LengthOrHashMismatchError, tuf.DownloadLengthMismatchError) as error:
        raise Mismatch("not-what-was-signed", needed="the signed bytes", why=error) from error
    except tuf.DownloadHTTPError as error:
        if error.status_code >= FAULTY:
            raise Fault(f"the provider's server failed: {error}", needed="a later try") from error
        raise Refusal("metadata-missing", needed="the provider's metadata", why=error) from error
    except tuf.DownloadError as error:
        raise Fault(f"cannot reach the provider: {error}", needed="a network connection") from error
    except tuf.RepositoryError as error:
        raise Malformed("metadata-malformed", needed="TUF metadata", why=error) from error
    except OSError as error:
        raise Fault(f"cannot keep metadata: {error}", needed="space and write access") from error
