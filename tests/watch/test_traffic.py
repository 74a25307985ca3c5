"""Traffic, in memory and on SQLite: verified, each report once, none lost that was acknowledged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from warifu.engines.traffic.store import SqliteTraffic
from warifu.model.ports_watch import Traffic
from warifu.testing import memory_signer
from warifu.testing_watch import MemoryTraffic
from warifu_wire.digest import of_bytes
from warifu_wire.dsse import Envelope, seal
from warifu_wire.errors import Fault, Malformed, Refusal
from warifu_wire.outcome import Outcome, Phase, Result

NOW = datetime(2012, 2, 5, 5, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
RELEASE = of_bytes(b"release")
MEMBER = "member 0001"


@pytest.fixture(params=["memory", "sqlite"])
def traffic(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Traffic]:
    """An empty traffic of each form."""
    if request.param == "memory":
        yield MemoryTraffic()
    else:
        made = SqliteTraffic(tmp_path / "state" / "traffic.sqlite")
        yield made
        made.close()


def enrolled(traffic: Traffic, name: str, member: str = "") -> str:
    """An installation with the key of that name, confirmed by a member if one is given."""
    made = traffic.enrol(memory_signer(name).public.to_json(), NOW)
    if member:
        traffic.confirm(made, member, NOW)
    return made


def told(
    installation: str,
    counter: int = 1,
    phase: Phase = Phase.COMMIT,
    result: Result = Result.OK,
    attempt: str = "",
) -> Outcome:
    """A report."""
    return Outcome(
        *("tool", 1, installation, counter, attempt or f"attempt {counter}", RELEASE, None),
        *(phase, result, "", NOW),
    )


def signed(outcome: Outcome, name: str) -> Envelope:
    """The report signed by the key of that name."""
    return outcome.envelope().signed(outcome.installation, memory_signer(name).sign)


def codes(traffic: Traffic, *envelopes: Envelope) -> list[str]:
    """What became of each."""
    receipts = traffic.accept(envelopes, NOW)
    assert [one.payload for one in receipts] == [one.digest for one in envelopes]
    return [one.refused for one in receipts]


def kept(traffic: Traffic) -> list[int]:
    """The counters on record for confirmed members."""
    found = traffic.records(RELEASE, since=NOW, until=LATER, known_before=LATER)
    return sorted(one.outcome.counter for one in found)


def test_one_id_a_key(traffic: Traffic) -> None:
    """128 random bits, the same for the same key however it is named; another for another."""
    one, again, other = (enrolled(traffic, name) for name in ("a", "a", "b"))
    assert one == again != other
    assert len(bytes.fromhex(one)) == 16
    found = traffic.installation(one)
    assert found is not None
    assert (found.key.value, found.member) == (memory_signer("a").public.value, None)
    assert traffic.installation("unknown") is None
    with pytest.raises(Malformed):
        traffic.enrol({"keytype": "ed25519"}, NOW)


def test_confirmed_by_the_member(traffic: Traffic) -> None:
    """Confirmed at most five a member; what nobody enrolled cannot be."""
    mine = [enrolled(traffic, str(number), MEMBER) for number in range(5)]
    with pytest.raises(Refusal) as refused:
        enrolled(traffic, "5", MEMBER)
    assert refused.value.reason == "too-many-installations"
    assert traffic.confirm(mine[0], MEMBER, LATER).confirmed == NOW
    with pytest.raises(Refusal) as refused:
        traffic.confirm("unknown", MEMBER, NOW)
    assert refused.value.reason == "installation-unknown"


def test_reports_come_back_as_told(traffic: Traffic) -> None:
    """Everything a report says is there again, with whose it is and when it came."""
    id_ = enrolled(traffic, "a", MEMBER)
    outcome = replace(
        told(id_, 7, Phase.TRIAL, Result.FAILED), origin=of_bytes(b"old"), failure="abi-mismatch"
    )
    assert codes(traffic, signed(outcome, "a")) == [""]
    (found,) = traffic.records(RELEASE, since=NOW, until=LATER, known_before=LATER)
    assert (found.member, found.outcome, found.received) == (MEMBER, outcome, NOW)
    assert found.payload == outcome.envelope().digest


def test_which_reports_are_given(traffic: Traffic) -> None:
    """By release, by when it came, by when the member had confirmed; unconfirmed ones never."""
    id_, stray = enrolled(traffic, "a", MEMBER), enrolled(traffic, "b")
    codes(traffic, signed(told(id_), "a"), signed(told(stray), "b"))
    assert kept(traffic) == [1]
    none: list[object] = []
    before, second = NOW - timedelta(hours=1), timedelta(seconds=1)
    for release, since, until, known in (
        (of_bytes(b"other"), NOW, LATER, LATER),
        (RELEASE, NOW + second, LATER, LATER),
        (RELEASE, before, NOW, LATER),
        (RELEASE, NOW, LATER, NOW),
    ):
        assert list(traffic.records(release, since=since, until=until, known_before=known)) == none


def test_a_repeat_counts_once(traffic: Traffic) -> None:
    """Sent again, signed again, twice in one post: accepted, and counted once."""
    id_ = enrolled(traffic, "a", MEMBER)
    one = signed(told(id_), "a")
    twice = replace(one, signatures=(*one.signatures, ("another name", one.signatures[0][1])))
    assert codes(traffic, one, one) == ["", ""]
    assert codes(traffic, twice) == [""]
    assert kept(traffic) == [1]


def test_said_differently_is_refused(traffic: Traffic) -> None:
    """One counter, or one phase of one attempt, with two contents: the first stays."""
    id_ = enrolled(traffic, "a", MEMBER)
    first = told(id_, 1, attempt="a")
    other = told(id_, 1, Phase.TRIAL, Result.FAILED, attempt="b")
    turned = told(id_, 2, Phase.COMMIT, Result.FAILED, attempt="a")
    assert codes(traffic, *(signed(one, "a") for one in (first, other, turned))) == [
        "",
        "counter-taken",
        "told-before",
    ]
    begun = told(id_, 3, Phase.COMMIT, Result.STARTED, attempt="a")
    assert codes(traffic, signed(begun, "a")) == [""]
    assert kept(traffic) == [1, 3]


def test_order_does_not_matter_but_a_leap_does(traffic: Traffic) -> None:
    """A late one is taken, in whatever order; a counter from nowhere is not."""
    id_ = enrolled(traffic, "a", MEMBER)
    assert codes(traffic, *(signed(told(id_, n), "a") for n in (3, 1, 2))) == ["", "", ""]
    assert codes(traffic, signed(told(id_, 10_004), "a")) == ["counter-too-far"]
    assert codes(traffic, signed(told(id_, 10_003), "a")) == [""]
    assert kept(traffic) == [1, 2, 3, 10_003]


def test_strangers_and_forgers(traffic: Traffic) -> None:
    """Unknown machines, other keys, changed payloads or types; a bad one spoils no good one."""
    id_ = enrolled(traffic, "a", MEMBER)
    good = signed(told(id_, 1), "a")
    changed = replace(good, payload=told(id_, 2).envelope().payload)
    foreign = seal("application/json", told(id_, 4).to_json())
    no_phase = told(id_, 5).to_json()
    assert isinstance(no_phase, dict)
    no_phase["phase"] = "dance"
    assert codes(
        traffic,
        signed(told("0" * 32, 1), "a"),
        signed(told(id_, 1), "b"),
        changed,
        told(id_, 3).envelope(),
        foreign.signed(id_, memory_signer("a").sign),
        seal(good.payload_type, no_phase).signed(id_, memory_signer("a").sign),
        good,
    ) == [
        "installation-unknown",
        "signature-wrong",
        "signature-wrong",
        "signature-wrong",
        "wrong-payload-type",
        "not-an-outcome",
        "",
    ]
    assert kept(traffic) == [1]


def test_old_reports_are_forgotten_but_the_newest_of_each_machine(traffic: Traffic) -> None:
    one, two = enrolled(traffic, "one", MEMBER), enrolled(traffic, "two", MEMBER)
    for number in (1, 2, 3):
        traffic.accept([signed(told(one, number), "one")], NOW)
    traffic.accept([signed(told(two), "two")], NOW)
    assert traffic.forget(LATER) == 0  # the ledger has not named them yet
    batch = traffic.seal()
    assert batch is not None
    traffic.sealed(batch)
    assert traffic.forget(NOW) == 0
    assert traffic.forget(LATER) == 2
    assert traffic.forget(LATER) == 0
    known = traffic.records(RELEASE, since=NOW, until=LATER, known_before=LATER)
    assert [(record.outcome.installation, record.outcome.counter) for record in known] == [
        (one, 3),
        (two, 1),
    ]


def test_batches(traffic: Traffic) -> None:
    """A batch is the same until it was named; then the next begins where it ended."""
    assert traffic.seal() is None
    id_ = enrolled(traffic, "a", MEMBER)
    codes(traffic, *(signed(told(id_, n), "a") for n in (1, 2)))
    first = traffic.seal()
    assert first is not None
    codes(traffic, signed(told(id_, 3), "a"))
    assert traffic.seal() == first
    assert (first.first, first.last, first.count) == (1, 2, 2)
    traffic.sealed(first)
    second = traffic.seal()
    assert second is not None
    assert (second.first, second.last, second.count) == (3, 3, 1)
    assert second.digest != first.digest
    traffic.sealed(second)
    assert traffic.seal() is None


def test_four_hundred_at_once(tmp_path: Path) -> None:
    """400 failures, 40 at a time through two open stores: 400 on record."""
    path = tmp_path / "traffic.sqlite"
    stores = [SqliteTraffic(path), SqliteTraffic(path)]
    ids = [enrolled(stores[0], str(n), f"member {n:04}") for n in range(40)]

    def send(number: int) -> str:
        machine, counter = number % 40, number // 40 + 1
        one = signed(told(ids[machine], counter, Phase.TRIAL, Result.FAILED), str(machine))
        return stores[number % 2].accept([one], NOW)[0].refused

    with ThreadPoolExecutor(40) as pool:
        assert set(pool.map(send, range(400))) == {""}
    assert len(kept(stores[1])) == 400
    for store in stores:
        store.close()


ACCEPTING = """
import sys
from pathlib import Path
from tests.watch.test_traffic import NOW, enrolled, signed, told
from warifu.engines.traffic.store import SqliteTraffic
traffic = SqliteTraffic(Path(sys.argv[1]))
id_ = enrolled(traffic, "a")
counter = int(sys.argv[2])
while True:
    counter += 1
    assert traffic.accept([signed(told(id_, counter), "a")], NOW)[0].refused == ""
    print(counter, flush=True)
