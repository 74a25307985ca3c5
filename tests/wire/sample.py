"""One of everything that travels, always the same: what the golden files hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from warifu.testing import memory_signer
from warifu_wire import delta, evidence
from warifu_wire.canonical import Json
from warifu_wire.delta import Delta, Patch
from warifu_wire.digest import of_bytes
from warifu_wire.dsse import Envelope, seal
from warifu_wire.enrolment import Asked
from warifu_wire.floors import Floors
from warifu_wire.gates import Gate, Gates
from warifu_wire.lease import PAYLOAD_TYPE as LEASE_PAYLOAD
from warifu_wire.lease import OfflineLease
from warifu_wire.manifest import Kind, Manifest, Member
from warifu_wire.outcome import Outcome, Phase, Result
from warifu_wire.plan import Audience, Plan, Stage, circle
from warifu_wire.policy import KeyState, People, Person, Rules, people
from warifu_wire.routes import PAYLOAD_TYPE, Health, Known, Offer, Route, Routes, Tree
from warifu_wire.statements import Predicate, Statement
from warifu_wire.stops import GENESIS, Halt, Stops

NOW = datetime(2012, 2, 5, 4, 23, tzinfo=UTC)
PRODUCT = "ledger-pad"
LEVELS = frozenset({"SLSA_BUILD_LEVEL_2", "WARIFU_TESTED"})
WHY = {"en": "An update is ready for you.", "ja": "更新プログラムがあります。"}
REASON = {"en": "It cannot sign.", "ja": "署名できません。"}


def signed(envelope: Envelope, *names: str) -> Envelope:
    """The envelope with signatures of the keys these names stand for."""
    for name in names:
        signer = memory_signer(name)
        envelope = envelope.signed(signer.public.keyid, signer.sign)
    return envelope


def person(
    id: str, role: str, state: KeyState = KeyState.ACTIVE, *, machine: bool = False
) -> Person:
    """Somebody with one key of the same name."""
    return Person(id, id, machine, frozenset({role}), ((memory_signer(id).public, state),))


def everybody() -> People:
    """Two approvers and one who left, somebody on call, the alarm, the verifier."""
    return people(
        person("approver-1", "approver"),
        person("approver-2", "approver"),
        person("approver-3", "approver", KeyState.RETIRED),
        person("oncall-1", "oncall"),
        person("alarm", "alarm", machine=True),
        person("verify", "verify", machine=True),
    )


def rules() -> Rules:
    """Two approvals, ten minutes of lease."""
    return Rules({"approver": 2, "verify": 1}, LEVELS, 600, 86_400, frozenset({of_bytes(b"old")}))


ARCHIVE = of_bytes(b"archive")


def manifest(kind: Kind = Kind.UPDATE) -> Manifest:
    """Two members and a link."""
    return Manifest(
        PRODUCT,
        kind,
        {"edition": "2012-02-05", "version": "Ver1.10"},
        (
            Member("app/run.py", "exec", of_bytes(b"run"), 3),
            Member("data/申請.txt", "file", of_bytes(b""), 0),
            Member("start", "link", of_bytes(b"app/run.py"), 10),
        ),
        ("user",),
        ("{python}", "{tree}/app/run.py", "--check", "{host}"),
    )


def way() -> Delta:
    """From an older tree: one file patched, one new, one gone."""
    old = Manifest(
        PRODUCT,
        Kind.INSTALL,
        {"version": "Ver1.00"},
        (
            Member("app/run.py", "exec", of_bytes(b"old run"), 7),
            Member("gone.txt", "file", of_bytes(b"gone"), 4),
            Member("start", "link", of_bytes(b"app/run.py"), 10),
        ),
        (),
        ("{python}",),
    )
    patch = Patch(of_bytes(b"old run"), "hdiff", of_bytes(b"patch"), 5)
    return delta.between(old, manifest(), {of_bytes(b"run"): patch})


def vsa(made: Manifest | None = None, **changed: Json) -> Envelope:
    """A summary that passes, but for what is changed."""
    made = made or manifest()
    predicate: dict[str, Json] = {
        "policy": {"digest": {"sha256": rules().digest}, "uri": "urn:warifu:rules"},
        "resourceUri": f"urn:warifu:{made.product}:{made.kind}",
        "verificationResult": "PASSED",
        "verifiedLevels": list[Json](sorted(LEVELS)),
        "verifier": {"id": evidence.VERIFIER},
    }
    told = {"archive": ARCHIVE, "manifest": made.id}
    statement = Statement(told, Predicate.VSA, predicate | changed)
    return signed(statement.envelope(), "verify")


def plan(since: int = 1) -> Plan:
    """Our own machine, a volunteer among padding, then a tenth and all."""
    return Plan(
        "ramp",
        since,
        circle("own", ["probe-1"], ()),
        circle("canary", ["volunteer-1"], [of_bytes(b"padding")]),
        (
            Stage("own", Audience.OWN, 0, 1, 0, 1, 0),
            Stage("volunteers", Audience.CANARY, 0, 12, 3_600, 12, 0),
            Stage("tenth", Audience.SHARE, 100_000, 300, 3_600, 100, 3),
            Stage("all", Audience.SHARE, 1_000_000, 3_000, 0, 0, 0),
        ),
    )


def offer(made: Manifest | None = None, rank: int = 20, since: int = 1) -> Offer:
    """The release as routes offer it."""
    made = made or manifest()
    files = {
        f"manifests/{PRODUCT}/{made.id}.json": made.id,
        f"programs/{PRODUCT}/{ARCHIVE}.zip": ARCHIVE,
    }
    return Offer(made.id, made.kind, rank, made.labels, files, vsa(made).digest, plan(since))


OLD = Known(of_bytes(b"old release"), 10, "Ver1.00")
LEGACY = of_bytes(b"legacy tree")


def routes(**changed: object) -> Routes:
    """Seq 1: the old release and a legacy tree get the update; nobody else anything."""
    one = offer()
    fields: dict[str, object] = {
        "product": PRODUCT,
        "seq": 1,
        "prev": GENESIS,
        "issued": NOW,
        "valid_until": NOW + timedelta(days=30),
        "sign_by": NOW + timedelta(days=7),
        "stops_seq": 0,
        "stops_head": GENESIS,
        "offers": (one,),
        "known": (OLD,),
        "known_trees": {LEGACY: OLD.id},
        "routes": (
            Route(one.id, Tree.INTACT, Health.OK, None, WHY),
            Route(OLD.id, None, None, one.id, WHY),
            Route(None, None, None, None, WHY),
        ),
        "lifted": frozenset(),
    }
    return Routes(**(fields | changed))  # type: ignore[arg-type]


def approved(found: Routes | None = None, *names: str) -> Envelope:
    """Routes signed by both approvers, or by these."""
    by = names or ("approver-1", "approver-2")
    return signed(seal(PAYLOAD_TYPE, (found or routes()).to_json()), *by)


def stops() -> Stops:
    """A stop by a person, a cap by the alarm."""
    empty = Stops(PRODUCT, ())
    one = empty.added(OLD.id, Halt.STOPPED, since=NOW, reason=REASON, by="oncall-1")
    return one.added(
        offer().id, Halt.CAPPED, since=NOW, reason=REASON, by="alarm", max_share=50_000
    )


def gates() -> Gates:
    """The volunteers' stage."""
    return Gates(
        PRODUCT,
        (Gate(offer().id, 1, 1, NOW, of_bytes(b"probe verdict"), of_bytes(b"stage evidence")),),
    )


