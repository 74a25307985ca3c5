"""A machine's disk copied to another: neither speaks for the other, and nothing said is lost."""

from __future__ import annotations

import io
import shutil
from collections import Counter

import pytest

from tests.client.conftest import GOOD, Clock, Made
from tests.client.provider import Provider, release
from tests.client.serving import Answer, Asked, Site
from warifu.testing_watch import MemoryTraffic
from warifu.web.gate import Gate
from warifu_client import applying, identity, reporting
from warifu_client.ended import End
from warifu_client.machine import Machine
from warifu_client.starting import Started
from warifu_wire.digest import of_bytes
from warifu_wire.manifest import Kind


class _NoFiles:
    def holds(self, path: str) -> bool:
        """None."""
        return False

    def __call__(self, environ: object, start: object) -> list[bytes]:
        """Nothing."""
        return []


@pytest.fixture
def traffic(site: Site, clock: Clock) -> MemoryTraffic:
    """The provider's own book of machines and reports, behind its real door."""
    book = MemoryTraffic()
    gate = Gate(_NoFiles(), book, clock.now)  # type: ignore[arg-type]
    files = site.answer

    def answer(asked: Asked, body: bytes) -> Answer:
        if asked.method != "POST":
            return files(asked, body)
        found: list[int] = []
        asks = {"PATH_INFO": asked.path, "REQUEST_METHOD": "POST", "wsgi.input": io.BytesIO(body)}
        said = gate(asks, lambda status, _: found.append(int(status[:3])))  # type: ignore[arg-type]
        data = b"".join(said)
        return Answer(found[0], data)

    site.answer = answer  # type: ignore[method-assign]
    return book


FIRST = release({"start.py": GOOD, "main.py": b"first"}, kind=Kind.INSTALL)


@pytest.fixture
def first(made: Made, provider: Provider, traffic: MemoryTraffic) -> Machine:
    """A machine with a release, an id, and reports on record."""
    provider.publish(FIRST)
    machine = made()
    assert applying.apply(machine).end is End.INSTALLED
    assert identity.known(machine) in said(traffic)
    return machine


def said(traffic: MemoryTraffic) -> dict[str, list[int]]:
    """The counters on record, by machine."""
    found: dict[str, list[int]] = {}
    for one in traffic._records:
        found.setdefault(one.outcome.installation, []).append(one.outcome.counter)
    return found


def trouble(machine: Machine, what: str) -> None:
    """One more thing to report."""
    reporting.trouble(machine, of_bytes(what.encode()), 1, Started("does-not-start"))


def test_a_copied_machine_is_enrolled_again_and_what_both_said_is_kept(
    made: Made, first: Machine, traffic: MemoryTraffic
) -> None:
    name = identity.known(first)
    before = len(traffic._records)
    shutil.copytree(first.layout.root, first.layout.root.parent / "copy", symlinks=True)
    second = made("copy")
    both = (first, second)
    things = ["one", "two", "three", "four", "five"]
    for what in things:
        for machine in both:
            trouble(machine, what)
            reporting.send(machine)
    for machine in both:
        assert reporting.send(machine) == 0
        assert not list(machine.layout.outbox.glob("*.json"))
    found = Counter(one.outcome.release for one in traffic._records[before:])
    assert found == {of_bytes(what.encode()): 2 for what in things}, "said by both, each once"
    assert identity.known(second) != identity.known(first)
    assert identity.key(first).private_bytes_raw() != identity.key(second).private_bytes_raw()
    assert len(said(traffic)) <= 3, "each was enrolled again once at most"
    assert name in said(traffic)


def test_a_machine_that_the_provider_forgot_is_enrolled_again(
    first: Machine, traffic: MemoryTraffic
) -> None:
    name = identity.known(first)
    traffic._installations.clear()
    trouble(first, "one")
    assert reporting.send(first) == 1
    assert reporting.send(first) == 0
    own = identity.known(first)
    assert own != name
    assert len(said(traffic)[own]) == 1


def test_a_step_told_twice_under_two_numbers_is_no_other_machine(
    first: Machine, traffic: MemoryTraffic
) -> None:
    name = identity.known(first)
    record = traffic._records[-1].outcome
    again = reporting.Found(record.attempt, record.release, record.origin, record.gate)
    reporting.tell(first, again, record.phase, record.result, record.failure)
    assert reporting.send(first) == 0
    assert identity.known(first) == name


def test_killed_between_key_and_name_it_is_enrolled_by_the_next_report(
    first: Machine, traffic: MemoryTraffic
) -> None:
    name = identity.known(first)
    identity._made(first)  # as far as a killed one came
    trouble(first, "one")
    assert reporting.send(first) == 1
    assert reporting.send(first) == 0
    own = identity.known(first)
    assert own != name
    assert len(said(traffic)[own]) == 1


def test_while_nobody_gives_another_name_the_report_waits(
    first: Machine, traffic: MemoryTraffic, site: Site
) -> None:
    traffic._installations.clear()
    trouble(first, "one")

    def no_names(asked: Asked, answer: Answer) -> Answer:
        return Answer(503, b"") if asked.path == "/enrol" else answer

    site.mischief = no_names
    assert reporting.send(first) == 1
    assert reporting.send(first) == 1
    site.mischief = None
    assert reporting.send(first) == 1, "named now, and sent with the next reports"
    assert reporting.send(first) == 0
    assert len(said(traffic)[identity.known(first)]) == 1


def test_who_is_refused_another_name_keeps_no_report(
    first: Machine, traffic: MemoryTraffic, site: Site
) -> None:
    traffic._installations.clear()
    trouble(first, "one")

    def never(asked: Asked, answer: Answer) -> Answer:
        return Answer(403, b"{}") if asked.path == "/enrol" else answer

    site.mischief = never
    assert reporting.send(first) == 0
