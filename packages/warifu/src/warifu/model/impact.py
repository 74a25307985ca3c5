"""Impact: who downloaded, installed and was broken by a release, as of a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from warifu.model.outcomes import Record, bad
from warifu_wire import canonical, times
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.outcome import Phase, Result
from warifu_wire.times import Instant

INSTALLING = frozenset({Phase.SWITCH, Phase.TRIAL, Phase.COMMIT, Phase.REPAIR, Phase.ROLLBACK})


@dataclass(frozen=True, slots=True)
class Impact:
    """Members by what happened to them; each set holds the next one's cause, not the next one."""

    release: Digest
    as_of: Instant
    downloaded: frozenset[str]
    installed: frozenset[str]
    affected: frozenset[str]
    silent: frozenset[str]

    def to_json(self) -> dict[str, Json]:
        """The counts, and the digest of the lists, as a fact of the ledger."""
        lists: dict[str, Json] = {
            "affected": list[Json](sorted(self.affected)),
            "downloaded": list[Json](sorted(self.downloaded)),
            "installed": list[Json](sorted(self.installed)),
            "silent": list[Json](sorted(self.silent)),
        }
        return {
            "affected": len(self.affected),
            "as_of": times.spell(self.as_of),
            "downloaded": len(self.downloaded),
            "installed": len(self.installed),
            "lists": of_bytes(canonical.dumps(lists)),
            "release": self.release,
            "silent": len(self.silent),
        }


def impact(
    release: Digest, records: Iterable[Record], as_of: Instant, fetched: Iterable[str] = ()
) -> Impact:
    """The impact of a release, from the reports that came in until `as_of`.

    `fetched` are members who had it by the web server's log, whatever their machines told.
    Downloaded: the bytes arrived. Installed: the switch was made. Affected: it failed there.
    Silent: it began and nothing more was heard.
    """
    downloaded = set(fetched)
    installed: set[str] = set()
    affected: set[str] = set()
    begun: set[str] = set()
    ended: set[str] = set()
    for one in records:
        outcome = one.outcome
        if outcome.release != release or one.received > as_of:
            continue
        member, done = one.member, outcome.result is Result.OK
        if outcome.phase is not Phase.CHECK and (done or outcome.phase is not Phase.FETCH):
            downloaded.add(member)
        if outcome.phase in INSTALLING and outcome.result is not Result.REFUSED:
            installed.add(member)
        if outcome.result is Result.STARTED:
            begun.add(member)
        else:
            ended.add(member)
        if bad(outcome):
            affected.add(member)
    return Impact(
        release,
        as_of,
        frozenset(downloaded),
        frozenset(installed),
        frozenset(affected),
        frozenset(begun - ended),
    )
