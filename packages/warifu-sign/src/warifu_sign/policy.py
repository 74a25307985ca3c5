"""What a signature must satisfy: data with a version, shipped with the tool, named in verdicts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Literal, get_args

from warifu_sign.errors import Refusal

Revocation = Literal["require", "if-named"]


@dataclass(frozen=True, slots=True)
class Policy:
    """rsa_bits: least and most. usages: one of them must be allowed. most_bytes: of one document.

    extended_usages: where a certificate names any, one of these must be among them (OIDs).
    certificate_policies: OIDs acceptable at the end of the path; none means any. With
    explicit_policy one must hold; the inhibits are those of RFC 5280, 6.1.1.
    other_keys: kinds of key besides RSA and EC that a path may hold, whatever their size.
    revocation: require: every certificate needs fresh evidence; if-named: only one that says where.
    """

    version: str
    digests: frozenset[str]
    rsa_bits: tuple[int, int]
    curves: frozenset[str]
    usages: frozenset[str]
    extended_usages: frozenset[str]
    certificate_policies: frozenset[str]
    explicit_policy: bool
    inhibit_mapping: bool
    inhibit_any_policy: bool
    other_keys: frozenset[str]
    revocation: Revocation
    clock_tolerance: timedelta
    longest_path: int
    most_bytes: int


@cache
def shipped() -> Policy:
    """The policy that came with this edition of the tool."""
    return parsed(resources.files("warifu_sign").joinpath("policy.json").read_bytes())


def parsed(data: bytes) -> Policy:
    """A policy from its JSON. Raises Refusal policy-malformed for anything unknown or missing."""
    try:
        raw = json.loads(data)
        least, most = raw.pop("rsa_bits")
        revocation = raw.pop("revocation")
        if revocation not in get_args(Revocation):
            raise ValueError(revocation)
        policy = Policy(
            version=_text(raw.pop("version")),
            digests=_texts(raw.pop("digests")),
            rsa_bits=(int(least), int(most)),
            curves=_texts(raw.pop("curves")),
            usages=_texts(raw.pop("usages")),
            extended_usages=_texts(raw.pop("extended_usages")),
            certificate_policies=_texts(raw.pop("certificate_policies")),
            explicit_policy=_flag(raw.pop("explicit_policy")),
            inhibit_mapping=_flag(raw.pop("inhibit_mapping")),
            inhibit_any_policy=_flag(raw.pop("inhibit_any_policy")),
            other_keys=_texts(raw.pop("other_keys")),
            revocation=revocation,
            clock_tolerance=timedelta(seconds=int(raw.pop("clock_tolerance"))),
            longest_path=int(raw.pop("longest_path")),
            most_bytes=int(raw.pop("most_bytes")),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refusal("policy-malformed", found=error, needed="every field, once") from None
    if raw:
        raise Refusal("policy-malformed", found=", ".join(raw), needed="no unknown field")
    return policy


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(value)
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _texts(values: Iterable[object]) -> frozenset[str]:
    if isinstance(values, str):
        raise TypeError(values)
    return frozenset(map(_text, values))
