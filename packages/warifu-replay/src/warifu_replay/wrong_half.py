"""Story two, the wrong half: the approved bytes are swapped after sign-off, twice.

Once in the house's own store, before our own verb publishes; once by somebody who holds the
publishing, snapshot and timestamp keys and writes the tree without any code of ours. Each for
install, update and repair programs.
"""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from securesystemslib.signer import Signature
from tuf.api.metadata import Metadata, MetaFile, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from warifu.app import road
from warifu.model.verification import Verified
from warifu_replay import running
from warifu_replay.member import Member
from warifu_replay.told import Seen, Verdict
from warifu_replay.town import Town, now
from warifu_wire import canonical, dsse, routes
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Fault, Mismatch
from warifu_wire.fields import rows, table
from warifu_wire.manifest import Kind

STORY = "The wrong half"
Role: TypeAlias = Metadata[Targets] | Metadata[Snapshot] | Metadata[Timestamp]


def tell(town: Town, programs: Mapping[Kind, Verified], member: Member) -> Verdict:
    """Publish refuses, naming both digests; the client refuses, naming the missing approval.

    The update is approved last: it is what gets published.
    """
    refused: dict[str, str] = {}
    for kind in (Kind.INSTALL, Kind.REPAIR, Kind.UPDATE):
        town.propose([programs[kind].composition.id])
        town.sign()
        refused = _in_the_store(town, programs[kind])
        approved, found = refused["approved"], refused["found"]
        town.told(f"publish refuses the {kind}: approved {approved[:12]}, found {found[:12]}")
    town.publish()
    said = _past_our_code(town, member)
    town.told(f"the client refuses what the stolen keys signed: {said}")
    figures: dict[str, object] = {
        "approved": refused["approved"],
        "found": refused["found"],
        "client": said,
        "programs": ", ".join(Kind),
    }
    wrong = "approved bytes are swapped after sign-off, with and without our own verbs"
    return Verdict(STORY, wrong, "publish, and the client", Seen(), figures)


def _in_the_store(town: Town, program: Verified) -> dict[str, str]:
    """Swap the archive under the digest that was signed; then put the right one back."""
    artifact = program.composition.artifact
    place = Path(town.house.config.service.store) / artifact[:2] / artifact
    kept = place.read_bytes()
    place.chmod(0o644)
    place.write_bytes(kept.replace(b"Ver1", b"Ver2") + b"\0")
    try:
        road.publish(town.house, now())
    except Mismatch as refusal:
        return refusal.facts
    finally:
        place.write_bytes(kept)
        place.chmod(0o444)
    raise Fault("swapped bytes were published", needed="a refusal")


def _past_our_code(town: Town, member: Member) -> str:
    """Sign other bytes into a copy of the tree with the online keys, and let a client look."""
    copy = town.folder / "stolen"
    shutil.copytree(town.house.public, copy)
    with _served(copy) as address:
        thief = Member("9001", town.folder / "members" / "9001", member.host, member.program)
        root = town.house.config.service.state / "root.json"
        words = ("init", "--address", address, "--root", str(root), "--host", str(member.host),
                 "--product", town.house.product, "--legacy", str(member.program))  # fmt: skip
        thief.update(*words)
        shutil.copy(member.updater / "installation", thief.updater / "installation")
        said = ""
        for kind in Kind:
            _forge(town, copy, kind)
            done = thief.update("check")
            if done.code != 1 or done.facts.get("code") != "signoff-missing":
                raise Fault(f"the client took it: {done.out} {done.told}", needed="signoff-missing")
            said = f"{done.facts.get('code')} ({done.facts.get('said')})"
    return said


def _forge(town: Town, tree: Path, kind: Kind) -> None:
    """Other bytes as a program of a kind, in routes that no approver signed.

    They lie in the tree under fresh signatures of the three online keys.
    """
    product = town.house.product
    current = town.house.repository.current(product)
    if current.routes is None:
        raise Fault("nothing is published", needed="the first publication")
    value = canonical.loads(current.routes.payload)
    if not isinstance(value, dict):
        raise Fault("no routes", needed="routes")
    role = Metadata[Targets].from_file(str(_newest(tree, "releases")))
    value["seq"] = int(str(value["seq"])) + 1
    offer = table(rows(value["releases"])[0])
    offer["kind"] = kind.value
    offer["files"] = {
        name: one if one == offer["id"] else _target(tree, role, name, f"another {kind}".encode())
        for name, one in table(offer["files"]).items()
    }
    forged = dsse.seal(routes.PAYLOAD_TYPE, value).to_bytes()
    _target(tree, role, f"routes/{product}.json", forged)
    snapshot = Metadata[Snapshot].from_file(str(_newest(tree, "snapshot")))
    timestamp = Metadata[Timestamp].from_file(str(tree / "metadata" / "timestamp.json"))
    _sign(town, role, "releases")
    data = _write(tree, role, f"{role.signed.version}.releases.json")
    snapshot.signed.meta["releases.json"] = _meta(role.signed.version, data)
    _sign(town, snapshot, "snapshot")
    data = _write(tree, snapshot, f"{snapshot.signed.version}.snapshot.json")
    timestamp.signed.snapshot_meta = _meta(snapshot.signed.version, data)
    _sign(town, timestamp, "timestamp")
    _write(tree, timestamp, "timestamp.json")


def _target(tree: Path, role: Metadata[Targets], name: str, data: bytes) -> Digest:
    """Put bytes under a target's name; the digest they are served by."""
    role.signed.targets[name] = TargetFile.from_data(name, data, ["sha256"])
    above, _, last = name.rpartition("/")
    (tree / "targets" / above / f"{of_bytes(data)}.{last}").write_bytes(data)
    return of_bytes(data)


def _meta(version: int, data: bytes) -> MetaFile:
    return MetaFile.from_data(version, data, ["sha256"])


def _sign(town: Town, role: Role, key: str) -> None:
    role.signed.version += 1
    signer = town.house.keyring.signer(key)
    role.signatures.clear()
    keyid = signer.public.keyid
    role.signatures[keyid] = Signature(keyid, signer.sign(role.signed_bytes).hex())


def _write(tree: Path, role: Role, name: str) -> bytes:
    data = role.to_bytes(JSONSerializer(compact=True))
    (tree / "metadata" / name).write_bytes(data)
    return data


def _newest(tree: Path, role: str) -> Path:
    found = (tree / "metadata").glob(f"*.{role}.json")
    return max(found, key=lambda path: int(path.name.partition(".")[0]))


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """The folder over HTTP on loopback, as any mirror would serve it."""
    door = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", running.free_port()), door) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""
