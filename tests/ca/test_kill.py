"""SIGKILL at every step of a redemption: nothing lost, no second key, the audit whole."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import pytest

from tests.ca import member
from tests.ca.conftest import PASSPHRASE, Clock, copied
from tests.ca.program import served
from tests.forks import fork, leave, left
from tests.night import NIGHT
from warifu_ca import audit, doors, issuing, letters, names
from warifu_ca.authority import Authority, opened

pytestmark = pytest.mark.repeats

ONE = names.Holder("0001", "会員 一号", "MEMBER 0001")


class Executioner:
    """Kills this process at the k-th call the authority makes or receives once it changes rows."""

    def __init__(self, at: int) -> None:
        self.left = at
        self.begun = False

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        if event not in {"call", "c_call"} or "warifu_" not in frame.f_code.co_filename:
            return
        self.begun = self.begun or frame.f_code.co_name == "change"
        self.left -= self.begun
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def killed(authority: Authority, body: bytes, at: int) -> bool:
    """Answer a request in a process killed at call `at`; whether it was killed before the end."""
    child = fork()
    if child == 0:
        try:
            sys.setprofile(Executioner(at))
            doors.reply(authority, "POST", "/window/v1/redeem", body)
            sys.setprofile(None)
            leave(0)
        finally:
            leave(1)
    code = left(child)
    assert code in {0, -signal.SIGKILL}
    return code != 0


def fresh_copy(authority: Authority, folder: Path, clock: Clock) -> Authority:
    """The authority as it is now, where the last copy was."""
    shutil.rmtree(folder, ignore_errors=True)
    return copied(authority, folder, clock)


@pytest.mark.parametrize(
    ("profile", "step"),
    [(issuing.DEFAULT, 1 if NIGHT else 4), (issuing.COMPATIBILITY, 1 if NIGHT else 16)],
)
def test_killed_anywhere_in_a_redemption(
    authority: Authority, clock: Clock, tmp_path: Path, profile: str, step: int
) -> None:
    made = letters.write(authority, ONE, profile, "p-256")
    request = member.csr(member.key()) if profile == issuing.DEFAULT else None
    body = member.redemption(member.Letter(made.reference, made.pin), request, clock())
    authority.store.db.close()
    points = step
    committed = 0
    while killed(fresh := fresh_copy(authority, tmp_path / "copy", clock), body, points):
        points += step
        committed += len(of_letter(fresh))
        before = of_letter(fresh)
        reply = doors.reply(fresh, "POST", "/window/v1/redeem", body)
        told = json.loads(reply.body)
        assert reply.status == 200, told
        assert of_letter(fresh) == [told["sha256"]]
        assert before in ([], [told["sha256"]])
        whole(fresh)
        fresh.store.db.close()
    assert points > 50
    assert committed > 0
    print(
        f"killed at {points // step - 1} points of a redemption ({profile}),"
        f" {committed} after the commit"
    )


def of_letter(authority: Authority) -> list[str]:
    """The certificates that letters yielded."""
    rows = authority.store.db.execute(
        "SELECT sha256 FROM certificate WHERE reference IS NOT NULL ORDER BY sha256"
    )
    return [row["sha256"] for row in rows]


def whole(authority: Authority) -> None:
    """The file is sound, and audit and rows tell the same."""
    db = authority.store.db
    assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    told = [entry.facts["serial"] for entry in audit.entries(db) if entry.kind == "issued"]
    kept = db.execute("SELECT serial FROM certificate WHERE member IS NOT NULL")
    assert sorted(map(str, told)) == sorted(row["serial"] for row in kept)


def test_the_serving_program_killed_under_load_loses_nothing(today: Path) -> None:
    authority = opened(today, PASSPHRASE)
    made = [letters.write(authority, one_of_many(number)) for number in range(12)]
    bodies = [
        member.redemption(
            member.Letter(one.reference, one.pin), member.csr(member.key()), datetime.now(UTC)
        )
        for one in made
    ]
    answers: dict[int, str] = {}

    def ask(address: tuple[str, int], number: int) -> None:
        try:
            status, told = member.ask(address, "redeem", bodies[number])
        except (OSError, member.http.client.HTTPException):
            return
        assert status == 200, told
        assert answers.setdefault(number, told["sha256"]) == told["sha256"]

    with served(today) as (address, process), ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(ask, address, number) for number in range(12)]
        while not answers:
            time.sleep(0.005)
        process.kill()
    for done in waiting:
        done.result()
    interrupted = 12 - len(answers)
    with served(today) as (address, _):
        for number in range(12):
            ask(address, number)
    assert interrupted > 0
    assert len(answers) == 12
    assert of_letter(authority) == sorted(answers.values())
    whole(authority)


def one_of_many(number: int) -> names.Holder:
    """A member by number."""
    return names.holder(f"{number:04d}", "会員", f"MEMBER {number:04d}")
