"""The command line: `warifu-sign sign | verify | certificate`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from warifu_sign import __version__, batch, files, p12, policy, secrets_in, stamps, words
from warifu_sign.certificate import days_left, signatory
from warifu_sign.chain import Trust
from warifu_sign.documents import ALONE, USUAL, Outside, Profile, kind_of, sign, verify
from warifu_sign.errors import Fault, Refusal
from warifu_sign.keys import LoadedKey
from warifu_sign.verdict import Verdict

EXITS = {"valid": 0, "invalid": 1, "indeterminate": 3}


def main(arguments: list[str] | None = None) -> None:
    """Run one command.

    Exit: 0 done (verify: valid), 1 refused or failed (verify: invalid), 2 wrong use,
    3 verify: indeterminate.
    """
    asked = parser().parse_args(arguments)
    try:
        sys.exit(asked.run(asked))
    except (Refusal, Fault) as error:
        told = {"code": error.code, "facts": error.facts, **words.both(error.code)}
        if asked.json:
            print(json.dumps(told, ensure_ascii=False))
        else:
            print(words.told(error.code, error.facts), file=sys.stderr)
        sys.exit(1)


def _sign(asked: argparse.Namespace) -> int:
    profile = Profile(asked.profile) if asked.profile else None
    outside = Outside(stamp=stamps.over_http(asked.tsa)) if asked.tsa else ALONE
    key = unlocked(asked)
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
    trust = Trust(
        *(tuple(der(one) for one in group) for group in (asked.root, asked.intermediate, asked.crl))
    )
    rules = (
        policy.parsed(files.read(asked.policy, most=65536)) if asked.policy else policy.shipped()
    )
    now = asked.at or datetime.now(UTC)
    worst = 0
    for path in asked.files:
        verdict = verify(files.read(path, most=rules.most_bytes), trust, rules, now)
        worst = max(worst, EXITS[verdict.status.value])
        _tell_verdict(path, verdict, asked.json)
        if asked.content is not None and verdict.valid:
            _keep(asked.content, path, verdict)
    return worst


def _show(asked: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    key = unlocked(asked)
    shown = {**_plain(signatory(key.certificate)), "days_left": days_left(key.certificate, now)}
    if asked.json:
        print(json.dumps(shown, ensure_ascii=False))
    else:
        for name, value in shown.items():
            print(f"{name:12} {value}")
    return 0


def unlocked(asked: argparse.Namespace) -> LoadedKey:
    """The key of the certificate file that was named, with the password that was given."""
    data = files.read(asked.p12, most=p12.MOST_BYTES)
    return p12.opened(data, secrets_in.password(asked.passphrase_fd, "パスワード / password: "))


def der(path: Path) -> bytes:
    """A certificate or CRL from a file, in DER, whether it was PEM or DER."""
    data = files.read(path, most=16 << 20)
    if not data.lstrip().startswith(b"-----BEGIN"):
        return data
    from asn1crypto import pem

    _, _, found = pem.unarmor(data)
    return bytes(found)


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(prog="warifu-sign", description=__doc__)
    top.add_argument("--version", action="version", version=__version__)
    verbs = top.add_subparsers(required=True, metavar="sign|verify|certificate")
    told = argparse.ArgumentParser(add_help=False)
    told.add_argument("--json", action="store_true", help="answer in JSON, one object a line")
    owned = argparse.ArgumentParser(add_help=False)
    owned.add_argument("--p12", type=Path, required=True, help="certificate file")
    owned.add_argument("--passphrase-fd", type=int, help="descriptor the password is read from")

    one = verbs.add_parser("sign", parents=[told, owned], help="sign XML and PDF documents")
    one.add_argument("files", nargs="+", type=Path)
    one.add_argument("--profile", choices=[profile.value for profile in Profile])
    one.add_argument("--tsa", help="address of a time-stamping authority")
    one.add_argument("--out", type=Path, help="folder for the signed documents")
    one.set_defaults(run=_sign)

    one = verbs.add_parser("verify", parents=[told], help="judge signed documents")
    one.add_argument("files", nargs="+", type=Path)
    for name in ("root", "intermediate", "crl"):
        one.add_argument(f"--{name}", type=Path, action="append", default=[], help="DER or PEM")
    one.add_argument("--at", type=_instant, help="judge as of this time (ISO 8601 with zone)")
    one.add_argument("--policy", type=Path, help="another policy than the one shipped")
    one.add_argument("--content", type=Path, help="folder for the verified content")
    one.set_defaults(run=_verify)

    certificate = verbs.add_parser("certificate", help="the member's certificate")
    inner = certificate.add_subparsers(required=True, metavar="show")
    inner.add_parser("show", parents=[told, owned]).set_defaults(run=_show)
    return top


def _instant(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError(text)
    return when


def _tell_result(result: batch.Result, number: int, total: int, as_json: bool) -> None:
    if as_json:
        told: dict[str, Any] = {
            "number": number,
            "total": total,
            "source": str(result.source),
            "out": str(result.out),
            "state": result.state.value,
        }
        if result.code:
            told |= {"code": result.code, "facts": result.facts, **words.both(result.code)}
        print(json.dumps(told, ensure_ascii=False), flush=True)
        return
    told_why = words.told(result.code, result.facts) if result.code else str(result.out)
    print(f"[{number}/{total}] {result.source}: {result.state.value}: {told_why}", flush=True)


def _tell_verdict(path: Path, verdict: Verdict, as_json: bool) -> None:
    if as_json:
        found = {
            "file": str(path),
            "status": verdict.status.value,
            "reason": verdict.reason,
            **words.both(verdict.reason),
            "profile": verdict.profile,
            "policy": verdict.policy,
            "facts": dict(verdict.facts),
            "signatory": _plain(verdict.signatory) if verdict.signatory else None,
            "claimed_at": _iso(verdict.claimed_at),
            "stamped_at": _iso(verdict.stamped_at),
        }
        print(json.dumps(found, ensure_ascii=False), flush=True)
        return
    who = f" ({verdict.signatory.name})" if verdict.signatory else ""
    print(f"{path}: {verdict.status.value}{who}")
    print(f"  {words.told(verdict.reason, verdict.facts)}")


def _keep(folder: Path, path: Path, verdict: Verdict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for part in verdict.parts:
        files.write(folder / Path(part.name or path.name).name, part.data)


def _plain(record: Any) -> dict[str, Any]:
    return {
        name: _iso(value) if isinstance(value, datetime) else value
        for name, value in asdict(record).items()
    }


def _iso(when: datetime | None) -> str | None:
    return when.isoformat() if when else None
