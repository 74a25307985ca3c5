"""The statement store's contract: memory and folder."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from warifu.engines.attest.statements import FolderStatements
from warifu.model.ports import Statements
from warifu.testing import MemoryStatements, memory_signer
from warifu_wire import dsse
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Malformed, Mismatch, Refusal

ONE, TWO = memory_signer("approver-one"), memory_signer("approver-two")
TYPE = "application/vnd.in-toto+json"


@pytest.fixture(params=["memory", "folder"])
def statements(request: pytest.FixtureRequest, tmp_path: Path) -> Statements:
    """An empty store of each form."""
    return MemoryStatements() if request.param == "memory" else FolderStatements(tmp_path / "new")


def signed(*signers: str) -> Envelope:
    envelope = dsse.seal(TYPE, {"said": "これで可"})
    for name in signers:
        signer = memory_signer(name)
        envelope = envelope.signed(signer.public.keyid, signer.sign)
    return envelope


def test_an_envelope_comes_back_under_its_payload(statements: Statements) -> None:
    envelope = signed("approver-one")
    assert statements.put(envelope) == envelope.digest == of_bytes(envelope.payload)
    assert statements.get(envelope.digest) == envelope


def test_an_unknown_payload_is_refused(statements: Statements) -> None:
    with pytest.raises(Refusal, match="no-statement"):
        statements.get(of_bytes(b"unknown"))


def test_signatures_of_the_same_payload_come_together(statements: Statements) -> None:
    name = statements.put(signed("approver-one"))
    statements.put(signed("approver-two"))
    statements.put(signed("approver-one"))
    keys = {one.public.keyid: one.public for one in (ONE, TWO)}
    found = statements.get(name)
    assert dsse.signers(found, keys) == set(keys)
    assert len(found.signatures) == 2


def test_a_false_signature_does_not_displace_a_true_one(statements: Statements) -> None:
    true = signed("approver-one")
    false = Envelope(TYPE, true.payload, ((ONE.public.keyid, b"false"),))
    statements.put(false)
    statements.put(true)
    statements.put(false)
    found = statements.get(true.digest)
    assert dsse.signers(found, {ONE.public.keyid: ONE.public}) == {ONE.public.keyid}


def test_one_payload_has_one_type(statements: Statements) -> None:
    envelope = signed("approver-one")
    statements.put(envelope)
    with pytest.raises(Mismatch, match="another-envelope"):
        statements.put(Envelope("application/other", envelope.payload, envelope.signatures))
    assert statements.get(envelope.digest) == envelope


def place_of(folder: Path, name: Digest) -> Path:
    return folder / name[:2] / f"{name}.dsse.json"


def test_an_altered_file_does_not_pass(tmp_path: Path) -> None:
    statements = FolderStatements(tmp_path)
    name = statements.put(signed("approver-one"))
    other = dsse.seal(TYPE, {"said": "別のもの"})
    place_of(tmp_path, name).write_bytes(other.to_bytes())
    with pytest.raises(Mismatch, match=other.digest):
        statements.get(name)
    for bad in (b"", b"{}", b'{"payloadType":"x"}'):
        place_of(tmp_path, name).write_bytes(bad)
        with pytest.raises(Malformed):
            statements.get(name)


def test_two_who_sign_at_once_both_stay(tmp_path: Path) -> None:
    names = [f"approver-{n}" for n in range(8)]
    writers = [
        threading.Thread(target=FolderStatements(tmp_path).put, args=(signed(name),))
        for name in names
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = FolderStatements(tmp_path).get(signed().digest)
    assert len(found.signatures) == len(names)
