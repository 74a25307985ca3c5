"""Key drills (docs/keys.md has their checklists): the house goes on, members follow or refuse."""

from __future__ import annotations

import pytest

from tests.keys.drill import Drill
from warifu.app import keys


def test_the_house_stands(drill: Drill) -> None:
    assert drill.goes()


@pytest.mark.parametrize(
    "name", ["root-1", "targets-2", "releases", "gates", "snapshot", "timestamp", "stops-resigner"]
)
def test_one_key_of_a_role_is_rotated(drill: Drill, name: str) -> None:
    rotated = keys.rotate(drill.office, name, drill.now())
    assert rotated.signed
    assert rotated.former.state == "retired"
    assert drill.goes()
    assert drill.goes(drill.new_member("another"))
    drill.again()
    drill.house.repository.lease(drill.now())
    assert drill.goes()
