"""Whether a certificate could sign, at a moment, under a policy: path, usage, keys, revocation."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import (
    DisallowedAlgorithmError,
    ExpiredError,
    InsufficientRevinfoError,
    NotYetValidError,
    PathBuildingError,
    PathError,
    RevokedError,
    StaleRevinfoError,
    ValidationError,
)
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import (
    DisallowWeakAlgorithmsPolicy,
    PKIXValidationParams,
)

from warifu_sign import frozen
from warifu_sign.dsa import Inheriting
from warifu_sign.policy import Policy
from warifu_sign.pool import relevant
from warifu_sign.verdict import Status

WEAK = frozenset({"md2", "md4", "md5", "sha1", "sha224"})


@dataclass(frozen=True, slots=True)
class Trust:
    """What the caller trusts and has at hand; all DER. crls and ocsps: evidence of revocation."""

    roots: tuple[bytes, ...]
    intermediates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about a certificate; reason "" when it may sign."""

    status: Status
    reason: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


GOOD = Finding(Status.VALID)


def signer(
    certificate: x509.Certificate,
    others: tuple[x509.Certificate, ...],
    trust: Trust,
    policy: Policy,
    now: datetime,
    *,
    stamped: datetime | None = None,
) -> Finding:
    """Judge a signer's certificate. others: what came with the signature.

    stamped: when a trusted time stamp proves the signature to have existed; the certificate is
    then judged at that moment, with all that is known of it now.
    """
    leaf, at = frozen.of(certificate), stamped or now
    for found in (_usage(leaf, policy), _period(leaf, policy, at)):
        if found.reason:
            return found
    given = tuple(one.public_bytes(Encoding.DER) for one in others)
    return path(leaf, given, trust, policy, at, retroactive=stamped is not None)


def path(
    leaf: asn1.Certificate,
    others: tuple[bytes, ...],
    trust: Trust,
    policy: Policy,
    at: datetime,
    *,
    retroactive: bool = False,
) -> Finding:
    """Judge the path from a certificate to a trusted root (RFC 5280, section 6), whatever its use.

    others: in DER. retroactive: evidence newer than `at` counts too, as it must where a stamp
    proves `at`.
    """
    try:
        pool = relevant(leaf, (*others, *trust.intermediates), trust.crls)
        roots = [frozen.loaded(one) for one in trust.roots]
        context = ValidationContext(
            trust_roots=roots,
            other_certs=pool.certificates,
            moment=at,
            crls=pool.lists,
            ocsps=list(trust.ocsps),
            allow_fetching=False,
            revocation_mode="require" if policy.revocation == "require" else "hard-fail",
            algorithm_usage_policy=_algorithms(policy),
            signature_validator=Inheriting((leaf, *pool.certificates, *roots)),
            time_tolerance=policy.clock_tolerance,
            retroactive_revinfo=retroactive,
        )
        validator = CertificateValidator(leaf, None, context, _parameters(policy))
        found = asyncio.run(validator.async_validate_path())
    except Exception as error:  # the library raises bare errors on malformed certificates
        return _failure(error)
    return _keys(found, policy)


def _parameters(policy: Policy) -> PKIXValidationParams:
    return PKIXValidationParams(
        user_initial_policy_set=policy.certificate_policies or frozenset({"any_policy"}),
        initial_explicit_policy=policy.explicit_policy,
        initial_policy_mapping_inhibit=policy.inhibit_mapping,
        initial_any_policy_inhibit=policy.inhibit_any_policy,
    )


def _algorithms(policy: Policy) -> DisallowWeakAlgorithmsPolicy:
    """The kinds of key that the policy does not know are refused in `_keys`."""
    return DisallowWeakAlgorithmsPolicy(
        WEAK - policy.digests,
        rsa_key_size_threshold=policy.rsa_bits[0],
        dsa_key_size_threshold=0,
    )


def _usage(leaf: asn1.Certificate, policy: Policy) -> Finding:
    if leaf.ca:
        return Finding(Status.INVALID, "signer-is-ca")
    allowed = leaf.key_usage_value.native if leaf.key_usage_value is not None else set()
    if not allowed & policy.usages:
        return Finding(Status.INVALID, "key-usage", {"found": ", ".join(sorted(allowed)) or "-"})
    extended = leaf.extended_key_usage_value
    if extended is not None and not {one.dotted for one in extended} & policy.extended_usages:
        return Finding(Status.INVALID, "extended-key-usage", {"found": ", ".join(extended.native)})
    return GOOD


def _period(leaf: asn1.Certificate, policy: Policy, at: datetime) -> Finding:
    """Its own end says more than what is missing about its issuers at that time."""
    if at > leaf.not_valid_after + policy.clock_tolerance:
        return Finding(Status.INVALID, "certificate-expired", {"at": _iso(leaf.not_valid_after)})
    if at < leaf.not_valid_before - policy.clock_tolerance:
        from_then = {"from": _iso(leaf.not_valid_before)}
        return Finding(Status.INVALID, "certificate-not-yet-valid", from_then)
    return GOOD


def _iso(moment: datetime) -> str:
    return moment.isoformat()


def _keys(found: ValidationPath, policy: Policy) -> Finding:
    certificates = [one for one in found if isinstance(one, asn1.Certificate)]
    if len(certificates) > policy.longest_path:
        return Finding(Status.INVALID, "path-long", {"length": str(len(certificates))})
    for one in certificates:
        weak = _weak_key(one, policy)
        if weak:
            return Finding(Status.INVALID, "key-weak", {"key": weak})
    return GOOD


def _weak_key(certificate: asn1.Certificate, policy: Policy) -> str:
    """What is wrong with a certificate's key under the policy, or ""."""
    public = certificate.public_key
    kind = public.algorithm
    if kind in ("rsa", "rsassa_pss"):
        least, most = policy.rsa_bits
        return "" if least <= public.bit_size <= most else f"rsa-{public.bit_size}"
    if kind == "ec":
        form, curve = public.curve
        return "" if form == "named" and curve in policy.curves else f"ec-{form}"
    return "" if kind in policy.other_keys else str(kind)


def _failure(error: Exception) -> Finding:
    """The verdict on what the library raised. What it does not know to be bad stays undecided."""
    if isinstance(error, RevokedError):
        when = error.revocation_dt.isoformat()
        why = error.reason.native
        return Finding(Status.INVALID, "certificate-revoked", {"at": when, "why": str(why)})
    if isinstance(error, ExpiredError):
        return Finding(Status.INVALID, "certificate-expired", {"at": error.expired_dt.isoformat()})
    if isinstance(error, NotYetValidError):
        return Finding(
            Status.INVALID, "certificate-not-yet-valid", {"from": error.valid_from.isoformat()}
        )
    if isinstance(error, StaleRevinfoError):
        return Finding(Status.INDETERMINATE, "revocation-stale")
    if isinstance(error, InsufficientRevinfoError):
        return Finding(Status.INDETERMINATE, "revocation-unknown")
    if isinstance(error, DisallowedAlgorithmError):
        return Finding(Status.INVALID, "algorithm-weak")
    if isinstance(error, PathBuildingError):
        return Finding(Status.INDETERMINATE, "root-unknown")
    if isinstance(error, ValidationError | PathError):
        return Finding(Status.INVALID, "path-invalid", {"why": str(error)[:200]})
    return Finding(Status.INVALID, "certificate-malformed", {"why": type(error).__name__})
