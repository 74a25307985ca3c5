"""What the keyring, the ledger and the depot refuse is said in both languages, with its facts."""

from __future__ import annotations

import pytest

from warifu.app import words
from warifu_wire.errors import Refusal

SAID = {
    "keys-missing": {"role": "root", "usable": "1"},
    "key-retired": {"name": "root-1"},
    "key-compromised": {"name": "root-1"},
    "key-in-use": {"name": "root-1", "by": "the tree"},
    "kms-uri": {"uri": "awskms:"},
    "kms-makes-keys": {"name": "root-1"},
    "key-exists": {"name": "root-1"},
    "passphrase-needed": {"name": "root-1"},
    "secret-exposed": {"file": "a.pass"},
    "role-expired": {"role": "root"},
    "not-on-call": {"key": "approver-1"},
    "unknown-person": {"person": "approver-9"},
    "no-evidence": {"release": "0123"},
    "evidence-of-another": {"release": "0123"},
    "event-altered": {"seq": "7"},
    "chain-broken": {"seq": "7"},
    "chain-gap": {"expected": "7"},
    "key-taken": {"seq": "7"},
    "not-in-depot": {"content": "0123"},
    "not-empty": {"events": "7"},
}


@pytest.mark.parametrize("code", SAID)
def test_a_refusal_is_worded_with_its_facts(code: str) -> None:
    refusal = Refusal(code, needed="what is needed", **SAID[code])
    english, japanese = (words.told(refusal, language) for language in words.LANGUAGES)
    assert english != japanese
    for text in (english, japanese):
        assert code not in text
        assert all(fact in text for fact in SAID[code].values())
        assert "what is needed" in text
