"""Keys, envelopes, evidence and offline leases: who signed what, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.wire import sample
from warifu.testing import memory_signer
from warifu_wire import canonical, dsse, enrolment, evidence, lease, policy, statements
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Fault, Malformed, Mismatch, Refusal, SignoffMissing, Stale
from warifu_wire.keys import PublicKey, distinct, public_key
from warifu_wire.policy import EVER_GOOD, KeyState
from warifu_wire.statements import Predicate, Statement

CURVE = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65_537, 2_048)


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, point: PublicFormat) -> str:
    """A public key as PEM text."""
    return key.public_key().public_bytes(Encoding.PEM, point).decode()


def tuf(kind: str, scheme: str, public: str) -> Json:
    """A TUF key object."""
    return {"keytype": kind, "scheme": scheme, "keyval": {"public": public}}


@pytest.mark.parametrize(
    ("key", "sign"),
    [
        (
            tuf("ecdsa", "ecdsa-sha2-nistp256", pem(CURVE, PublicFormat.SubjectPublicKeyInfo)),
            lambda data: CURVE.sign(data, ec.ECDSA(hashes.SHA256())),
        ),
        (
            tuf("rsa", "rsassa-pss-sha256", pem(RSA, PublicFormat.SubjectPublicKeyInfo)),
            lambda data: RSA.sign(
                data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()
            ),
        ),
        (
            tuf("rsa", "rsa-pkcs1v15-sha256", pem(RSA, PublicFormat.SubjectPublicKeyInfo)),
            lambda data: RSA.sign(data, padding.PKCS1v15(), hashes.SHA256()),
        ),
    ],
)
def test_other_schemes_sign_and_verify(key: Json, sign: Callable[[bytes], bytes]) -> None:
    found = public_key("k", key)
    envelope = dsse.seal("application/x", {"a": 1}).signed("k", sign)
    assert dsse.signers(envelope, {"k": found}) == {"k"}
    other = Envelope("application/y", envelope.payload, envelope.signatures)
    assert dsse.signers(other, {"k": found}) == frozenset()
    assert found.to_json() == key


def test_one_key_under_many_spellings_is_one_key() -> None:
    text = pem(CURVE, PublicFormat.SubjectPublicKeyInfo)
    spellings = (text, text.strip(), f"{text}\n\n", text.replace("\n", "\r\n"))
    keys = [
        public_key(f"key {place}", tuf("ecdsa", "ecdsa-sha2-nistp256", one))
        for place, one in enumerate(spellings)
    ]
    raw = memory_signer("a").public
    upper = public_key("upper", tuf("ed25519", "ed25519", raw.value.upper()))
    assert distinct(keys) == 1
    assert distinct([raw, upper]) == 1
    assert distinct([*keys, raw]) == 2
    with pytest.raises(Malformed, match="shared-key"):
        policy.people(
            *(
                policy.Person(str(place), "", False, frozenset(), ((key, KeyState.ACTIVE),))
                for place, key in enumerate([raw, upper])
            )
        )


@pytest.mark.parametrize(
    "key",
    [
        None,
        {},
        tuf("ed25519", "ed25519", "zz"),
        tuf("ed25519", "ed25519", "ab"),
        tuf("ed25519", "rsassa-pss-sha256", "00" * 32),
        tuf("x25519", "ed25519", "00" * 32),
        tuf("ecdsa", "ecdsa-sha2-nistp256", "é"),
        tuf("ecdsa", "ecdsa-sha2-nistp256", "-----BEGIN PUBLIC KEY-----"),
        tuf("ecdsa", "ecdsa-sha2-nistp521", "-----BEGIN PUBLIC KEY-----"),
    ],
)
def test_what_is_no_key(key: Json) -> None:
    with pytest.raises(Malformed, match="not-a-key"):
        public_key("k", key)
    with pytest.raises(Malformed, match="not-a-key"):
        public_key("", memory_signer("a").public.to_json())


def test_signatures_that_are_none_verify_nothing() -> None:
    key = memory_signer("a").public
    envelope = dsse.seal("application/x", {})
    for raw in (b"", b"short", b"\0" * 64):
        signed = Envelope(envelope.payload_type, envelope.payload, ((key.keyid, raw),))
        assert dsse.signers(signed, {key.keyid: key}) == frozenset()
    foreign = sample.signed(envelope, "b")
    assert dsse.signers(foreign, {key.keyid: key}) == frozenset()


def test_signing_again_replaces_the_own_signature() -> None:
    once = sample.signed(dsse.seal("application/x", {}), "a", "b")
    twice = sample.signed(once, "a")
    assert sorted(twice.signatures) == sorted(once.signatures)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"payload": "e30=", "payloadType": "t"}, "not-an-envelope"),
        ({"payload": "e30=", "payloadType": "t", "signatures": [], "x": 1}, "not-an-envelope"),
        ({"payload": "e30=", "payloadType": "other", "signatures": []}, "wrong-payload-type"),
        ({"payload": "e31=", "payloadType": "t", "signatures": []}, "not-base64"),
        ({"payload": "e30", "payloadType": "t", "signatures": []}, "not-base64"),
        ({"payload": "e3 0=", "payloadType": "t", "signatures": []}, "not-base64"),
        ({"payload": "é", "payloadType": "t", "signatures": []}, "not-base64"),
        ({"payload": "", "payloadType": "t", "signatures": [1]}, "not-a-signature"),
        ({"payload": "", "payloadType": "t", "signatures": [{"keyid": "", "sig": ""}]},
         "not-a-signature"),
        ({"payload": "", "payloadType": "t", "signatures": [{"keyid": "k", "sig": "", "x": 1}]},
         "not-a-signature"),
    ],
)  # fmt: skip
def test_what_is_no_envelope(value: Json, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        dsse.parse(canonical.dumps(value), "t")
    assert caught.value.reason == code


def test_a_payload_with_a_key_twice_is_refused_though_it_is_signed() -> None:
    raw = b'{"a":1,"a":2}'
    envelope = sample.signed(Envelope("t", raw, ()), "a")
    key = memory_signer("a").public
    assert dsse.signers(dsse.parse(envelope.to_bytes(), "t"), {key.keyid: key}) == {key.keyid}
    with pytest.raises(Malformed, match="not-canonical"):
        dsse.payload(envelope)


def test_one_person_with_two_keys_is_one_signer() -> None:
    keys = tuple((memory_signer(name).public, KeyState.ACTIVE) for name in ("a", "b"))
    everybody = policy.people(policy.Person("one", "", False, frozenset({"approver"}), keys))
    envelope = sample.signed(dsse.seal("t", {}), "a", "b")
    assert policy.need(envelope, everybody, "approver", 1) == {"one"}
    with pytest.raises(SignoffMissing) as caught:
        policy.need(envelope, everybody, "approver", 2)
    assert caught.value.facts["signed"] == "one"
    with pytest.raises(SignoffMissing):
        policy.need(envelope, everybody, "approver", 0)


def test_retired_keys_once_signed_and_compromised_keys_never() -> None:
    envelope = sample.signed(dsse.seal("t", {}), "approver-3")
    assert sample.everybody().signed(envelope, "approver") == frozenset()
    assert sample.everybody().signed(envelope, "approver", EVER_GOOD) == {"approver-3"}
    lost = policy.people(sample.person("approver-3", "approver", KeyState.COMPROMISED))
    assert lost.signed(envelope, "approver", EVER_GOOD) == frozenset()


def subjects(envelope: Envelope, wanted: Digest | None = None) -> frozenset[Digest]:
    """What a VSA vouches for, under the sample's rules."""
    return evidence.subjects(
        envelope.to_bytes(),
        wanted or envelope.digest,
        "urn:warifu:ledger-pad:update",
        sample.rules(),
        sample.everybody(),
    )


