"""Certificate profiles as data: one TOML file each, read and checked here."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Literal, TypeGuard, get_args

from warifu_wire.errors import Malformed, Refusal

OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"
TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
Issuer = Literal["root", "issuing"]
Usage = Literal["digital_signature", "content_commitment", "key_cert_sign", "crl_sign"]


@dataclass(frozen=True, slots=True)
class Profile:
    """What a certificate of one sort carries (RFC 5280); validity in whole days."""

    id: str
    label: str
    label_ja: str
    issuer: Issuer
    keys: tuple[str, ...]
    days: int
    key_usage: tuple[Usage, ...]
    subject: tuple[tuple[str, str], ...]
    extended_key_usage: tuple[str, ...] = ()
    extended_key_usage_critical: bool = False
    policies: tuple[str, ...] = ()
    policies_critical: bool = False
    ca: bool = False
    path_length: int | None = None
    no_check: bool = False
    holder: bool = False
    authority_key: bool = False

    @property
    def validity(self) -> timedelta:
        """How long a certificate of this profile lives."""
        return timedelta(days=self.days)


def names() -> tuple[str, ...]:
    """The ids of every profile that ships."""
    folder = resources.files(__name__)
    found = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


@cache
def load(id: str) -> Profile:
    """The profile of this id; raises `Refusal` (profile-unknown)."""
    if id not in names():
        raise Refusal("profile-unknown", needed=" | ".join(names()), profile=id)
    text = resources.files(__name__).joinpath(f"{id}.toml").read_text("utf-8")
    return read(id, tomllib.loads(text))


def read(id: str, table: Mapping[str, object]) -> Profile:
    """A profile from its table; raises `Malformed` for unknown, missing or wrongly typed fields."""
    known = {field.name for field in fields(Profile)} - {"id"}
    if unknown := sorted(set(table) - known):
        raise Malformed("profile-malformed", needed="known fields", profile=id, field=unknown[0])
    try:
        found = Profile(
            id=id,
            label=_text(table["label"]),
            label_ja=_text(table["label_ja"]),
            issuer=_one(table["issuer"]),
            keys=_texts(table["keys"]),
            days=_count(table["days"]),
            key_usage=_usages(table["key_usage"]),
            subject=_pairs(table["subject"]),
            extended_key_usage=_texts(table.get("extended_key_usage", [])),
            extended_key_usage_critical=_flag(table.get("extended_key_usage_critical", False)),
            policies=_texts(table.get("policies", [])),
            policies_critical=_flag(table.get("policies_critical", False)),
            ca=_flag(table.get("ca", False)),
            path_length=_count(table["path_length"]) if "path_length" in table else None,
            no_check=_flag(table.get("no_check", False)),
            holder=_flag(table.get("holder", False)),
            authority_key=_flag(table.get("authority_key", False)),
        )
    except (KeyError, TypeError) as error:
        raise Malformed(
            "profile-malformed", needed="every field, rightly typed", profile=id, field=error
        ) from error
    if fault := _contradiction(found):
        raise Malformed("profile-malformed", needed=fault, profile=id, field="")
    return found


def _contradiction(found: Profile) -> str:
    """What RFC 5280, 6960 or 3161 does not allow together; empty when nothing."""
    used = set(found.key_usage)
    if found.ca != ("key_cert_sign" in used) or (found.ca and found.holder):
        return "key_cert_sign for authorities, and for them alone"
    if found.no_check != (OCSP_SIGNING in found.extended_key_usage):
        return "no_check for OCSP responders, and for them alone"
    stamps = TIME_STAMPING in found.extended_key_usage
    if stamps and (len(found.extended_key_usage) > 1 or not found.extended_key_usage_critical):
        return "one critical extended key usage for time stamps"
    return ""


def _text(value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise TypeError(value)


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(_text(one) for one in value)
    raise TypeError(value)


def _usages(value: object) -> tuple[Usage, ...]:
    return tuple(one for one in _texts(value) if _usage(one))


def _usage(value: str) -> TypeGuard[Usage]:
    if value in get_args(Usage):
        return True
    raise TypeError(value)


def _one(value: object) -> Issuer:
    if value == "root":
        return "root"
    if value == "issuing":
        return "issuing"
    raise TypeError(value)


def _count(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise TypeError(value)


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise TypeError(value)


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    if isinstance(value, dict):
        return tuple((_text(name), _text(text)) for name, text in value.items())
    raise TypeError(value)
