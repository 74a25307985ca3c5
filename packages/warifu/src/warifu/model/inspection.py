"""Inspection: what a tree holds beyond the expected bytes, and whose it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from warifu.model import gate
from warifu.model.classes import Finding, Origin, Suspect, Witness
from warifu.model.edits import Effort
from warifu.model.judge import judge
from warifu.model.ports_source import Builder, Workshop
from warifu.model.program import Program
from warifu.model.recipe import Normaliser
from warifu.model.tree import File, Tree
from warifu_wire import canonical
from warifu_wire.errors import Contaminated

ATTEMPTS = 16
"""How many commits of a line are built, newest first, to find one that makes a compiled member."""
TOLD = 1_000
"""How many findings a refusal carries."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """Findings in the order of members, hopefully none; and what a declared normaliser cleared.

    `binary` are the approved and the found bytes of the first differing binary.
    """

    findings: tuple[Finding, ...]
    normalised: tuple[tuple[str, Normaliser], ...]
    binary: tuple[bytes, bytes] | None = None


def inspect(workshop: Workshop, program: Program, wanted: Tree, found: Tree) -> Inspected:
    """Compare, ask the histories about every difference, and judge each."""
    compared = gate.compare(wanted, found, program.recipe)
    if not compared.suspects:
        return Inspected((), compared.normalised)
    witnesses = workshop.sources.witnesses(program, compared.suspects)
    approved: dict[str, str] = {one.sha256: path for path, one in sorted(wanted.items())}
    effort = Effort()
    findings = tuple(
        judge(suspect, witness, approved, effort)
        for suspect, witness in _derived(workshop, program, compared.suspects, witnesses)
    )
    return Inspected(findings, compared.normalised, _binary(compared.suspects))


def _binary(suspects: Sequence[Suspect]) -> tuple[bytes, bytes] | None:
    for one in suspects:
        if one.found and one.expected and b"\0" in one.found.data + one.expected.data:
            return one.expected.data, one.found.data
    return None


def refuse(product: str, findings: Sequence[Finding], difference: str = "") -> None:
    """Raise `Contaminated` naming the first finding, and carrying the others, if there are any.

    `difference` is the digest of a closer look at a binary.
    """
    if not findings:
        return
    first = next((one for one in findings if one.origin is not None), findings[0])
    origin = first.origin
    facts: dict[str, str] = {
        "class": first.cls.value,
        "file": first.member,
        "findings": canonical.dumps([one.to_json() for one in findings[:TOLD]]).decode(),
        "members": str(len(findings)),
        "product": product,
    }
    if origin is not None:
        facts |= {
            "author": origin.author,
            "commit": origin.commit,
            "line": origin.line,
            "owner": origin.owner,
            "planned": origin.planned.isoformat() if origin.planned else "",
            "subject": origin.subject,
        }
    if difference:
        facts["difference"] = difference
    if first.hunks:
        facts["hunk"] = f"-{first.hunks[0].approved_at} +{first.hunks[0].found_at}"
    raise Contaminated(needed="exactly the approved bytes", **facts)


def _derived(
    workshop: Workshop,
    program: Program,
    suspects: Sequence[Suspect],
    witnesses: Sequence[Witness],
) -> Iterator[tuple[Suspect, Witness]]:
    """Add to the witnesses of made members the commit whose build makes the same bytes."""
    bench = _Bench(workshop, program)
    for suspect, witness in zip(suspects, witnesses, strict=True):
        made = program.recipe.makes(suspect.member)
        if made and suspect.found is not None and not witness.seen:
            witness = replace(witness, derived=bench.maker(suspect.member, suspect.found))
        yield suspect, witness


class _Bench:
    """Builds of other lines' commits, each done at most once."""

    def __init__(self, workshop: Workshop, program: Program) -> None:
        self._workshop = workshop
        self._program = program
        self._trees: dict[str, Tree] = {}
        self._lines: list[list[Origin]] | None = None

    def maker(self, member: str, found: File) -> Origin | None:
        """The first commit of a coming line whose build makes `found` at `member`."""
        if self._lines is None:
            later = self._workshop.sources.later(self._program)
            self._lines = [list(rows) for _, rows in groupby(later, key=lambda one: one.line)]
        for commits in self._lines:
            last = next(
                (
                    at
                    for at in range(len(commits) - 1, max(-1, len(commits) - 1 - ATTEMPTS), -1)
                    if self._makes(commits[at], member, found)
                ),
                None,
            )
            if last is not None:
                return commits[self._first(commits, last, member, found)]
        return None

    def _first(self, commits: Sequence[Origin], last: int, member: str, found: File) -> int:
        """The first of a run of commits that make the same; found by halving."""
        low, high = 0, last
        while low < high:
            middle = (low + high) // 2
            if self._makes(commits[middle], member, found):
                high = middle
            else:
                low = middle + 1
        return high

    def _makes(self, origin: Origin, member: str, found: File) -> bool:
        if origin.commit not in self._trees:
            builder: Builder = self._workshop.rebuilder
            source = self._workshop.sources.render(self._program, origin.commit)
            self._trees[origin.commit] = builder.build(source, self._program.recipe)
        made = self._trees[origin.commit].get(member)
        return made is not None and made.sha256 == found.sha256
