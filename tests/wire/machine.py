"""A machine and what one refresh gave it, without TUF: paths and bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.wire import sample
from warifu_wire import check
from warifu_wire.check import Go, Machine, Reading, Served, Stay
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.floors import Floors
from warifu_wire.routes import Health, Tree


@dataclass(frozen=True, slots=True)
class Paths:
    """Trusted targets by path."""

    files: dict[str, bytes]

    def digest(self, path: str) -> Digest | None:
        """The digest of a target."""
        return of_bytes(self.files[path]) if path in self.files else None

    def read(self, path: str) -> bytes | None:
        """The bytes of a target."""
        return self.files.get(path)


def files(**changed: bytes | None) -> dict[str, bytes]:
    """The sample as targets; `routes=…` and so on replace a file, None takes it away."""
    made = sample.manifest()
    product = sample.PRODUCT
    found: dict[str, bytes | None] = {
        "policy/rules.json": sample.rules().to_bytes(),
        "policy/people.json": sample.everybody().to_bytes(),
        f"stops/{product}.json": b"",
        f"gates/{product}.json": sample.gates().to_bytes(),
        f"routes/{product}.json": sample.approved().to_bytes(),
        f"manifests/{product}/{made.id}.json": made.to_bytes(),
        f"programs/{product}/{sample.ARCHIVE}.zip": b"archive",
        f"statements/{product}/{sample.vsa().digest}.json": sample.vsa().to_bytes(),
    }
    found[f"stops/{product}.json"] = type(sample.stops())(product, ()).to_bytes()
    names = {path.split("/")[0] if "policy" not in path else path[7:-5]: path for path in found}
    for name, data in changed.items():
        found[names[name]] = data
    return {path: data for path, data in found.items() if data is not None}


OLD = Machine(
    sample.PRODUCT, "volunteer-1", sample.OLD.id, Tree.INTACT, Digest("0" * 64), Health.OK
)


@dataclass
class Wall:
    """Clocks that move on at each reading by what a test says."""

    now: datetime = sample.NOW + timedelta(seconds=1)
    boot: float = 100.0
    steps: list[float] = field(default_factory=list)

    def __call__(self) -> Reading:
        """The next reading."""
        if self.steps:
            self.now += timedelta(seconds=self.steps.pop(0))
        return Reading(self.now, self.boot)


def decide(
    served: dict[str, bytes] | None = None,
    machine: Machine = OLD,
    floors: Floors = Floors(),
    clock: Wall | None = None,
    lease: float = 600,
    root: int = 1,
    policy: int = 1,
) -> Go | Stay:
    """Steps 3 to 13."""
    found = Served(root, policy, sample.NOW + timedelta(seconds=lease), Paths(served or files()))
    opened = check.opened(found, floors, clock or Wall())
    return opened.warned(machine.product).routed().decide(machine)
