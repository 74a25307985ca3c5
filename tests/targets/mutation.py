"""Bytes changed anywhere after the sign-off: what a member installs, or how it is refused."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from backports import zstd
from tuf.api.exceptions import DownloadError, RepositoryError

from tests.targets.house import House, Release
from tests.targets.member import Member, local
from warifu_wire.check import Go
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Refusal
from warifu_wire.manifest import Kind

REFUSED = (Refusal, RepositoryError, DownloadError, zstd.ZstdError, OSError, EOFError)


def prepared(folder: Path) -> tuple[House, Release, Release]:
    """A tree with a release open to everybody, and another one that was never approved."""
    house = House(folder / "public", now=datetime.now(UTC) - timedelta(seconds=100)).found()
    release = house.release("print('approved')", kind=Kind.INSTALL)
    house.publish(release)
    for stage in (1, 2, 3):
        house.open_gate(release.id, stage)
    other = house.release("print('not approved')", rank=2, kind=Kind.INSTALL)
    return house, release, other


def installed(member: Member) -> dict[str, Digest] | None:
    """What a member would put on its disk, by path; None when it is offered nothing."""
    found = member.decide()
    if not isinstance(found, Go):
        return None
    targets = member.refresh().targets
    for path in found.offer.files:
        targets.read(path)
    tree = {}
    for one in found.manifest.members:
        packed = (Path(member.address) / f"blobs/{one.sha256[:2]}/{one.sha256}.zst").read_bytes()
        data = zstd.decompress(packed)
        if of_bytes(data) != one.sha256 or len(data) != one.size:
            raise Refusal("blob-differs", needed=one.sha256)
        tree[one.path] = of_bytes(data)
    return tree


def changed(data: bytes, dice: random.Random, others: list[bytes]) -> bytes:
    """Other bytes: a bit flipped, some cut off or added, or another file's."""
    match dice.randrange(4):
        case 0 if data:
            place = dice.randrange(len(data))
            flipped = data[place] ^ (1 << dice.randrange(8))
            return data[:place] + bytes([flipped]) + data[place + 1 :]
        case 1 if data:
            return data[: dice.randrange(len(data))]
        case 2:
            return data + dice.randbytes(dice.randrange(1, 9))
        case _:
            return dice.choice([one for one in others if one != data])


def run(folder: Path, count: int, seed: int = 2012) -> Counter[str]:
    """Mutate `count` times; how often it was refused, unchanged in effect, or reached a member.

    A fifth of the mutations hit the depot between sign-off and publication, the rest the tree.
    """
    house, release, other = prepared(folder)
    dice = random.Random(seed)
    wanted = {one.path: one.sha256 for one in release.manifest.members}
    files = sorted(one for one in house.folder.rglob("*") if one.is_file())
    others = [one.read_bytes() for one in files] + [other.zip, other.manifest.to_bytes()]
    ends: Counter[str] = Counter()
    for number in range(count):
        member = local(house.folder, folder / f"member-{number}")
        if number % 5 == 0:
            ends[_before(house, other, dice, others, folder / f"tree-{number}")] += 1
            continue
        place = dice.choice(files)
        kept = place.read_bytes()
        place.write_bytes(changed(kept, dice, others))
        try:
            found = installed(member)
            ends["as approved" if found in (wanted, None) else "REACHED"] += 1
        except REFUSED:
            ends["refused"] += 1
        finally:
            place.write_bytes(kept)
            shutil.rmtree(member.folder)
    return ends


def _before(
    house: House, release: Release, dice: random.Random, others: list[bytes], folder: Path
) -> str:
    """A file of an approved release changes in the depot before it is published."""
    road = house.approve(house.routes(release))
    path, content = dice.choice(sorted(release.files.items()))
    kept = house.depot.get(content)
    shutil.copytree(house.folder, folder)
    target = House(folder, now=house.now, depot=house.depot)
    house.depot._held[content] = changed(kept, dice, others)
    try:
        target.repository.enact(road, release.files, house.depot, house.now)
    except REFUSED:
        return "refused"
    finally:
        house.depot._held[content] = kept
        shutil.rmtree(folder)
    return f"REACHED {path}"
