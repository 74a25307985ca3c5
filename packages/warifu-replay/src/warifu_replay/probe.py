"""What the production probe does with the tool once it runs: the usual work of a member.

Fetch a certificate from the authority, sign XML and PDF in the host, and verify with programs
that are not ours.
"""

from __future__ import annotations

import json
from pathlib import Path

_ID = "http://uri.etsi.org/01903/v1.3.2#:SignedProperties"
_TREE = "{machine}/current"
_OWN = "probe-{release}"


def tables(host: Path, authority: Path, secret: str, address: str, samples: Path) -> str:
    """The `[probe]` tables of warifu.toml; `samples` holds sample.xml, sample.pdf and root.pem."""
    python = "{python}"
    own = "{folder}/own.p12"
    uses: dict[str, dict[str, object]] = {
        "letter": {
            "run": [python, "-m", "warifu_ca", "window", str(authority), "--member", "9999",
                    "--name", "本番確認用", "--roman", "PRODUCTION PROBE", "--json",
                    "--passphrase-fd", "{secret.passphrase}"],
            "secrets": {"passphrase": secret},
        },
        "certificate": {
            "run": ["env", f"PYTHONPATH={_TREE}", python, "-m", "warifu_sign", "certificate",
                    "fetch", "--ca", address, "--reference", "{letter.reference}",
                    "--pin-fd", "{secret.pin}", "--passphrase-fd", "{secret.password}",
                    "--out", own],
            "secrets": {"pin": "{letter.pin}", "password": _OWN},
            "proves": [own],
        },
        **{
            f"sign-{kind}": {
                "run": ["env", "PYTHONPATH={host}", python, "-m", "warifu_host", "sign",
                        "--program", _TREE, "--p12", own, "--passphrase-fd", "{secret.password}",
                        str(samples / f"sample.{kind}"), f"{{folder}}/signed.{kind}"],
                "secrets": {"password": _OWN},
                "proves": [f"{{folder}}/signed.{kind}"],
            }
            for kind in ("xml", "pdf")
        },
        "verify-xml": {
            "run": ["xmlsec1", "--verify", "--trusted-pem", str(samples / "root.pem"),
                    "--id-attr:Id", _ID, "{folder}/signed.xml"],
        },
        # pdfsig exits with 0 whatever it finds: only its words tell.
        "verify-pdf": {
            "run": ["env", "LC_ALL=C", "pdfsig", "-nocert", "{folder}/signed.pdf"],
            "says": "Signature is Valid",
        },
    }  # fmt: skip
    lines = ["[probe]", f"host = {json.dumps(str(host))}"]
    for name, use in uses.items():
        lines += ["", f"[probe.use.{name}]"]
        lines += [f"{key} = {_toml(value)}" for key, value in use.items()]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
