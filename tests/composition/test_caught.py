"""Every case that must be caught, for install, update and repair programs alike."""

from __future__ import annotations

import json
import re
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.composition import naive
from tests.composition.bench import Bench
from tests.composition.caught import CAUGHT, Case
from tests.composition.stage import Stage, played
from warifu_wire.errors import Refusal
from warifu_wire.manifest import Kind

DIGEST = re.compile(r"[0-9a-f]{64}")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("kind", "number"), played(CAUGHT))
def test_caught_with_class_member_and_commit(
    bench: Bench, kind: Kind, number: str, tmp_path: Path
) -> None:
    case = CAUGHT[number]
    stage = Stage(bench, kind, tmp_path)
    data, refusal = naive.played(stage, case.act)
    assert refusal is not None, "it was composed"
    _is(case, stage, refusal, data)
    if kind is Kind.UPDATE:  # the table in the docs has a row for each
        told = naive.detectors(stage, case.name, data or _delivered(case, stage))
        assert naive.caught_row(number, case, refusal, told) in naive.PAGE.read_text("utf-8")


def _delivered(case: Case, stage: Stage) -> bytes | None:
    """What a lying builder hands over; None where a case is not about an archive."""
    lies = {path: stage.later[path] for path in case.lies}
    return stage.changed(lies) if lies else None


def _is(case: Case, stage: Stage, refusal: Refusal, data: bytes | None) -> None:
    if refusal.reason != "contaminated":
        assert refusal.reason == case.wanted
        assert case.wanted.startswith("archive-") == ("member" in refusal.facts)
        if case.member:
            assert case.member in refusal.facts.values()
        elif not case.wanted.startswith("archive-"):
            assert DIGEST.fullmatch(refusal.needed)
            assert set(DIGEST.findall(refusal.facts["found"])) - {refusal.needed}
        return
    findings = {one["member"]: one for one in json.loads(refusal.facts["findings"])}
    assert {path.partition("!/")[0] for path in findings} == _differing(case, stage, data)
    found = findings[case.member]
    assert found["class"] == case.wanted
    if case.commit:
        assert found["origin"]["commit"] == stage.commits[case.commit]


def _differing(case: Case, stage: Stage, data: bytes | None) -> set[str]:
    """The members that are not as the clean build has them, read with the standard library."""
    if data is None:
        return set(case.lies)
    wanted = {path: ({"file": 0o644, "exec": 0o755, "link": 0o777}[one.mode], one.data)
              for path, one in stage.good.items()}  # fmt: skip
    with zipfile.ZipFile(BytesIO(data)) as opened:
        found = {
            one.filename: ((one.external_attr >> 16) & 0o777, opened.read(one))
            for one in opened.infolist()
        }
    return {path for path in wanted.keys() | found if wanted.get(path) != found.get(path)}


def test_the_sums_in_the_docs_are_the_sums_of_their_rows() -> None:
    for begin, count in (("caught", naive.caught_sum), ("harmless", naive.harmless_sum)):
        _, _, rest = naive.PAGE.read_text("utf-8").partition(f"<!-- {begin} -->\n")
        rows = rest.partition("<!-- end -->")[0].splitlines()
        assert rows[-1] == count(rows[2:-1])
        numbers = [one.split()[1] for one in rows[2:-1]]
        assert numbers == list(CAUGHT if begin == "caught" else naive.PASSED)
