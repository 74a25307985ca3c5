"""Every document refuses what is not exactly itself: the wrong field, type, product or order."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest

from tests.wire import sample
from tests.wire.test_golden import GOLDEN, READERS
from warifu_wire import canonical, dsse, gates, manifest, outcome, policy, routes, stops
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, digest
from warifu_wire.errors import Malformed, Refusal, Stale

PLAIN = {
    "floors.json",
    "gates.json",
    "delta.json",
    "manifest.json",
    "people.json",
    "rules.json",
    "stops.json",
    "enrol.json",
}
OTHERS: tuple[Json, ...] = (None, True, -1, 2**53 - 1, "x", "", [], {}, [[]], {"a": 1})


def value_of(name: str) -> Json:
    """The document in a golden file, without its envelope."""
    data = (GOLDEN / name).read_bytes()
    return canonical.loads(data if name in PLAIN else envelope(data).payload)


def envelope(data: bytes) -> dsse.Envelope:
    """The envelope, of whatever type."""
    kind = canonical.loads(data)
    assert isinstance(kind, dict)
    return dsse.parse(data, str(kind["payloadType"]))


def places(value: Json, at: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """Every place in a value."""
    yield at
    if isinstance(value, dict):
        for name, one in value.items():
            yield from places(one, (*at, name))
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield from places(one, (*at, number))


def changed(value: Json, at: tuple[object, ...], to: Json) -> Json:
    """The value with another one at a place."""
    if not at:
        return to
    found = copy.deepcopy(value)
    inner: Json = found
    for step in at[:-1]:
        inner = inner[step]  # type: ignore[index,call-overload,assignment]
    inner[at[-1]] = to  # type: ignore[index,call-overload]
    return found


def read(name: str, value: Json) -> object:
    """Read a document of a golden file's kind."""
    data = canonical.dumps(value)
    if name in PLAIN:
        return READERS[name](data)
    kind = envelope((GOLDEN / name).read_bytes()).payload_type
    if name == "routes.json":
        return routes.read(data, sample.PRODUCT)
    if name == "outcome.json":
        return outcome.read(dsse.Envelope(kind, data, ()))
    return READERS[name](dsse.Envelope(kind, data, ()).to_bytes())


@pytest.mark.parametrize("name", [*sorted(PLAIN), "outcome.json", "routes.json"])
def test_a_value_of_another_kind_anywhere_is_read_back_the_same_or_refused(name: str) -> None:
    """Whatever stands anywhere: a Refusal, or a document that means exactly what it says."""
    whole = value_of(name)
    refused = 0
    for at in places(whole):
        for other in OTHERS:
            value = changed(whole, at, other)
            try:
                found = read(name, value)
            except Refusal:
                refused += 1
                continue
            again = getattr(found, "to_bytes", None) or getattr(found, "to_json", None)
            assert again is not None
            back = again()
            spelled = back if isinstance(back, bytes) else canonical.dumps(back)
            assert spelled == canonical.dumps(value), (at, other)
    assert refused > len(OTHERS)


@pytest.mark.parametrize("name", [*sorted(PLAIN), "outcome.json", "routes.json"])
def test_a_field_more_or_less_is_refused(name: str) -> None:
    whole = value_of(name)
    assert isinstance(whole, dict)
    for field in whole:
        less = {key: one for key, one in whole.items() if key != field}
        with pytest.raises(Malformed):
            read(name, less)
    with pytest.raises(Malformed):
        read(name, whole | {"extra": 1})


def edit(name: str, path: str, to: Json) -> Json:
    """A golden document with one place changed; the path is spelled with slashes."""
    steps = [int(one) if one.isdecimal() else one for one in path.split("/")]
    return changed(value_of(name), tuple(steps), to)


