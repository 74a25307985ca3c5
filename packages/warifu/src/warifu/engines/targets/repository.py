"""The repository: one fenced signer that stages a tree, checks it as a client would, signs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from warifu.engines.targets import blobs, ceremony, deltas, layout, rotation, staging
from warifu.engines.targets.layout import Lives
from warifu.engines.targets.staging import Draft
from warifu.engines.targets.store import Store
from warifu.engines.targets.tree import Tree, load
from warifu.model import publication
from warifu.model.ports import Depot, Keyring
from warifu.model.publication import Current, Expiring, Renewal
from warifu_wire import delta, dsse, gates, manifest
from warifu_wire.digest import Digest
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Refusal, Stale
from warifu_wire.gates import Gates
from warifu_wire.policy import People, Rules
from warifu_wire.routes import PAYLOAD_TYPE, Routes
from warifu_wire.stops import Stops
from warifu_wire.times import Instant

TRIES = 10
"""How often a change is decided anew when other signers of a shared store were faster."""


class TufRepository:
    """`ports.Repository` on a TUF tree in a store, signed with the keys of a keyring."""

    def __init__(self, store: Store, keyring: Keyring, lives: Lives = Lives()) -> None:
        self._store = store
        self._keys = keyring
        self._lives = lives

    def create(self, rules: Rules, people: People, products: Iterable[str], now: Instant) -> None:
        """The ceremony of the first tree; a tree of the same policy is left as it is."""
        with self._store.exclusive():
            found = load(self._store)
            if found is None:
                draft = ceremony.founding(self._keys, self._lives, rules, people, products, now)
                staging.publish(draft, self._store, self._keys, self._lives, now)
            elif (found.rules, found.people) != (rules, people):
                raise Refusal("tree-exists", needed="an empty folder, or `policy` to change it")
        for product in products:
            self.welcome(product, now)

    def welcome(self, product: str, now: Instant) -> None:
        """Explicit empty files, so that a missing file is never an empty one."""

        def change(tree: Tree) -> Draft | None:
            if product in tree.products:
                return None
            return (
                Draft(tree)
                .targets("stops", {f"stops/{product}.json": Stops(product, ()).to_bytes()})
                .targets("gates", {f"gates/{product}.json": Gates(product, ()).to_bytes()})
            )

        self._change(change, now)

    def current(self, product: str) -> Current:
        """What is published of a product; every signature verified."""
        return self._current(self._tree(), product)

    def enact(
        self, routes: Envelope, files: Mapping[str, Digest], depot: Depot, now: Instant
    ) -> None:
        """First every file they rest on, then the routes: a reader sees the old or the new."""
        product = staging.product_of(routes)

        def follow(tree: Tree) -> Routes | None:
            found = publication.follows(self._current(tree, product), routes, now)
            known = {path: one for path in files if (one := tree.digest(path)) is not None}
            publication.same(known.items(), files)
            return found

        if follow(self._tree()) is None:
            return
        infos = blobs.lay(self._store, files, depot)

        def change(tree: Tree) -> Draft | None:
            found = follow(tree)
            if found is None:
                return None
            kept = staging.resting(tree, found, infos)
            published = tree.roles["releases"].signed.targets
            others = {
                path: one for path, one in published.items() if staging.owner(path) != product
            }
            draft = Draft(tree).table("releases", others | kept)
            return draft.targets("releases", {f"routes/{product}.json": routes.to_bytes()})

        self._change(change, now)

    def condense(self, product: str, depot: Depot, now: Instant) -> tuple[str, ...]:
        """Patches along the routes in force, for those who hold an earlier release: what was added.

        Apart from `enact`, because it takes its time and only ever saves bytes.
        """
        road = self.current(product).road
        made: dict[str, bytes] = {}
        for old, new in () if road is None else sorted(set(deltas.ways(road))):
            if depot.size(old) is not None:
                before, after = (manifest.parse(depot.get(one)) for one in (old, new))
                way = deltas.lay(self._store, before, after)
                made[delta.path(product, new, old)] = way.to_bytes()

        def change(tree: Tree) -> Draft | None:
            if self._current(tree, product).road != road:
                return None
            lacking = {path: one for path, one in made.items() if tree.read(path) != one}
            return Draft(tree).targets("releases", lacking) if lacking else None

        self._change(change, now)
        return tuple(made)

    def narrow(self, stops: Stops, key: str, now: Instant) -> None:
        """One key of a person on call or of the alarm is enough."""

        def change(tree: Tree) -> Draft | None:
            if not publication.narrowed(self._narrow_view(tree, stops.product), stops):
                return None
            files = {f"stops/{stops.product}.json": stops.to_bytes()}
            signer = ceremony.stopper(self._keys, tree.people, key)
            return Draft(tree).targets("stops", files).by("stops", (signer,))

        self._change(change, now)

    def widen(self, gates: Gates, now: Instant) -> None:
        """The online gates key opens what M persons planned."""

        def change(tree: Tree) -> Draft | None:
            if not publication.widened(self._current(tree, gates.product), gates, now):
                return None
            return Draft(tree).targets("gates", {f"gates/{gates.product}.json": gates.to_bytes()})

        self._change(change, now)

    def policy(
        self, rules: Rules, people: People, now: Instant, routes: Iterable[Envelope] = ()
    ) -> None:
        """New rules and people by two of three offline keys; live routes must hold under them."""
        signed_again = tuple(routes)

        def change(tree: Tree) -> Draft | None:
            if (tree.rules, tree.people) == (rules, people):
                return None
            draft = ceremony.offline_policy(Draft(tree), self._keys, rules, people)
            for envelope in signed_again:
                product = staging.product_of(envelope)
                view = replace(self._narrow_view(tree, product), rules=rules, people=people)
                publication.follows(view, envelope, now)
                draft = draft.targets("releases", {f"routes/{product}.json": envelope.to_bytes()})
            return draft

        self._change(change, now)

    def reseal(self, now: Instant) -> tuple[str, ...]:
        """The offline roles again, with the keys the keyring has now; finishes what was killed."""
        with self._store.exclusive():
            tree = self._tree(former=True)
            found = rotation.rotation(tree, self._keys, self._lives, now)
            if found.roles:
                rotation.rotate(found, self._store, self._keys, self._lives, now)
            return found.roles

    def restore(self, now: Instant) -> bool:
        """Publish again the last state that holds, over what was written past this signer with
        stolen keys; False when the tree holds. Change the stolen keys first (`reseal`)."""
        before = self._tree().versions["releases"]
        self._change(lambda tree: staging.holding(tree, self._store, self._lives, now), now)
        return self._tree().versions["releases"] != before

    def lease(self, now: Instant) -> Renewal:
        """The timestamp, and every online role past half its life, re-signed."""
        with self._store.exclusive():
            tree = self._tree()
            due = tuple(
                role
                for role in (*layout.DELEGATED, "snapshot")
                if tree.expiries[role] - now <= self._lives.of(role) / 2
            )
            draft = Draft(tree)
            for role in due:
                draft = draft.again(role)
            published = staging.publish(draft, self._store, self._keys, self._lives, now)
            return Renewal(
                published.versions["timestamp"],
                published.expiries["timestamp"],
                due,
                staging.expiring(published, self._lives, now),
            )

    def expiring(self, now: Instant) -> tuple[Expiring, ...]:
        """The roles to be signed again, with what to do."""
        return staging.expiring(self._tree(), self._lives, now)

    def _change(self, change: Callable[[Tree], Draft | None], now: Instant) -> None:
        """Read, decide, publish; again from the start when another signer was faster."""
        for left in reversed(range(TRIES)):
            try:
                with self._store.exclusive():
                    draft = change(self._tree())
                    if draft is not None:
                        staging.publish(draft, self._store, self._keys, self._lives, now)
                return
            except Stale as refusal:
                if refusal.reason != "another-signer" or not left:
                    raise

    def _tree(self, *, former: bool = False) -> Tree:
        found = load(self._store, former=former)
        if found is None:
            raise Refusal("no-tree", needed="`create` first")
        return found

    def _current(self, tree: Tree, product: str) -> Current:
        """The product's view; raises `Refusal` when its routes are not signed by M persons."""
        found = self._narrow_view(tree, product)
        if found.routes is not None:
            publication.signed_routes(found.routes, product, found.rules, found.people)
        return found

    def _narrow_view(self, tree: Tree, product: str) -> Current:
        """The view for a stop, which no fault in the routes may keep back."""
        if product not in tree.products:
            raise Refusal("unknown-product", needed="a welcomed product", product=product)
        data = tree.read(f"routes/{product}.json")
        return Current(
            product,
            None if data is None else dsse.parse(data, PAYLOAD_TYPE),
            tree.stops(product),
            gates.read(tree.must(f"gates/{product}.json"), product),
            tree.rules,
            tree.people,
            tree.versions,
        )
