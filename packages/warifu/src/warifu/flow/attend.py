"""The desk: a case is opened with the caller's release on it, so that cases can raise an alarm."""

from __future__ import annotations

from warifu.model.case import Case, entitled
from warifu.model.ledger import Draft, Event, Row
from warifu.model.ports import Ledger
from warifu_wire.canonical import Json
from warifu_wire.routes import Routes


def attend(ledger: Ledger, case: Case, routes: Routes | None, *, by: str) -> Event:
    """Open a case and put the entitled remedy beside it; `at` is when it reached us."""
    facts: dict[str, Json] = {
        "channel": case.channel,
        "entitled": entitled(routes, case),
        "member": case.member,
        "release": case.release,
        "symptom": case.symptom.value,
    }
    return ledger.append(
        Draft(
            "case.opened",
            case.id,
            case.at,
            by,
            facts,
            key=f"case.opened/{case.id}",
            rows=(Row("case", case.id, facts),),
        )
    )[0]
