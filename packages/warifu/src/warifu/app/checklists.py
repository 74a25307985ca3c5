"""What to do about keys, to be printed and kept: one checklist a case, in Japanese and English.

Every case is drilled in tests/keys with the same commands; a line that begins with `$` is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from warifu_wire.errors import Refusal

Two = tuple[str, str]
"""English, Japanese."""


@dataclass(frozen=True, slots=True)
class Checklist:
    """When it is for, the roles it is about, and what to do, step by step."""

    when: Two
    roles: tuple[str, ...]
    steps: tuple[Two, ...]

    def lines(self, language: str) -> list[str]:
        """To be printed."""
        at = ("en", "ja").index(language)
        steps = [f"[ ] {number}. {step[at]}" for number, step in enumerate(self.steps, 1)]
        return [self.when[at], f"({', '.join(self.roles)})", *steps]

    def commands(self) -> list[str]:
        """The command lines among the steps."""
        return [step[0].removeprefix("$ ") for step in self.steps if step[0].startswith("$ ")]


def _run(command: str) -> Two:
    return (f"$ {command}", f"$ {command}")


TOP = ("root", "targets")
ONLINE = ("snapshot", "timestamp", "gates", "releases", "stops-resigner")
VERIFY: Two = (
    "Update one machine and see that it follows.",
    "1台の端末で更新し、追従することを確認する。",
)
TELL: Two = (
    "Write who decided and when: the ledger has the event `key.rotated`.",
    "誰がいつ決めたかを残す。台帳に `key.rotated` が記録されている。",
)

CASES: Mapping[str, Checklist] = {
    "rotate": Checklist(
        ("A key is to be replaced, nothing has happened.", "何事もなく、予定どおり鍵を交換する。"),
        (*TOP, *ONLINE, "persons", "machines"),
        (
            _run("warifu keys list"),
            _run("warifu keys rotate NAME"),
            (
                "If it says keys-missing: bring the keys it names, and give the same command.",
                "keys-missing と出たら、示された鍵を用意して同じ命令をもう一度行う。",
            ),
            VERIFY,
        ),
    ),
    "threshold": Checklist(
        (
            "All keys of root or targets are to be replaced.",
            "root または targets の鍵をすべて交換する。",
        ),
        TOP,
        (
            (
                "Have at least two of the three former keys at hand until the end.",
                "以前の鍵3本のうち2本以上を最後まで手元に置く。",
            ),
            _run("warifu keys rotate root-1"),
            _run("warifu keys rotate root-2"),
            _run("warifu keys rotate root-3"),
            VERIFY,
        ),
    ),
    "lost": Checklist(
        ("A key or its passphrase is lost.", "鍵またはパスフレーズを失った。"),
        (*TOP, *ONLINE),
        (
            (
                "Of root and targets two of three are enough; the online keys have a standby.",
                "root と targets は3本中2本で足りる。オンラインの鍵には予備がある。",
            ),
            _run("warifu keys rotate NAME"),
            (
                (
                    "Two of three lost: nothing can be signed any more. Ship the updater again "
                    "with a new root, and print its digest in the certificate letter."
                ),
                (
                    "3本中2本を失った場合は署名できない。新しい root を入れた更新プログラムを"
                    "配り直し、その値を電子証明書の通知書に印刷する。"
                ),
            ),
        ),
    ),
    "stolen-online": Checklist(
        (
            "A snapshot, timestamp, gates or releases key is stolen.",
            "snapshot・timestamp・gates・releases の鍵が盗まれた。",
        ),
        ONLINE,
        (
            (
                (
                    "Nothing can be installed with it that two persons have not approved, but "
                    "members may be kept from new stops until the stops role expires (48 hours)."
                ),
                "2名が承認していないものは入らない。ただし停止の知らせが最大48時間届かないことがある。",
            ),
            _run("warifu keys rotate NAME --compromised"),
            (
                "Take the machine it was stolen from out of service, and look for a second key.",
                "盗まれた機器を切り離し、ほかの鍵も調べる。",
            ),
            VERIFY,
            TELL,
        ),
    ),
    "stolen-on-call": Checklist(
        (
            "The key of a person on call, or of the alarm, is stolen.",
            "当番または警報の鍵が盗まれた。",
        ),
        ("oncall", "alarm"),
        (
            _run("warifu keys rotate NAME --compromised"),
            (
                (
                    "Everything it stopped stays stopped. Lift all its entries in one change that "
                    "two persons sign; the stages begin anew."
                ),
                (
                    "止められた版は止まったまま。その停止をまとめて解除する変更に2名が署名する。"
                    "段階配信は最初からになる。"
                ),
            ),
            _run("warifu sign --as approver-1 --lift-by oncall-1"),
            _run("warifu sign --as approver-2 --lift-by oncall-1"),
            _run("warifu publish"),
            VERIFY,
            TELL,
        ),
    ),
    "stolen-verify": Checklist(
        ("The verify key is stolen.", "検証の鍵が盗まれた。"),
        ("verify",),
        (
            (
                "What it vouched for counts for nothing. First stop what is live.",
                "この鍵による検証はすべて無効になる。まず公開中の版を停止する。",
            ),
            _run("warifu keys create verify-2"),
            (
                "Verify the same composition again with the new key, and have it signed off.",
                "新しい鍵で同じ構成を検証し直し、承認を受ける。",
            ),
            _run("warifu keys rotate verify --compromised"),
            TELL,
        ),
    ),
    "approver-leaves": Checklist(
        ("An approver leaves.", "承認者が交代・退職する。"),
        ("approver",),
        (
            (
                "If those who stay are fewer than the rules ask for, let the successor join first.",
                "残る人数が規則に足りないときは、先に後任を加える。",
            ),
            _run("warifu people join approver-3 --role approver"),
            _run("warifu people leave approver-2"),
            (
                (
                    "Live routes were signed again in the same change; open proposals must be "
                    "signed again by those who stay."
                ),
                "公開中の内容は同じ変更の中で署名し直された。承認待ちの提案は署名し直す。",
            ),
            VERIFY,
        ),
    ),
    "token-down": Checklist(
        ("The token or the cloud key store is down.", "鍵の装置またはクラウドが使えない。"),
        ("releases", "snapshot", "timestamp"),
        (
            (
                "Leases and stops go on with the standby keys. Publishing waits.",
                "有効確認と停止は予備の鍵で続く。公開は待つ。",
            ),
            _run("warifu status"),
            (
                "Down for more than the life of releases (30 days): rotate its key elsewhere.",
                "releases の期限(30日)を超えそうなら、鍵を別の場所に作り直す。",
            ),
            _run("warifu keys rotate releases --to asked"),
        ),
    ),
    "clock": Checklist(
        ("The clock of the signing machine was wrong.", "署名する機器の時計が狂っていた。"),
        ("timestamp",),
        (
            (
                "Fast: members refuse the lease. Slow: the signer refuses to sign. No harm stays.",
                "進んでいれば端末が拒否し、遅れていれば署名側が拒否する。害は残らない。",
            ),
            ("Set the clock, then sign the lease again.", "時計を直し、有効確認に署名し直す。"),
            _run("warifu work"),
            VERIFY,
        ),
    ),
    "expired": Checklist(
        ("A role has expired or soon will.", "役割の期限が切れた、または近い。"),
        (*TOP, *ONLINE),
        (
            _run("warifu keys expiring"),
            (
                "Bring two keys each of root and targets.",
                "root と targets の鍵を2本ずつ用意する。",
            ),
            _run("warifu keys renew"),
            _run("warifu work"),
            VERIFY,
        ),
    ),
}


def checklist(case: str) -> Checklist:
    """The checklist of a case; raises `Refusal` for an unknown one."""
    if case not in CASES:
        raise Refusal("no-checklist", needed=f"one of {', '.join(CASES)}", case=case)
    return CASES[case]