def test_evidence_made_under_earlier_accepted_rules_counts() -> None:
    under: Json = {"digest": {"sha256": of_bytes(b"old")}}
    assert subjects(sample.vsa(policy=under)) == {sample.ARCHIVE, sample.manifest().id}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"verificationResult": "FAILED"}, "not-passed"),
        ({"verifier": {"id": "urn:other"}}, "not-passed"),
        ({"resourceUri": "urn:warifu:ledger-pad:repair"}, "evidence-of-another"),
        ({"policy": {"digest": {"sha256": "ab" * 32}}}, "rules-not-accepted"),
        ({"policy": {"digest": {"sha256": "short"}}}, "not-a-digest"),
        ({"verifiedLevels": ["WARIFU_TESTED"]}, "level-missing"),
        ({"verifiedLevels": "WARIFU_TESTED"}, "not-a-vsa"),
        ({"verifier": {}}, "not-a-vsa"),
    ],
)
def test_evidence_that_says_something_else_is_refused(changed: dict[str, Json], code: str) -> None:
    with pytest.raises(Refusal) as caught:
        subjects(sample.vsa(**changed))
    assert caught.value.reason == code


def test_older_evidence_for_the_same_bytes_is_other_evidence() -> None:
    older = sample.vsa(timeVerified="2012-02-01T00:00:00Z")
    with pytest.raises(Mismatch, match="another-evidence"):
        subjects(older, sample.vsa().digest)