@pytest.mark.parametrize(
    ("name", "path", "to", "code"),
    [
        ("stops.json", "product", "other", "wrong-product"),
        ("stops.json", "entries/0/seq", 2, "broken-chain"),
        ("stops.json", "entries/1/prev", "ab" * 32, "broken-chain"),
        ("stops.json", "entries/0/state", "paused", "not-a-stop"),
        ("stops.json", "entries/0/max_share", 1_000_001, "not-a-number"),
        ("gates.json", "product", "other", "wrong-product"),
        ("gates.json", "entries/0/stage", 0, "not-a-number"),
        ("routes.json", "product", "other", "wrong-product"),
        ("routes.json", "valid_until", "2012-03-06T04:23:01Z", "validity"),
        ("routes.json", "valid_until", "2012-02-05T04:23:00Z", "validity"),
        ("routes.json", "sign_by", "2012-02-12T04:23:01Z", "sign-by"),
        ("routes.json", "sign_by", "2012-02-05T04:22:59Z", "sign-by"),
        ("routes.json", "route/1/offer", "ab" * 32, "offer-unknown"),
        ("routes.json", "known_trees", {"ab" * 32: "ab" * 32}, "tree-unknown"),
        ("routes.json", "releases/0/kind", "downgrade", "not-a-kind"),
        ("routes.json", "releases/0/files", {"a": "ab" * 32}, "manifest-missing"),
        ("routes.json", "route/0/tree", "odd", "not-a-route"),
        ("routes.json", "route/0/health", "odd", "not-a-route"),
        ("routes.json", "route/0/why", {"en": "only"}, "wrong-fields"),
        ("routes.json", "releases/0/plan/stages", [], "not-a-plan"),
        ("routes.json", "releases/0/plan/stages/0/audience", "share", "not-a-plan"),
        ("routes.json", "releases/0/plan/stages/0/audience", "all", "not-a-stage"),
        ("routes.json", "releases/0/plan/stages/0/share", 5, "not-a-plan"),
        ("routes.json", "releases/0/plan/stages/3/audience", "canary", "not-a-plan"),
        ("manifest.json", "kind", "downgrade", "not-a-manifest"),
        ("manifest.json", "product", "Ledger Pad", "bad-product-name"),
        ("manifest.json", "members/0/mode", "setuid", "not-a-member"),
        ("manifest.json", "members/0/size", -1, "not-a-member"),
        ("manifest.json", "members/0/size", True, "not-a-member"),
        ("manifest.json", "members/0/path", "data/申請.txt", "colliding-members"),
        ("manifest.json", "members/2/path", "APP", "colliding-members"),
        ("people.json", "people/0/machine", 1, "not-a-person"),
        ("people.json", "people/0/id", "approver-2", "twice-the-same"),
        ("people.json", "people/0/keys/0/state", "lost", "not-a-key"),
        ("people.json", "people/0/keys/0/key/scheme", "rsassa-pss-sha256", "not-a-key"),
        ("people.json", "people/0/keys/0/key/keyval/public", "00", "not-a-key"),
        ("rules.json", "thresholds", {"approver": 2}, "threshold-missing"),
        ("rules.json", "thresholds/approver", 0, "not-a-number"),
        ("rules.json", "offline_max", 604_801, "not-a-number"),
        ("outcome.json", "phase", "dance", "not-an-outcome"),
        ("outcome.json", "result", "maybe", "not-an-outcome"),
        ("enrol.json", "product", "Ledger", "bad-product-name"),
    ],
)
def test_what_contradicts_itself_is_refused(name: str, path: str, to: Json, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(name, edit(name, path, to))
    assert caught.value.reason == code


def test_the_same_release_twice_is_refused() -> None:
    road = sample.routes(known=(sample.OLD, sample.OLD))
    with pytest.raises(Malformed, match="twice-the-same"):
        routes.read(road.to_bytes(), sample.PRODUCT)
    twice = gates.Gates(sample.PRODUCT, sample.gates().entries * 2)
    with pytest.raises(Malformed, match="twice-the-same"):
        gates.read(twice.to_bytes(), sample.PRODUCT)


def test_one_key_of_two_people_is_refused_also_under_another_id() -> None:
    one = sample.person("approver-1", "approver")
    (key, state), *_ = one.keys
    again = policy.PublicKey("another-id", key.keytype, key.scheme, key.value, key.numbers)
    for keys in (((key, state),), ((again, state),)):
        two = policy.Person("approver-2", "two", False, frozenset({"approver"}), keys)
        with pytest.raises(Malformed, match="shared-key"):
            policy.people(one, two)


def test_routes_of_more_than_48_kib_are_not_even_parsed() -> None:
    with pytest.raises(Malformed, match="routes-too-large"):
        routes.read(b" " * (48 * 1024 + 1), sample.PRODUCT)


@pytest.mark.parametrize(
    "path",
    [
        *("", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "C:x", "a\\b", "a\x00b", "a\nb"),
        *("a ", "a.", "b/c.", "d /e", 'a"b', "a*", "a?", "a<b", "a|b"),
    ],
)
def test_paths_that_may_land_elsewhere_are_refused(path: str) -> None:
    for place in ("members/0/path", "keeps/0"):
        with pytest.raises(Malformed, match="path-outside-tree"):
            read("manifest.json", edit("manifest.json", place, path))


def test_members_out_of_order_are_a_second_spelling() -> None:
    value = value_of("manifest.json")
    assert isinstance(value, dict)
    members = value["members"]
    assert isinstance(members, list)
    with pytest.raises(Malformed, match="order of their paths"):
        manifest.parse(canonical.dumps(value | {"members": members[::-1]}))


def test_stops_say_whether_they_follow() -> None:
    found = sample.stops()
    found.extends(0, stops.GENESIS)
    found.extends(1, found.entries[0].digest)
    found.extends(2, found.head)
    with pytest.raises(Stale, match="stops-shortened"):
        found.extends(3, found.head)
    with pytest.raises(Stale, match="stops-rewritten"):
        found.extends(1, found.head)
    with pytest.raises(Stale, match="stops-rewritten"):
        found.extends(0, found.head)


def test_a_share_counts_only_when_capped() -> None:
    empty = stops.Stops(sample.PRODUCT, ())
    one = empty.added(
        sample.OLD.id,
        stops.Halt.HELD,
        since=sample.NOW,
        reason=sample.REASON,
        by="oncall-1",
        max_share=5,
    )
    assert one.entries[0].max_share == 0
    assert sample.stops().entries[1].max_share == 50_000


def test_outcomes_and_leases_of_another_type_are_refused() -> None:
    for kind in ("application/vnd.in-toto+json", ""):
        sealed = dsse.seal(kind, sample.outcome().to_json())
        with pytest.raises(Malformed, match="wrong-payload-type"):
            outcome.read(sealed)


def test_digests_are_64_lower_case_hex_characters() -> None:
    assert digest("ab" * 32) == Digest("ab" * 32)
    for other in ("AB" * 32, "ab" * 31, "ab" * 33, f"{'ab' * 32}\n", "ａ" * 64, None, 5):
        with pytest.raises(Malformed):
            digest(other)
