"""What may cross a room's edge: the house says no (`Refusal`), or the ground gave way (`Fault`)."""

from __future__ import annotations

from typing import ClassVar


class Refusal(Exception):
    """A rule said no: a stable code, the facts it was decided on, and what is needed to go on.

    Words for people are made in the doors, in Japanese and English, from `code` and `facts`.
    """

    code: ClassVar[str] = "refused"

    def __init__(self, code: str = "", *, needed: str, **facts: object) -> None:
        self.reason = code or self.code
        self.needed = needed
        self.facts: dict[str, str] = {name: str(value) for name, value in facts.items()}
        told = " ".join(f"{name}={value}" for name, value in self.facts.items())
        super().__init__(f"{self.reason}: {told}; needed: {needed}")


class Malformed(Refusal):
    """Bytes that do not have the form they must have."""

    code = "malformed"


class Mismatch(Refusal):
    """Two halves of the tally differ; both digests are named."""

    code = "mismatch"


class Contaminated(Refusal):
    """A composition holds bytes that the approved source does not."""

    code = "contaminated"


class SignoffMissing(Refusal):
    """Fewer distinct persons or keys signed than the rules ask for."""

    code = "signoff-missing"


class Stale(Refusal):
    """Evidence that was true once: expired, replayed, or older than what was seen before."""

    code = "stale"


class Stopped(Refusal):
    """The release is stopped, held or capped for this machine."""

    code = "stopped"


class Fault(Exception):
    """Disk, network or key store failed: nothing was decided; says what, and what to do."""

    def __init__(self, what: str, *, needed: str) -> None:
        self.what = what
        self.needed = needed
        super().__init__(f"{what}; needed: {needed}")
