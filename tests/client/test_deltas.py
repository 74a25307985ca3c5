"""From the publication engine's own patches to a member's tree, over HTTP, by either format."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.client.provider import PRODUCT, Provider, Release, release
from tests.client.serving import Answer, Asked, Site, serving
from tests.targets.house import House
from warifu.engines.targets import deltas
from warifu.engines.targets.deltas import FORMATS, Format
from warifu.engines.targets.store import FolderStore
from warifu_client import applying, clock, looking, settings, transport
from warifu_client.ended import End
from warifu_client.layout import Layout
from warifu_client.machine import Machine, Means
from warifu_client.patching import FORMATS as READERS
from warifu_client.settings import Settings
from warifu_wire import canonical, delta
from warifu_wire.delta import Patch
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Fault, Malformed, Mismatch
from warifu_wire.manifest import Kind
from warifu_wire.routes import Tree

GOOD = b"raise SystemExit(0)\n"
SEED = random.Random(20120205)
LIBRARY = SEED.randbytes(200_000)
NEWER = LIBRARY[:90_000] + b"a function was added" + LIBRARY[90_000:]


def edition(library: bytes, **more: bytes) -> Release:
    files = {"start.py": GOOD, "lib/library.so": library, **more}
    return release(files, kind=Kind.INSTALL if library is LIBRARY else Kind.UPDATE)


OLD, NEW = edition(LIBRARY), edition(NEWER)


def offered(provider: Provider, *releases: Release) -> delta.Delta:
    """Publish these and the way between the last two, as the publication engine makes it."""
    provider.publish(*releases)
    store = FolderStore(provider.folder)
    way = deltas.lay(store, releases[-2].manifest, releases[-1].manifest)
    provider.put("releases", delta.path(PRODUCT, way.new, way.old), way.to_bytes())
    provider.sign_roles("releases")
    return way


@pytest.fixture
def installed(machine: Machine, provider: Provider) -> Machine:
    provider.publish(OLD)
    assert applying.apply(machine).end is End.INSTALLED
    return machine


def test_only_the_patch_travels(installed: Machine, provider: Provider, site: Site) -> None:
    way = offered(provider, OLD, NEW)
    site.asked.clear()
    assert applying.apply(installed).end is End.INSTALLED
    fetched = [one.path for one in site.asked if "/patches/" in one.path or "/blobs/" in one.path]
    patch = way.patches[of_bytes(NEWER)]
    assert fetched == [f"/{patch.path(of_bytes(NEWER))}"]
    assert not any(f"/{NEW.id}.{NEW.id}.json" in one.path for one in site.asked)
    assert looking.current(installed).tree is Tree.INTACT
    assert patch.size < 1_000


@pytest.mark.parametrize("harm", ["gone", "other bytes", "too long"])
def test_a_patch_that_fails_costs_the_whole_file_and_nothing_else(
    harm: str, installed: Machine, provider: Provider, site: Site
) -> None:
    offered(provider, OLD, NEW)

    def spoil(asked: Asked, answer: Answer) -> Answer:
        if "/patches/" not in asked.path:
            return answer
        bodies = {"gone": b"", "other bytes": b"x" * len(answer.body), "too long": b"x" * 9_999}
        return Answer(404 if harm == "gone" else 200, bodies[harm])

    site.mischief = spoil
    assert applying.apply(installed).end is End.INSTALLED
    assert looking.current(installed).release == NEW.id


def test_a_modified_base_is_never_patched_from(
    installed: Machine, provider: Provider, site: Site
) -> None:
    offered(provider, OLD, NEW)
    (installed.layout.current / "lib/library.so").write_bytes(LIBRARY[:-1] + b"!")
    site.asked.clear()
    assert applying.apply(installed).end is End.INSTALLED
    assert not any("/patches/" in one.path for one in site.asked)
    assert looking.current(installed).tree is Tree.INTACT


def test_a_delta_to_another_manifest_is_left_alone(
    installed: Machine, provider: Provider, site: Site
) -> None:
    provider.publish(OLD, NEW)
    other = edition(NEWER + b"more")
    way = replace(delta.between(OLD.manifest, other.manifest, {}), new=NEW.id)
    provider.put("releases", delta.path(PRODUCT, NEW.id, OLD.id), way.to_bytes())
    provider.sign_roles("releases")
    assert applying.apply(installed).end is End.INSTALLED
    assert looking.current(installed).release == NEW.id


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize(
    "pair", [(LIBRARY, NEWER), (b"a" * 8, b"new"), (LIBRARY, b""), (LIBRARY, LIBRARY)]
)
def test_both_sides_of_a_format_agree(form: Format, pair: tuple[bytes, bytes]) -> None:
    old, new = pair
    patch = form.make(old, new)
    deltas.checked(form, old, new, patch)
    assert READERS[form.name](old, patch, len(new)) == new
    with pytest.raises(Mismatch):
        deltas.checked(form, old, new + b"!", patch)


def test_both_sides_know_the_same_formats() -> None:
    assert READERS.keys() == FORMATS.keys()


def test_a_file_that_moved_is_patched_from_its_namesake() -> None:
    moved = release({"start.py": GOOD, "program/library.so": NEWER})
    assert [(one.path, two.path) for one, two in deltas.pairs(OLD.manifest, moved.manifest)] == [
        ("lib/library.so", "program/library.so")
    ]


def test_very_large_files_take_the_other_format(
    tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.publish(OLD, NEW)
    monkeypatch.setattr(deltas, "IN_MEMORY", 1_000)
    way = deltas.lay(FolderStore(provider.folder), OLD.manifest, NEW.manifest)
    assert {one.format for one in way.patches.values()} == {"zstd"}


def test_a_damaged_tree_makes_no_patch(provider: Provider) -> None:
    provider.publish(OLD, NEW)
    store = FolderStore(provider.folder)
    blob = provider.folder / "blobs" / of_bytes(NEWER)[:2] / f"{of_bytes(NEWER)}.zst"
    blob.write_bytes((provider.folder / "blobs" / _blob(LIBRARY)).read_bytes())
    with pytest.raises(Mismatch, match="tree-damaged"):
        deltas.lay(store, OLD.manifest, NEW.manifest)
    blob.unlink()
    with pytest.raises(Fault):
        deltas.lay(store, OLD.manifest, NEW.manifest)


def test_a_patch_that_is_no_smaller_is_not_made(provider: Provider) -> None:
    other = edition(SEED.randbytes(2_000))
    provider.publish(OLD, other)
    way = deltas.lay(FolderStore(provider.folder), OLD.manifest, other.manifest)
    assert way.patches == {}


def test_what_was_installed_by_hand_before_there_was_a_tree_gets_whole_files(
    provider: Provider,
) -> None:
    provider.publish(NEW)
    way = deltas.lay(FolderStore(provider.folder), OLD.manifest, NEW.manifest)
    assert way.patches == {}


def test_the_repository_adds_deltas_beside_the_routes_once(tmp_path: Path) -> None:
    house = House(tmp_path / "public").found()
    one, two = (house.release(text * 200, rank) for rank, text in enumerate(("one ", "two "), 1))
    house.publish(one, two)
    made = house.repository.condense("ledger-pad", house.depot, house.passes())
    assert made == (delta.path("ledger-pad", two.id, one.id),)
    version = house.repository.current("ledger-pad").versions["releases"]
    house.repository.condense("ledger-pad", house.depot, house.passes())
    assert house.repository.current("ledger-pad").versions["releases"] == version


def _blob(data: bytes) -> str:
    return f"{of_bytes(data)[:2]}/{of_bytes(data)}.zst"


# the format on the wire


def test_a_delta_is_read_as_it_was_written() -> None:
    patch = Patch(of_bytes(LIBRARY), "hdiff", of_bytes(b"patch"), 5)
    way = delta.between(OLD.manifest, NEW.manifest, {of_bytes(NEWER): patch})
    assert delta.read(way.to_bytes()) == way
    assert way.rebuilt(OLD.manifest) == NEW.manifest
    assert len(way.to_bytes()) < 1_000
    with pytest.raises(Mismatch, match="delta-does-not-fit"):
        way.rebuilt(edition(LIBRARY, **{"more.txt": b"more"}).manifest)


@pytest.mark.parametrize(
    ("field", "value"),
    [("kind", "other"), ("changed", [["a", "file"]]), ("changed", [["a", "odd", "0" * 64, 1]])],
)
def test_a_delta_out_of_form_is_malformed(field: str, value: object) -> None:
    told = json.loads(delta.between(OLD.manifest, NEW.manifest, {}).to_bytes())
    with pytest.raises(Malformed):
        delta.read(canonical.dumps({**told, field: value}))


def test_a_format_is_a_plain_word() -> None:
    bad = Patch(Digest("0" * 64), "../x", Digest("0" * 64), 1)
    way = delta.between(OLD.manifest, NEW.manifest, {of_bytes(NEWER): bad})
    with pytest.raises(Malformed, match="not-a-format"):
        delta.read(way.to_bytes())


def _open(house: House, release: Digest) -> None:
    """All stages of a plan, one after the other."""
    for stage in (1, 2, 3):
        house.open_gate(release, stage)


def test_a_member_updates_from_our_own_repository_by_its_patches(tmp_path: Path) -> None:
    """The publication engine's tree, its gates and its deltas; the updater's own road."""
    now = datetime.now(UTC).replace(microsecond=0)
    house = House(tmp_path / "public", now=now - timedelta(minutes=1)).found()
    text = "print('as it was')\n" + "# one line of many\n" * 400
    one = house.release(text, 1, Kind.INSTALL)
    two = house.release(text.replace("as it was", "corrected"), 2)
    house.publish(one)
    _open(house, one.id)
    with serving(house.folder) as site:
        layout = Layout(tmp_path / "machine")
        told = Settings(site.address, "ledger-pad")
        root = (house.folder / "metadata" / "1.root.json").read_bytes()
        settings.write(layout, told, root)
        machine = Machine(layout, told, Means(clock.system, transport.of(told)))
        house.repository.lease(datetime.now(UTC))
        assert applying.apply(machine).end is End.INSTALLED
        house.publish(one, two)
        _open(house, two.id)
        assert house.repository.condense("ledger-pad", house.depot, house.passes())
        house.repository.lease(datetime.now(UTC))
        site.asked.clear()
        assert applying.apply(machine).end is End.INSTALLED
    assert looking.current(machine).release == two.id
    fetched = [path.path for path in site.asked if path.path.startswith(("/blobs", "/patches"))]
    assert [path.split("/")[1] for path in fetched] == ["patches"]
