"""A house on the scale-out forms: PostgreSQL, a bucket, and the road's first steps on both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.contract import forms
from tests.contract.forms import Place
from tests.story import small as stories
from tests.story.small import NOW, Small
from warifu.app import config as configs
from warifu.app import road
from warifu.engines.depot.bucket import BucketDepot
from warifu.engines.ledger import queries
from warifu.engines.ledger.store import DatabaseLedger
from warifu_wire.digest import digest


@pytest.fixture
def small(place: Place, tmp_path: Path) -> Iterator[Small]:
    """A founded house whose ledger and depot are then elsewhere."""
    made = stories.found(tmp_path)
    where = made.source / configs.NAME
    text = where.read_text()
    assert text.count("\n[policy]") == 1
    forms_ = f'ledger = "{place.database("postgres")}"\nstore = "{forms.bucket("wired")}"\n'
    where.write_text(text.replace("\n[policy]", f"{forms_}\n[policy]"))
    yield made
    made.end()


def test_a_program_is_published_from_postgresql_and_a_bucket(small: Small) -> None:
    stories.signed(small)
    house = small.house()
    assert not road.publish(house, NOW)
    release = stories.release(house)
    ledger = DatabaseLedger(house.config.service.ledger)
    (found,) = queries.published(ledger.alias)
    assert found.release == release
    assert isinstance(house.depot, BucketDepot)
    assert house.depot.size(digest(found.publication["artifact"])) is not None
    assert ledger.verify() == ledger.head()[0] > 5
    ledger.close()
    assert not (small.state / "depot").exists()
    with closing(DatabaseLedger(small.state / "ledger.sqlite")) as unused:
        assert unused.verify() == 0
