"""The page of a release and the page of its incident, from a house that published and stopped."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest

from tests.story import small as stories
from tests.story.small import NOW, Small
from warifu.app import halting, reading, reporting, road, standing
from warifu.app.wiring import House
from warifu.web.pages import pages
from warifu_wire.digest import Digest
from warifu_wire.stops import Halt

WHY = {"en": "It <cannot> sign.", "ja": "署名できません。"}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """A program that was published, and stopped by the person on call."""
    made = stories.found(tmp_path_factory.mktemp("small"))
    stories.signed(made)
    house = made.house()
    assert not road.publish(house, NOW)
    release = Digest(stories.release(house))
    assert halting.stop(house, release, Halt.STOPPED, WHY, NOW, by="oncall-1").in_force
    said = {"ja": "原因は<調査中>です。", "en": "The cause is <being sought>."}
    reporting.enter(house, release, "finding.recorded", said, NOW, NOW, by="oncall-1")
    yield made
    made.end()


@pytest.fixture
def house(small: Small) -> House:
    """The stopped house."""
    return small.house()


@pytest.fixture
def show(house: House) -> Callable[[str], tuple[str, str]]:
    """(status, text) of a page."""
    app = pages(house)

    def show(path: str) -> tuple[str, str]:
        told: list[str] = []
        path, _, query = path.partition("?")
        environ: dict[str, object] = {
            "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "wsgi.input": io.BytesIO(),
        }  # fmt: skip
        body = b"".join(app(environ, lambda status, _headers: told.append(status)))
        return told[0], body.decode()

    return show


def test_the_first_page_names_the_release_and_its_stop(
    show: Callable[[str], tuple[str, str]], house: House
) -> None:
    status, text = show("/?lang=en")
    assert status == "200 OK"
    assert f"/releases/{stories.release(house)}" in text
    assert "stopped by oncall-1" in text
    assert "It &lt;cannot&gt; sign." in text


def test_a_release_is_shown_with_what_it_rests_on_and_what_happened(
    show: Callable[[str], tuple[str, str]], house: House
) -> None:
    release = stories.release(house)
    _, text = show(f"/releases/{release}?lang=en")
    row = house.ledger.row("publication", release)
    assert row is not None
    for fact in (row["evidence"], row["artifact"], "publication.opened", "publication.stopped"):
        assert str(fact) in text
    kinds = [one.kind for one in house.ledger.events(subject=release)]
    assert all(kind in text for kind in kinds)


@pytest.mark.parametrize(
    ("language", "heading", "found"),
    [
        ("en", "Report on a defect", "The cause is <being sought>."),
        ("ja", "", "原因は<調査中>です。"),
    ],
)
def test_the_incident_is_the_report_with_the_events_it_rests_on(
    show: Callable[[str], tuple[str, str]], house: House, language: str, heading: str, found: str
) -> None:
    _, text = show(f"/incidents/{stories.release(house)}?lang={language}")
    assert heading in text
    assert found in unescape(text)
    assert found not in text
    seq, head = house.ledger.head()
    assert f"#{seq} {head}" in text


def test_what_is_offered_no_more_is_found_by_its_incident(
    show: Callable[[str], tuple[str, str]], house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = stories.release(house)
    bare = replace(standing.standing(house), releases=())
    monkeypatch.setattr(standing, "standing", lambda _: bare)
    for language, heading, kind in (("en", "Former releases", "install"),
                                    ("ja", "過去の版", "新規インストール")):  # fmt: skip
        _, text = show(f"/?lang={language}")
        assert heading in text
        assert f"<td>{kind}</td>" in text
        assert f"/incidents/{release}?lang={language}" in text


def test_a_worker_that_does_nothing_is_called_dead(house: House) -> None:
    assert reading.home(house, NOW).worker
    later = reading.home(house, NOW + timedelta(days=1))
    assert not later.leased
    assert "probe" in {one.verb for one in later.late}
    assert not later.worker


def test_the_ledger_is_shown_page_by_page(
    show: Callable[[str], tuple[str, str]], house: House
) -> None:
    seq, _ = house.ledger.head()
    _, text = show(f"/ledger?lang=en&before={seq}")
    assert f"<td>{seq - 1}</td>" in text
    assert f"<td>{seq}</td>" not in text
    _, text = show("/ledger?before=nonsense")
    assert f"<td>{seq}</td>" in text


def test_keys_style_and_what_is_not_there(show: Callable[[str], tuple[str, str]]) -> None:
    status, text = show("/keys?lang=en")
    assert status == "200 OK"
    assert "approver-1" in text
    assert show("/console.css")[0] == "200 OK"
    status, text = show("/releases/unknown0?lang=en")
    assert status.startswith("404")
    assert "unknown0" in text
