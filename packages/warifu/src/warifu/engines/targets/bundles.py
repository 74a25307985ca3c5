"""One file with everything a machine needs of a release while nobody can be asked, and its lease.

The parts come from the published tree; M persons sign a lease over their digest, for at most
`offline_max`. The lease is read by the bundle path only and is never a TUF timestamp.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import timedelta

from warifu.engines.targets import layout
from warifu.engines.targets.store import Store
from warifu.engines.targets.tree import Tree
from warifu_wire import dsse, lease, manifest, policy, routes
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Malformed, Refusal
from warifu_wire.lease import PART, PAYLOAD_TYPE, OfflineLease
from warifu_wire.stops import Stops
from warifu_wire.times import Instant

Parts = Mapping[str, bytes]
EPOCH = (1980, 1, 1, 0, 0, 0)


def parts(tree: Tree, store: Store, product: str, release: Digest) -> dict[str, bytes]:
    """The parts of a bundle by name; raises `Refusal` when the routes in force do not offer it."""
    path = f"routes/{product}.json"
    signed = tree.must(path)
    found = routes.read(dsse.parse(signed, routes.PAYLOAD_TYPE).payload, product)
    offer = found.offer(release)
    if offer is None:
        raise Refusal("not-offered", needed="a release of the routes in force", release=release)
    stops = Stops(product, tree.stops(product).entries[: found.stops_seq])
    root = tree.root.signed.version
    targets = layout.metadata("targets", tree.versions["targets"])
    texts = (
        *(policy.RULES_PATH, policy.PEOPLE_PATH, f"statements/{product}/{offer.evidence}.json"),
        *(one for one in offer.files if one.startswith("manifests/")),
    )
    made = {
        path: signed,
        f"stops/{product}.json": stops.to_bytes(),
        "metadata/targets.json": _must(store, targets),
        **{name: tree.must(name) for name in texts},
    }
    for version in range(1, root + 1):
        name = layout.metadata("root", version)
        made[name] = _must(store, name)
    whole = manifest.parse(tree.must(f"manifests/{product}/{release}.json"))
    for member in whole.members:
        made[f"blobs/{member.sha256}.zst"] = _must(store, layout.blob(member.sha256))
    return made


def proposed(made: Parts, release: Digest, now: Instant, life: timedelta) -> Envelope:
    """The lease over these parts, for M persons to sign."""
    told = OfflineLease(release, digest(made), now, now + life)
    return dsse.seal(PAYLOAD_TYPE, told.to_json())


def digest(made: Parts) -> Digest:
    """The digest of a bundle by its parts."""
    return lease.bundle_digest({name: of_bytes(data) for name, data in made.items()})


def opened(data: bytes) -> tuple[dict[str, bytes], Envelope]:
    """The parts of a bundle file and its lease; raises `Malformed`."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            made = {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError) as error:
        raise Malformed("not-a-bundle", needed="a bundle as it was made") from error
    if len(made) != len(names) or PART not in made:
        raise Malformed("not-a-bundle", needed="each part once, and a lease")
    return made, dsse.parse(made.pop(PART), PAYLOAD_TYPE)


def written(made: Parts, signed: Envelope) -> bytes:
    """The bundle file: the same bytes for the same parts and lease."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted({**made, PART: signed.to_bytes()}.items()):
            archive.writestr(zipfile.ZipInfo(name, EPOCH), data)
    return sink.getvalue()


def _must(store: Store, name: str) -> bytes:
    found = store.read(name)
    if found is None:
        raise Refusal("tree-damaged", needed=name, path=name)
    return found
