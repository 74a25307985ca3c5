"""After a publication its patches are made, beside whatever must not wait for them."""

from __future__ import annotations

from pathlib import Path

from tests.story import small as smalls
from tests.story.small import NOW
from warifu.app import road, work
from warifu_wire import delta
from warifu_wire.digest import digest
from warifu_wire.manifest import Kind

LONG = "# one line of many\n" * 200


def test_a_publication_is_followed_by_its_patches(tmp_path: Path) -> None:
    small = smalls.found(tmp_path)
    try:
        smalls.move_on(small, "Ver1.10", f"print('one')\n{LONG}")
        smalls.signed(small)
        assert not road.publish(small.house(), NOW)
        old = smalls.release(small.house())
        smalls.move_on(small, "Ver1.20", f"print('two')\n{LONG}")
        smalls.signed(small, Kind.INSTALL, Kind.UPDATE)
        assert not road.publish(small.house(), NOW)
        house = small.house()
        new = smalls.release(house, Kind.UPDATE)
        path = delta.path("small", digest(new), digest(old))
        assert house.origin.read(path) is None
        assert not {"condense", "probe"} & {
            one.verb for one in work.run(house, lambda: NOW, verbs=work.QUICK)
        }
        done = work.run(house, lambda: NOW, verbs=("condense",))
        assert [one.line for one in done] == [f"condense {one.subject[:16]}: done" for one in done]
        found = house.origin.read(path)
        assert found is not None
        assert [one.base for one in delta.read(found).patches.values()]
        assert not work.run(house, lambda: NOW, verbs=("condense",))
    finally:
        small.end()