"""


def test_killed_while_taking_reports(tmp_path: Path) -> None:
    """Four kills: everything that was acknowledged is there, once, and nothing is half there."""
    path = tmp_path / "traffic.sqlite"
    traffic = SqliteTraffic(path)
    enrolled(traffic, "a", MEMBER)
    for kill in range(4):
        done = kept(traffic)
        with subprocess.Popen(
            [sys.executable, "-c", ACCEPTING, str(path), str(max(done, default=0))],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        ) as process:
            assert process.stdout is not None
            acknowledged = [int(process.stdout.readline()) for _ in range(kill % 4 + 1)]
            os.kill(process.pid, signal.SIGKILL)
            acknowledged += [int(line) for line in process.stdout if line.endswith("\n")]
        found = kept(traffic)
        assert set(acknowledged) <= set(found)
        assert found == list(range(1, len(found) + 1))
        assert len(found) - len(done) - len(acknowledged) <= 1
    traffic.close()


def a_folder(path: Path) -> None:
    """A folder where the file should be."""
    path.mkdir()


def noise(path: Path) -> None:
    """Something else under that name."""
    path.write_bytes(b"not a database" * 100)


@pytest.mark.parametrize("spoil", [a_folder, noise])
def test_a_file_that_cannot_be_used(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    """One clear fault."""
    path = tmp_path / "traffic.sqlite"
    spoil(path)
    with pytest.raises(Fault):
        SqliteTraffic(path)
