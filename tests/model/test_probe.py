"""Verdicts and sign-offs: about exactly what they name, signed by who may."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from warifu.model import probe, signoff
from warifu.model.people import everybody, persons, rules
from warifu.model.probe import Done, Run
from warifu.model.signoff import GoOn
from warifu.testing import memory_signer
from warifu_wire.digest import of_bytes
from warifu_wire.dsse import Envelope, seal
from warifu_wire.errors import Malformed, Mismatch, Refusal, SignoffMissing
from warifu_wire.statements import Predicate, Statement

NOW = datetime(2012, 2, 5, 5, tzinfo=UTC)
RELEASE = of_bytes(b"release")
PEOPLE = everybody(persons(2), lambda name: memory_signer(name).public)
RULES = rules(2, 600, 0)
GOOD = Done("install", True, of_bytes(b"output"), 12)
BAD = Done("start", False, of_bytes(b""), 3, "exit 1: plugin-not-loaded")
RUN = Run(
    "tool", RELEASE, 3, "http://127.0.0.1", {"manifests/tool/x.json": RELEASE}, (GOOD,), NOW,
    NOW + timedelta(seconds=5),
)  # fmt: skip
WANTED = GoOn("tool", RELEASE, 3, 2)


def signed(envelope: Envelope, *names: str) -> Envelope:
    """The envelope with these signatures."""
    for name in names:
        one = memory_signer(name)
        envelope = envelope.signed(one.public.keyid, one.sign)
    return envelope


def test_passed_and_failed() -> None:
    """Every step has to hold, and there has to be one; the first that did not is named."""
    assert (RUN.passed, RUN.failure) == (True, "")
    failed = replace(RUN, steps=(GOOD, BAD))
    assert (failed.passed, failed.failure) == (False, "start: exit 1: plugin-not-loaded")
    for empty in (replace(RUN, steps=()), replace(RUN, fetched={})):
        assert (empty.passed, empty.failure) == (False, "nothing-fetched")


def test_a_verdict_read_back() -> None:
    """Release, routes, end and result come back; the subjects are what was fetched."""
    for run in (RUN, replace(RUN, steps=(GOOD, BAD))):
        envelope = signed(run.statement().envelope(), "probe")
        found = probe.verdict(envelope, RULES, PEOPLE)
        assert (found.release, found.routes_seq, found.ended) == (RELEASE, 3, run.ended)
        assert found.passed is run.passed
        assert found.digest == envelope.digest
        assert found.subjects == {RELEASE}


def test_only_the_probe_says_so() -> None:
    """An approver's or the publisher's signature makes no verdict."""
    with pytest.raises(SignoffMissing):
        probe.verdict(signed(RUN.statement().envelope(), "approver-1", "publisher"), RULES, PEOPLE)


def test_malformed_verdicts() -> None:
    """A predicate without its fields, and one about another release than its subject."""
    bare = Statement({"release": RELEASE}, Predicate.PROBE, {"result": "PASSED"})
    with pytest.raises(Malformed):
        probe.verdict(signed(bare.envelope(), "probe"), RULES, PEOPLE)
    other = replace(RUN.statement(), subjects={"release": of_bytes(b"another")})
    with pytest.raises(Refusal) as refused:
        probe.verdict(signed(other.envelope(), "probe"), RULES, PEOPLE)
    assert refused.value.reason == "verdict-of-another"


def test_going_on_takes_the_approvers() -> None:
    """Both approvers for exactly this stage; one of them, or another stage, is not enough."""
    both = signed(WANTED.envelope(), "approver-1", "approver-2")
    assert signoff.signed(both, WANTED, RULES, PEOPLE) == both.digest
    with pytest.raises(SignoffMissing):
        signoff.signed(signed(WANTED.envelope(), "approver-1", "oncall-1"), WANTED, RULES, PEOPLE)
    with pytest.raises(Mismatch):
        signoff.signed(both, replace(WANTED, stage=3), RULES, PEOPLE)
    relabelled = seal("application/json", WANTED.to_json())
    with pytest.raises(Malformed):
        signoff.signed(relabelled, WANTED, RULES, PEOPLE)