def test_evidence_is_signed_by_the_verifier_and_nobody_else() -> None:
    plain = Envelope(sample.vsa().payload_type, sample.vsa().payload, ())
    with pytest.raises(SignoffMissing):
        subjects(sample.signed(plain, "approver-1", "alarm"))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ([], "not-a-statement"),
        ({"_type": "other", "predicateType": "x", "subject": [], "predicate": {}},
         "not-a-statement"),
        ({"_type": statements.STATEMENT_TYPE, "predicateType": Predicate.RELEASE.value,
          "subject": [], "predicate": {}}, "wrong-predicate"),
        ({"_type": statements.STATEMENT_TYPE, "predicateType": Predicate.VSA.value,
          "subject": [], "predicate": {}}, "not-a-statement"),
        ({"_type": statements.STATEMENT_TYPE, "predicateType": Predicate.VSA.value,
          "subject": [{"name": "a"}], "predicate": {}}, "not-a-subject"),
        ({"_type": statements.STATEMENT_TYPE, "predicateType": Predicate.VSA.value,
          "subject": [{"name": "a", "digest": {"sha256": "ab" * 32}}] * 2, "predicate": {}},
         "not-a-statement"),
    ],
)  # fmt: skip
def test_what_is_no_statement(value: Json, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        statements.read(dsse.seal(statements.PAYLOAD_TYPE, value), Predicate.VSA)
    assert caught.value.reason == code


def test_statements_come_back_as_they_were() -> None:
    one = Statement({"b": sample.ARCHIVE, "a": sample.ARCHIVE}, Predicate.RELEASE, {"x": [1]})
    assert statements.read(one.envelope(), Predicate.RELEASE) == one


def offline(**changed: object) -> Envelope:
    """An offline lease with something changed."""
    fields: dict[str, object] = {
        "release": sample.offer().id,
        "bundle": of_bytes(b"bundle"),
        "issued": sample.NOW,
        "expires": sample.NOW + timedelta(days=1),
    }
    found = lease.OfflineLease(**(fields | changed))  # type: ignore[arg-type]
    return sample.signed(dsse.seal(lease.PAYLOAD_TYPE, found.to_json()), "approver-1", "approver-2")


def allowed(envelope: Envelope, seconds: float = 60, bundle: bytes = b"bundle") -> object:
    """Whether a bundle may be installed that long after the lease began."""
    return lease.allowed(
        envelope,
        of_bytes(bundle),
        sample.everybody(),
        sample.rules(),
        sample.NOW + timedelta(seconds=seconds),
    )


def test_a_bundle_is_allowed_within_its_lease() -> None:
    for seconds in (0, 60, 86_399):
        found = allowed(sample.offline(), seconds)
        assert isinstance(found, lease.OfflineLease)
        assert found.release == sample.offer().id


def test_bundles_beyond_their_lease_are_refused() -> None:
    for envelope, seconds, bundle, kind, code in (
        (offline(), 86_400, b"bundle", Stale, "lease-over"),
        (offline(), -61, b"bundle", Stale, "clock-behind"),
        (offline(), 60, b"another", Mismatch, "another-bundle"),
        (offline(expires=sample.NOW + timedelta(days=1, seconds=1)), 60, b"bundle", Stale,
         "lease-too-long"),
        (offline(expires=sample.NOW), 60, b"bundle", Stale, "lease-too-long"),
        (sample.approved(), 60, b"bundle", Malformed, "wrong-payload-type"),
        (sample.signed(Envelope(lease.PAYLOAD_TYPE, offline().payload, ()), "approver-1"), 60,
         b"bundle", SignoffMissing, "signoff-missing"),
    ):  # fmt: skip
        with pytest.raises(kind) as caught:
            allowed(envelope, seconds, bundle)
        assert caught.value.reason == code


def test_enrolment_there_and_back() -> None:
    asked = enrolment.Asked(memory_signer("machine-1").public, sample.PRODUCT)
    assert enrolment.read(asked.to_bytes()).key.numbers == asked.key.numbers
    assert enrolment.read_answer(canonical.dumps(enrolment.answer("abc"))) == "abc"
    for body in (b"{}", b'{"installation":1}', b'{"installation":"a","more":1}'):
        with pytest.raises(Malformed):
            enrolment.read_answer(body)


def test_errors_say_what_was_decided_on_and_what_is_needed() -> None:
    refusal = Refusal("some-code", needed="this", a=1, b="two")
    assert (refusal.reason, refusal.needed, refusal.facts) == (
        "some-code",
        "this",
        {"a": "1", "b": "two"},
    )
    assert str(refusal) == "some-code: a=1 b=two; needed: this"
    assert str(Fault("disk full", needed="space")) == "disk full; needed: space"
    assert Mismatch(needed="x").reason == "mismatch"


def test_a_public_key_is_equal_by_what_it_says() -> None:
    key = memory_signer("a").public
    same = PublicKey(key.keyid, key.keytype, key.scheme, key.value, Digest("0" * 64))
    assert key == same
