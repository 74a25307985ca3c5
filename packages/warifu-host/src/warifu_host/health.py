"""Health: the host started, the plug-in loaded, one document signed and verified."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from warifu_host import abi, plugins, trial
from warifu_host.errors import Code, Failed
from warifu_host.guest import Guest
from warifu_host.words import SENTENCES


@dataclass(frozen=True, slots=True)
class Failure:
    """Why it is not well: the code, and what was found."""

    code: Code
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Health:
    """How far it came. plugin, signed and verified are each false until they were seen."""

    started: bool = False
    plugin: bool = False
    signed: bool = False
    verified: bool = False
    failure: Failure | None = None

    @property
    def well(self) -> bool:
        """Everything was seen to work."""
        return self.started and self.plugin and self.signed and self.verified

    def as_json(self) -> dict[str, Any]:
        """The form of `warifu-host check --json`."""
        failure = None
        if self.failure is not None:
            japanese, english = SENTENCES[self.failure.code]
            failure = {
                "code": self.failure.code,
                "sentence_ja": japanese,
                "sentence_en": english,
                "facts": self.failure.facts,
            }
        return {
            "abi": abi.ABI,
            "started": self.started,
            "plugin": self.plugin,
            "signed": self.signed,
            "verified": self.verified,
            "failure": failure,
        }


def admitted(program: Path, release: dict[str, str] | None) -> plugins.Listing:
    """The program's plug-in, once its ABI and files were found right. Raises Failed.

    release: sha256 by path, from the manifest of the release, where one is at hand.
    """
    listing = plugins.found(program)
    plugins.check(listing, abi.ABI)
    if release is not None:
        plugins.check_release(program, release)
    return listing


def check(program: Path, release: dict[str, str] | None, now: datetime) -> Health:
    """Start, load, sign and verify; whatever the plug-in does, the host has started."""
    health = Health(started=True)
    try:
        listing = admitted(program, release)
        with Guest(program, listing.entry) as guest:
            health = Health(started=True, plugin=True)
            given = trial.made(now)
            guest.unlock(given.certificate_file, given.password)
            signed = guest.sign(trial.DOCUMENT, now)
            health = Health(started=True, plugin=True, signed=True)
            judge(guest, signed, given, now)
    except Failed as failed:
        return Health(
            health.started, health.plugin, health.signed, False, Failure(failed.code, failed.facts)
        )
    return Health(started=True, plugin=True, signed=True, verified=True)


def judge(guest: Guest, signed: bytes, given: trial.Trial, now: datetime) -> None:
    """Raise Failed unless the signature verifies with our content, and a changed one does not."""
    good = guest.verify(signed, [given.root], [given.crl], now)
    if good.status != "valid":
        raise Failed("verify-failed", status=good.status, why=good.reason)
    if [data for _, data in good.received] != [trial.CONTENT]:
        raise Failed("verify-failed", why="content-differs")
    forged = signed.replace("動作確認".encode(), "動作変更".encode())
    bad = guest.verify(forged, [given.root], [given.crl], now)
    if bad.status == "valid" or bad.received:
        raise Failed("verify-failed", why="forgery-accepted")