def floors() -> Floors:
    """What a machine knows that has seen all of this."""
    road = approved()
    return Floors(2, 3, 1, road.digest, 0, (), NOW).with_stops(stops())


def outcome() -> Outcome:
    """A commit that went well."""
    return Outcome(
        PRODUCT,
        1,
        "machine-1",
        7,
        "attempt-1",
        offer().id,
        OLD.id,
        Phase.COMMIT,
        Result.OK,
        "",
        NOW,
    )


def offline() -> Envelope:
    """A bundle's lease of a day."""
    lease = OfflineLease(offer().id, of_bytes(b"bundle"), NOW, NOW + timedelta(days=1))
    return signed(seal(LEASE_PAYLOAD, lease.to_json()), "approver-1", "approver-2")


GOLDEN: dict[str, bytes] = {
    "delta.json": way().to_bytes(),
    "enrol.json": Asked(memory_signer("machine-1").public, PRODUCT).to_bytes(),
    "floors.json": floors().to_bytes(),
    "gates.json": gates().to_bytes(),
    "manifest.json": manifest().to_bytes(),
    "offline-lease.json": offline().to_bytes(),
    "outcome.json": signed(outcome().envelope(), "machine-1").to_bytes(),
    "people.json": everybody().to_bytes(),
    "routes.json": approved().to_bytes(),
    "rules.json": rules().to_bytes(),
    "stops.json": stops().to_bytes(),
    "vsa.json": vsa().to_bytes(),
}
"""What travels, by golden file; envelopes with their signatures (ed25519 is deterministic)."""
