"""The published tree in memory: the rules of what may follow what, without TUF or a disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from warifu.model import publication
from warifu.model.ports import Depot
from warifu.model.publication import Current, Expiring, Renewal
from warifu_wire import dsse, fields
from warifu_wire.digest import Digest
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Refusal
from warifu_wire.gates import Gates
from warifu_wire.policy import KeyState, People, Rules
from warifu_wire.stops import Stops
from warifu_wire.times import Instant

LEASE = timedelta(minutes=10)


class MemoryRepository:
    """`ports.Repository` by the same rules; `read` is what a fresh client would be served."""

    def __init__(self) -> None:
        self._products: dict[str, Current] = {}
        self._files: dict[str, bytes] = {}
        self._policy: tuple[Rules, People] | None = None
        self._version = 0

    def create(self, rules: Rules, people: People, products: Iterable[str], now: Instant) -> None:
        """The policy, and empty files of each product."""
        if self._policy not in (None, (rules, people)):
            raise Refusal("tree-exists", needed="`policy` to change it")
        self._policy = (rules, people)
        for product in products:
            self.welcome(product, now)

    def welcome(self, product: str, now: Instant) -> None:
        """Empty stops and gates."""
        if self._policy is None:
            raise Refusal("no-tree", needed="`create` first")
        if product not in self._products:
            empty = Stops(product, ()), Gates(product, ())
            self._put(Current(product, None, *empty, *self._policy, {}), now)

    def current(self, product: str) -> Current:
        """What is published of a product."""
        if product not in self._products:
            raise Refusal("unknown-product", needed="a welcomed product", product=product)
        return self._products[product]

    def enact(
        self, routes: Envelope, files: Mapping[str, Digest], depot: Depot, now: Instant
    ) -> None:
        """The routes, with the bytes of every file."""
        product = fields.text(fields.table(dsse.payload(routes)).get("product"))
        found = publication.follows(self.current(product), routes, now)
        if found is None:
            return
        missing = publication.needed_files(found).keys() - files.keys() - self._files.keys()
        if missing:
            raise Refusal("file-not-given", needed="its bytes", path=min(missing))
        self._files |= {path: depot.get(content) for path, content in files.items()}
        self._put(replace(self.current(product), routes=routes), now)

    def narrow(self, stops: Stops, key: str, now: Instant) -> None:
        """A longer list; `key` is the id of somebody on call or of the alarm."""
        current = self.current(stops.product)
        if not publication.narrowed(current, stops):
            return
        if not any(one.id == key and one.roles & {"oncall", "alarm"} and _active(one.keys)
                   for one in current.people.people):  # fmt: skip
            raise Refusal("not-on-call", needed="a person on call or the alarm", key=key)
        self._put(replace(current, stops=stops), now)

    def widen(self, gates: Gates, now: Instant) -> None:
        """Gates that open the next stages."""
        current = self.current(gates.product)
        if publication.widened(current, gates, now):
            self._put(replace(current, gates=gates), now)

    def policy(
        self, rules: Rules, people: People, now: Instant, routes: Iterable[Envelope] = ()
    ) -> None:
        """Rules and people; live routes must hold under them."""
        views = {name: replace(one, rules=rules, people=people)
                 for name, one in self._products.items()}  # fmt: skip
        for envelope in routes:
            product = fields.text(fields.table(dsse.payload(envelope)).get("product"))
            publication.follows(views[product], envelope, now)
            views[product] = replace(views[product], routes=envelope)
        for name, one in views.items():
            if one.routes is not None:
                publication.signed_routes(one.routes, name, rules, people)
        self._policy = (rules, people)
        for one in views.values():
            self._put(one, now)

    def reseal(self, now: Instant) -> tuple[str, ...]:
        """Nobody signs in memory."""
        del now
        return ()

    def condense(self, product: str, depot: Depot, now: Instant) -> tuple[str, ...]:
        """Nothing is downloaded from memory."""
        del product, depot, now
        return ()

    def lease(self, now: Instant) -> Renewal:
        """A newer version."""
        for one in self._products.values():
            self._put(one, now)
        return Renewal(self._version, now + LEASE, (), ())

    def expiring(self, now: Instant) -> tuple[Expiring, ...]:
        """Nothing ends in memory."""
        del now
        return ()

    def read(self, path: str) -> bytes | None:
        """`ports.Origin`: the bytes a client would be served."""
        return self._files.get(path)

    def _put(self, current: Current, now: Instant) -> None:
        self._version = max(self._version + 1, int(now.timestamp()))
        product = current.product
        self._products[product] = current
        self._products = {
            name: replace(one, versions={"timestamp": self._version})
            for name, one in self._products.items()
        }
        self._files[f"stops/{product}.json"] = current.stops.to_bytes()
        self._files[f"gates/{product}.json"] = current.gates.to_bytes()
        if current.routes is not None:
            self._files[f"routes/{product}.json"] = current.routes.to_bytes()


def _active(keys: Iterable[tuple[object, KeyState]]) -> bool:
    return any(state is KeyState.ACTIVE for _, state in keys)
