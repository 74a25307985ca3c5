"""Every case that must be caught, for install, update and repair programs alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.composition.bench import Bench
from tests.composition.caught import CAUGHT, Case
from tests.composition.stage import Stage
from warifu_wire.errors import Refusal
from warifu_wire.manifest import Kind


@pytest.mark.parametrize("number", CAUGHT)
@pytest.mark.parametrize("kind", list(Kind))
def test_caught_with_class_member_and_commit(
    bench: Bench, kind: Kind, number: str, tmp_path: Path
) -> None:
    case = CAUGHT[number]
    stage = Stage(bench, kind, tmp_path)
    with pytest.raises(Refusal) as caught:
        _play(case, stage)
    _is(case, stage, caught.value)


def _play(case: Case, stage: Stage) -> None:
    """A case that gives an archive is judged by it; the others raise while they are played."""
    stage.bench.compose(stage.kind, case.act(stage))


def _is(case: Case, stage: Stage, refusal: Refusal) -> None:
    if refusal.reason != "contaminated":
        assert refusal.reason == case.wanted
        assert not case.member or case.member in refusal.facts.values()
        return
    findings = {one["member"]: one for one in json.loads(refusal.facts["findings"])}
    assert case.member in findings, findings.keys()
    found = findings[case.member]
    assert found["class"] == case.wanted
    if case.commit:
        assert found["origin"]["commit"] == stage.commits[case.commit]
