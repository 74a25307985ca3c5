"""The four stories, told once for all tests: another product, another fleet, other dates.

At night they are also told as `make replay` tells them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from hypothesis import settings

from warifu.model.ledger import Event
from warifu_replay.cli import replay
from warifu_replay.running import free_port
from warifu_replay.source import Story
from warifu_replay.told import Teller, Verdict
from warifu_replay.town import Town

OTHER = Story(
    product="land-register-tool",
    members=120,
    first=date(2019, 4, 1),
    edition=date(2021, 6, 6),
    remedied=date(2021, 6, 8),
    planned=date(2021, 7, 4),
)


@dataclass(frozen=True)
class Told:
    """What the replay left behind."""

    town: Town
    verdicts: dict[str, Verdict]
    events: tuple[Event, ...]

    @property
    def story(self) -> Story:
        """What was told."""
        return self.town.story

    def of(self, kind: str, release: str = "") -> list[Event]:
        """Events of a kind, in order, about a release where one is named."""
        return [
            one for one in self.events
            if one.kind == kind and (not release or one.subject == release)
        ]  # fmt: skip


STORIES = (OTHER, Story()) if settings.get_current_profile_name() == "nightly" else (OTHER,)


@pytest.fixture(scope="session", params=STORIES, ids=lambda story: story.product)
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder: Path = tmp_path_factory.mktemp("replay")
    ports = free_port(), free_port()
    town, verdicts = replay(folder, request.param, Teller(quiet=True), ports)
    events = tuple(town.house.ledger.events())
    return Told(town, {one.story: one for one in verdicts}, events)
