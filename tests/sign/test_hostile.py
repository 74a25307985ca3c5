"""Nothing hostile is ever valid, raises, or costs more than a document may."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from asn1crypto import x509 as asn1
from asn1crypto.keys import PrivateKeyInfo
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from tests.sign import hostile
from tests.sign.pki import APPLICATION, DAY, NOW, Authority, ec_key, rsa_key
from warifu_sign import policy
from warifu_sign.chain import Trust
from warifu_sign.documents import verify
from warifu_sign.errors import Refusal
from warifu_sign.keys import LoadedKey
from warifu_sign.policy import shipped
from warifu_sign.verdict import Status
from warifu_sign.xml.sign import enveloped

pytestmark = pytest.mark.repeats

SECONDS = 20
BYTES = 512 << 20


@pytest.fixture(scope="module")
def attacked() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def documents(attacked: Authority) -> dict[str, bytes]:
    return hostile.everything(attacked)


def test_none_is_valid(attacked: Authority, documents: dict[str, bytes]) -> None:
    assert len(documents) > 50
    found = {
        name: verify(data, attacked.trust(), shipped(), NOW) for name, data in documents.items()
    }
    assert {name for name, verdict in found.items() if verdict.valid} == set()
    assert {name for name, verdict in found.items() if verdict.parts} == set()


def test_each_reason_is_the_right_one(attacked: Authority) -> None:
    for name, data in hostile.certificates(attacked):
        verdict = verify(data, attacked.trust(), shipped(), NOW)
        assert (verdict.status, verdict.reason) == (Status.INVALID, name.partition(" ")[0])


def test_the_honest_twin_is_valid(attacked: Authority) -> None:
    honest = enveloped(APPLICATION, attacked.issue(ec_key()), at=NOW)
    assert verify(honest, attacked.trust(), shipped(), NOW).valid


def limits() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


def test_all_together_stay_within_time_and_memory(
    attacked: Authority, documents: dict[str, bytes], tmp_path: Path
) -> None:
    names = []
    for number, data in enumerate(documents.values()):
        path = tmp_path / f"{number}"
        path.write_bytes(data)
        names.append(path.name)
    (tmp_path / "root.pem").write_bytes(attacked.root.public_bytes(Encoding.PEM))
    (tmp_path / "list.crl").write_bytes(attacked.crl())
    # The peak of the program alone: what getrusage gives begins with that of the process it forked.
    code = (
        "import sys\n"
        "from warifu_sign import cli\n"
        "try: cli.main(sys.argv[1:])\n"
        "finally:\n"
        "    rows = open('/proc/self/status').read().splitlines()\n"
        "    peak = next(row.split()[1] for row in rows if row.startswith('VmHWM'))\n"
        "    print(int(peak) * 1024, file=sys.stderr)"
    )
    words = ["verify", *names, "--root", "root.pem", "--crl", "list.crl", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limits,
        env={**os.environ, "COVERAGE_PROCESS_START": ""},
    )
    told = [json.loads(line)["status"] for line in done.stdout.splitlines()]
    assert len(told) == len(names), done.stderr
    assert "valid" not in told
    assert "Traceback" not in done.stderr
    assert int(done.stderr.splitlines()[-1]) < BYTES


def test_a_gigabyte_is_refused_by_its_size(tmp_path: Path) -> None:
    with (tmp_path / "gigabyte.xml").open("wb") as huge:
        huge.truncate(1 << 30)
    done = subprocess.run(
        [sys.executable, "-m", "warifu_sign", "verify", "gigabyte.xml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "file-large" in done.stderr


def test_clocks_and_stale_lists(attacked: Authority) -> None:
    key = attacked.issue(ec_key())
    data = enveloped(APPLICATION, key, at=NOW)
    fresh = attacked.trust()
    assert verify(data, fresh, shipped(), NOW + DAY).valid
    assert verify(data, fresh, shipped(), NOW - DAY).reason == "time-in-future"
    stale = Trust(fresh.roots, crls=(attacked.crl(this=NOW - 20 * DAY, following=NOW - DAY),))
    verdict = verify(data, stale, shipped(), NOW)
    assert (verdict.status, verdict.reason) == (Status.INDETERMINATE, "revocation-stale")
    foreign = Trust(fresh.roots, crls=(Authority().crl(),))
    assert not verify(data, foreign, shipped(), NOW).valid


def answered(authority: Authority, key: LoadedKey, by: Authority, good: bool) -> bytes:
    """An OCSP answer about a certificate, signed by an authority."""
    state = ocsp.OCSPCertStatus.GOOD if good else ocsp.OCSPCertStatus.REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        key.certificate,
        authority.root,
        hashes.SHA256(),
        state,
        NOW - DAY,
        NOW + DAY,
        None if good else NOW - DAY,
        None,
    )
    responder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, by.root)
    return responder.sign(by.key, hashes.SHA256()).public_bytes(Encoding.DER)


def with_responder(authority: Authority) -> LoadedKey:
    """A certificate that says where its state is answered."""
    place = x509.UniformResourceIdentifier("http://ocsp.example")
    access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)
    responder = x509.AuthorityInformationAccess([access])
    return authority.issue(ec_key(), extensions=[(responder, False)])


@pytest.mark.parametrize(
    ("own", "good", "reason"),
    [(True, True, "ok"), (True, False, "certificate-revoked"), (False, True, "revocation-unknown")],
)
def test_ocsp_counts_only_from_the_right_authority(
    attacked: Authority, own: bool, good: bool, reason: str
) -> None:
    key = with_responder(attacked)
    data = enveloped(APPLICATION, key, at=NOW)
    by = attacked if own else Authority()
    trust = Trust(attacked.trust().roots, ocsps=(answered(attacked, key, by, good),))
    assert verify(data, trust, shipped(), NOW).reason == reason


@pytest.mark.parametrize(
    ("critical", "usages", "reason"),
    [
        (True, [ExtendedKeyUsageOID.TIME_STAMPING], "ok"),
        (False, [ExtendedKeyUsageOID.TIME_STAMPING], "stamp-purpose"),
        (True, [ExtendedKeyUsageOID.CODE_SIGNING], "stamp-purpose"),
        (
            True,
            [ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.EMAIL_PROTECTION],
            "stamp-purpose",
        ),
    ],
)
def test_a_stamp_is_only_from_a_certificate_for_stamps(
    attacked: Authority, critical: bool, usages: list[x509.ObjectIdentifier], reason: str
) -> None:
    private = rsa_key(number=5)
    extended = (x509.ExtendedKeyUsage(usages), critical)
    tsa = attacked.issue(private, subject="TSA", extensions=[extended])
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    stamper = DummyTimeStamper(
        asn1.Certificate.load(tsa.certificate.public_bytes(Encoding.DER)),
        PrivateKeyInfo.load(der),
        SimpleCertificateStore(),
        fixed_dt=NOW,
    )

    def stamp(data: bytes) -> bytes:
        digest = hashlib.sha256(data).digest()
        found = asyncio.run(stamper.async_timestamp(digest, "sha256"))
        return bytes(found.dump())

    data = enveloped(APPLICATION, attacked.issue(ec_key()), at=NOW, stamp=stamp)
    verdict = verify(data, attacked.trust(), shipped(), NOW)
    assert verdict.reason == reason
    assert verdict.stamped_at == (NOW if reason == "ok" else None)


def test_a_policy_is_read_strictly() -> None:
    stated = json.loads(Path(policy.__file__).with_name("policy.json").read_bytes())
    for change in (
        {"unknown": 1},
        {"revocation": "off"},
        {"digests": "sha256"},
        {"rsa_bits": [2048]},
        {"explicit_policy": "no"},
        {"version": ""},
    ):
        with pytest.raises(Refusal) as refused:
            policy.parsed(json.dumps(stated | change).encode())
        assert refused.value.code == "policy-malformed"
    for data in (b"{}", b"[]", b"", b"null"):
        with pytest.raises(Refusal):
            policy.parsed(data)
