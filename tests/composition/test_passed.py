"""Every case that must pass, for install, update and repair programs alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.composition import naive
from tests.composition.bench import Bench
from tests.composition.passed import PASSED
from tests.composition.stage import Stage, played
from warifu_wire.digest import of_bytes
from warifu_wire.manifest import Kind


@pytest.mark.parametrize(("kind", "number"), played(PASSED))
def test_passes_without_an_alarm(bench: Bench, kind: Kind, number: str, tmp_path: Path) -> None:
    stage = Stage(bench, kind, tmp_path)
    case = PASSED[number]
    candidate = case.act(stage)
    made = stage.bench.compose(kind, candidate)
    if kind is Kind.UPDATE:  # the table in the docs has a row for each
        told = naive.detectors(stage, case.name, candidate)
        assert naive.harmless_row(number, case, None, told) in naive.PAGE.read_text("utf-8")
    if candidate is not None:
        assert made.artifact == of_bytes(candidate)
        assert (candidate == stage.packed()) == (made.normalised == ())
    assert stage.bench.verify(made).evidence
