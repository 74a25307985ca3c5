"""`warifu-sign sign` and `warifu-sign verify`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asn1crypto import pem

from warifu_sign import batch, files, policy, stamps, words
from warifu_sign.chain import Trust
from warifu_sign.commands import shared
from warifu_sign.documents import ALONE, USUAL, Outside, Profile, kind_of, sign, verify
from warifu_sign.verdict import Verdict

EXITS = {"valid": 0, "invalid": 1, "indeterminate": 3}


def add(verbs: shared.Verbs) -> None:
    """Add both verbs to the command line."""
    one = verbs.add_parser(
        "sign",
        parents=[shared.json_option(), shared.key_options()],
        help="sign XML and PDF documents",
        epilog="warifu-sign sign 申請書.xml 委任状.pdf --p12 member.p12 --out signed",
    )
    one.add_argument("files", nargs="+", type=Path)
    one.add_argument("--profile", choices=[profile.value for profile in Profile])
    one.add_argument("--tsa", help="address of a time-stamping authority")
    one.add_argument("--out", type=Path, help="folder for the signed documents")
    one.set_defaults(run=_sign)

    one = verbs.add_parser(
        "verify",
        parents=[shared.json_option()],
        help="judge signed documents: exit 0 valid, 1 invalid, 3 cannot be decided",
        epilog="warifu-sign verify signed.xml --root root.cer --crl issuing.crl",
    )
    one.add_argument("files", nargs="+", type=Path)
    trust_options(one)
    one.add_argument("--content", type=Path, help="folder for the verified content")
    one.set_defaults(run=_verify)


def trust_options(parser: argparse.ArgumentParser) -> None:
    """The options that say what is trusted, when, and by which rules."""
    for name in ("root", "intermediate", "crl", "ocsp"):
        parser.add_argument(f"--{name}", type=Path, action="append", default=[], help="DER or PEM")
    parser.add_argument("--at", type=shared.instant, help="judge as of this time (ISO 8601, zone)")
    parser.add_argument("--policy", type=Path, help="another policy than the one shipped")


def trust(asked: argparse.Namespace) -> Trust:
    """What the options trust."""
    return Trust(ders(asked.root), ders(asked.intermediate), ders(asked.crl), ders(asked.ocsp))


def rules(asked: argparse.Namespace) -> policy.Policy:
    """The policy named, or the one shipped."""
    if asked.policy is None:
        return policy.shipped()
    return policy.parsed(files.read(asked.policy, most=65_536))


def ders(paths: Iterable[Path]) -> tuple[bytes, ...]:
    """Certificates or lists from files, in DER, whether they were PEM or DER."""
    found: list[bytes] = []
    for path in paths:
        data = files.read(path, most=16 << 20)
        if pem.detect(data):
            found.extend(bytes(der) for _, _, der in pem.unarmor(data, multiple=True))
        else:
            found.append(data)
    return tuple(found)


def _sign(asked: argparse.Namespace) -> int:
    profile = Profile(asked.profile) if asked.profile else None
    outside = Outside(stamp=stamps.over_http(asked.tsa)) if asked.tsa else ALONE
    key = shared.unlocked(asked)
    if asked.out is not None:
        asked.out.mkdir(parents=True, exist_ok=True)

    def one(_: Path, document: bytes) -> bytes:
        wanted = profile or USUAL[kind_of(document)]
        return sign(document, key, wanted, at=datetime.now(UTC), outside=outside)

    failed = 0
    for number, result in enumerate(batch.run(asked.files, asked.out, one), 1):
        failed += result.state is batch.State.FAILED
        _tell_result(result, number, len(asked.files), asked.json)
    return 1 if failed else 0


def _verify(asked: argparse.Namespace) -> int:
    given, held = trust(asked), rules(asked)
    now = asked.at or datetime.now(UTC)
    worst = 0
    for path in asked.files:
        verdict = verify(files.read(path, most=held.most_bytes), given, held, now)
        worst = max(worst, EXITS[verdict.status.value])
        _tell_verdict(path, verdict, asked.json)
        if asked.content is not None and verdict.valid:
            _keep(asked.content, path, verdict)
    return worst


def _tell_result(result: batch.Result, number: int, total: int, as_json: bool) -> None:
    if as_json:
        told: dict[str, Any] = {
            "number": number,
            "total": total,
            "source": str(result.source),
            "out": str(result.out),
            "state": result.state.value,
        }
        shared.tell(told | (shared.why(result.code, result.facts) if result.code else {}), True)
        return
    told_why = words.told(result.code, result.facts) if result.code else str(result.out)
    print(f"[{number}/{total}] {result.source}: {result.state.value}: {told_why}", flush=True)


def told(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON; the verified bytes are not in it."""
    return {
        "status": verdict.status.value,
        "reason": verdict.reason,
        **words.both(verdict.reason),
        "profile": verdict.profile,
        "policy": verdict.policy,
        "facts": dict(verdict.facts),
        "signatory": shared.plain(verdict.signatory) if verdict.signatory else None,
        "claimed_at": shared.iso(verdict.claimed_at),
        "stamped_at": shared.iso(verdict.stamped_at),
    }


def _tell_verdict(path: Path, verdict: Verdict, as_json: bool) -> None:
    if as_json:
        shared.tell({"file": str(path), **told(verdict)}, True)
        return
    who = f" ({verdict.signatory.name})" if verdict.signatory else ""
    print(f"{path}: {verdict.status.value}{who}")
    print(f"  {words.told(verdict.reason, verdict.facts)}")


def _keep(folder: Path, path: Path, verdict: Verdict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for part in verdict.parts:
        files.write(folder / Path(part.name or path.name).name, part.data)
