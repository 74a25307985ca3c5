"""A member's machine in a box: the public address, the real programs, and nothing else of ours."""

from __future__ import annotations

import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from warifu.engines.probe.machines import Machines
from warifu.engines.probe.origin import Look, PublicOrigin
from warifu.engines.probe.recipe import Step
from warifu.engines.probe.steps import since, take
from warifu.model.probe import Done, Run
from warifu_wire import dsse, routes
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Fault, Mismatch, Refusal
from warifu_wire.routes import Routes
from warifu_wire.times import Instant


@dataclass(frozen=True, slots=True)
class MachineBox:
    """`ports_watch.Box` from commands; `known` are further words that steps may name."""

    origin: PublicOrigin
    machines: Machines
    steps: tuple[Step, ...]
    known: Mapping[str, str]
    now: Callable[[], Instant] = lambda: datetime.now(UTC).replace(microsecond=0)

    def run(self, product: str, release: Digest) -> Run:
        """Fetch one release back, then every step in order on each machine it is meant for."""
        run = Run(product, release, 0, self.origin.address, {}, (), self.now(), self.now())
        start = time.monotonic_ns()
        try:
            with self.origin.look() as look:
                found, fetched = fetch(look, product, release)
            before = tuple(self.machines.fitting(found, release))
            if not before:
                raise Refusal("nobody-is-offered", needed="a machine with what it is for")
        except (Refusal, Fault) as error:
            told = str(error)
            done = Done("fetch", False, of_bytes(told.encode()), since(start), told)
            return replace(run, steps=(done,), ended=self.now())
        lines = "".join(f"{path} {one}\n" for path, one in fetched.items())
        steps = [Done("fetch", True, of_bytes(lines.encode()), since(start))]
        for one in before:
            steps += self._used(product, release, one)
            if not steps[-1].ok:
                break
        return replace(
            run, routes_seq=found.seq, fetched=fetched, steps=tuple(steps), ended=self.now()
        )

    def _used(self, product: str, release: Digest, before: Digest | None) -> list[Done]:
        """Every step on one machine; a machine that went all the way is kept."""
        with tempfile.TemporaryDirectory(prefix="warifu-probe-") as name:
            folder = Path(name)
            (folder / "root.json").write_bytes(self.origin.root)
            self.machines.set_up(folder / "machine", before)
            known = {
                **self.known,
                "address": self.origin.address,
                "folder": name,
                "machine": str(folder / "machine"),
                "password": secrets.token_hex(16),
                "product": product,
                "python": sys.executable,
                "release": release,
                "root": str(folder / "root.json"),
            }
            done: list[Done] = []
            for step in self.steps:
                if step.fresh and before is not None:
                    continue
                done.append(take(step, known, folder))
                if not done[-1].ok:
                    return done
            self.machines.keep(folder / "machine", release)
            return done


def fetch(look: Look, product: str, release: Digest) -> tuple[Routes, dict[str, Digest]]:
    """Fetch every file of a release from the public address and hash it: the routes, the digests.

    Raises `Refusal` when the routes in force do not offer it, `Mismatch` when a file differs.
    """
    data = look.read(f"routes/{product}.json")
    if data is None:
        raise Refusal("no-routes", needed="published routes", product=product)
    found = routes.read(dsse.parse(data, routes.PAYLOAD_TYPE).payload, product)
    offer = found.offer(release)
    if offer is None:
        raise Refusal("not-offered", needed="a release of the routes in force", release=release)
    fetched: dict[str, Digest] = {}
    for path, wanted in sorted(offer.files.items()):
        served = look.read(path)
        if served is None:
            raise Refusal("not-served", needed=wanted, path=path)
        fetched[path] = of_bytes(served)
        if fetched[path] != wanted:
            raise Mismatch("served-differs", needed=wanted, found=fetched[path], path=path)
    return found, fetched
