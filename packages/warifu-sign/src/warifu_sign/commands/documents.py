"""`warifu-sign sign`, `package` and `verify`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asn1crypto import pem

from warifu_sign import batch, files, kousei, policy, stamps, words
from warifu_sign.chain import Trust
from warifu_sign.commands import shared
from warifu_sign.documents import Outside, Profile, sign, usual, verify
from warifu_sign.errors import Refusal
from warifu_sign.verdict import Verdict

EXITS = {"valid": 0, "invalid": 1, "indeterminate": 3}


def add(verbs: shared.Verbs) -> None:
    """Add the verbs to the command line."""
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
    one.add_argument("--visible", action="store_true", help="draw a stamp on PDFs")
    one.add_argument("--stamp-font", type=Path, help="Japanese font the stamp is drawn with")
    for name in ("root", "intermediate", "crl", "ocsp"):
        one.add_argument(f"--{name}", type=Path, action="append", default=[], help="evidence")
    one.set_defaults(run=_sign)

    one = verbs.add_parser(
        "package",
        parents=[shared.json_option(), shared.key_options()],
        help="sign an application with its attachments as one (一体署名)",
        epilog="warifu-sign package 申請書.xml 委任状.pdf --p12 member.p12 --out 申請.zip",
    )
    one.add_argument("files", nargs="+", type=Path, help="the application first")
    one.add_argument("--tsa", help="address of a time-stamping authority")
    one.add_argument("--out", type=Path, required=True, help="package to write")
    one.set_defaults(run=_package)

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


def _package(asked: argparse.Namespace) -> int:
    key = shared.unlocked(asked)
    given = {path.name: files.read(path, most=batch.MOST_BYTES) for path in asked.files}
    if len(given) != len(asked.files):
        raise Refusal("package-name", needed="files whose names differ")
    stamp = stamps.Tsa(asked.tsa).token if asked.tsa else None
    name = asked.files[0].name
    files.write(asked.out, kousei.signed(name, given, key, at=datetime.now(UTC), stamp=stamp))
    shared.tell({"out": str(asked.out), "application": name, "files": len(given)}, asked.json)
    return 0


def _outside(asked: argparse.Namespace) -> Outside:
    return Outside(
        tsa=stamps.Tsa(asked.tsa) if asked.tsa else None,
        trust=trust(asked) if asked.root else None,
        visible=asked.visible,
        font=asked.stamp_font,
    )


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
    outside = _outside(asked)
    key = shared.unlocked(asked)
    if asked.out is not None:
        asked.out.mkdir(parents=True, exist_ok=True)

    def one(_: Path, document: bytes) -> bytes:
        at = datetime.now(UTC)
        return sign(document, key, profile or usual(document), at=at, outside=outside)

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
