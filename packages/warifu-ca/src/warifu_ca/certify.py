"""One certificate: profile, names and keys in, a signed X.509 certificate out (RFC 5280)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from warifu_ca import keys, names
from warifu_ca.names import Holder
from warifu_ca.profiles import Profile
from warifu_wire.times import Instant


@dataclass(frozen=True, slots=True)
class Places:
    """Where an authority answers, and what it is called in Japanese."""

    url: str
    name_ja: str

    def crl(self, issuer: str) -> str:
        """The CRL's address."""
        return f"{self.url}/{issuer}.crl"

    def certificate(self, issuer: str) -> str:
        """The issuing certificate's address."""
        return f"{self.url}/{issuer}.cer"

    @property
    def ocsp(self) -> str:
        """The responder's address."""
        return f"{self.url}/ocsp"

    @property
    def statement(self) -> str:
        """The practice statement's address."""
        return f"{self.url}/cps"


def serial_number() -> int:
    """127 random bits, never 0 (CA/Browser Forum asks for at least 64)."""
    return secrets.randbits(127) | 1 << 120


def hexadecimal(serial: int) -> str:
    """A serial number as it is written everywhere outside DER."""
    return f"{serial:x}"


def certificate(
    profile: Profile,
    who: Holder | str,
    public: keys.PublicKey,
    signer: keys.PrivateKey,
    issuer: x509.Certificate | None,
    places: Places,
    now: Instant,
) -> x509.Certificate:
    """A certificate of `profile`; `issuer` is None for a self-signed one.

    It ends with its issuer at the latest.
    """
    subject = names.subject(profile, who)
    ends = now + profile.validity
    if issuer is not None:
        ends = min(ends, issuer.not_valid_after_utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(public)
        .serial_number(serial_number())
        .not_valid_before(now)
        .not_valid_after(ends)
    )
    parent = public if issuer is None else keys.public_of(issuer)
    for extension, critical in [
        *_constraints(profile, public, parent),
        *_alternatives(profile, who, places),
        *(() if issuer is None else _addresses(profile, places)),
    ]:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer, keys.hash_for(signer))


Extensions = list[tuple[x509.ExtensionType, bool]]


def _constraints(profile: Profile, public: keys.PublicKey, parent: keys.PublicKey) -> Extensions:
    used = set(profile.key_usage)
    found: Extensions = [
        (x509.SubjectKeyIdentifier.from_public_key(public), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(parent), False),
        (
            x509.KeyUsage(
                digital_signature="digital_signature" in used,
                content_commitment="content_commitment" in used,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign="key_cert_sign" in used,
                crl_sign="crl_sign" in used,
                encipher_only=False,
                decipher_only=False,
            ),
            True,
        ),
    ]
    if profile.ca:
        found.append((x509.BasicConstraints(ca=True, path_length=profile.path_length), True))
    if profile.extended_key_usage:
        usages = [x509.ObjectIdentifier(oid) for oid in profile.extended_key_usage]
        found.append((x509.ExtendedKeyUsage(usages), profile.extended_key_usage_critical))
    if profile.no_check:
        found.append((x509.OCSPNoCheck(), False))
    return found


def _alternatives(profile: Profile, who: Holder | str, places: Places) -> Extensions:
    found: Extensions = []
    country = dict(profile.subject).get("C", "JP")
    if isinstance(who, Holder):
        japanese = names.in_japanese(country, who.name)
        found.append((x509.SubjectAlternativeName([japanese]), False))
        house = names.in_japanese(country, places.name_ja)
        found.append((x509.IssuerAlternativeName([house]), False))
    if profile.policies:
        statement = [places.statement] if isinstance(who, Holder) else None
        rows = [
            x509.PolicyInformation(x509.ObjectIdentifier(oid), statement)
            for oid in profile.policies
        ]
        found.append((x509.CertificatePolicies(rows), profile.policies_critical))
    return found


def _addresses(profile: Profile, places: Places) -> Extensions:
    uri = x509.UniformResourceIdentifier
    point = x509.DistributionPoint([uri(places.crl(profile.issuer))], None, None, None)
    issuer = x509.AccessDescription(
        AuthorityInformationAccessOID.CA_ISSUERS, uri(places.certificate(profile.issuer))
    )
    responder = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, uri(places.ocsp))
    answered = profile.issuer == "issuing" and not profile.no_check
    asked = [responder, issuer] if answered else [issuer]
    found: Extensions = [(x509.AuthorityInformationAccess(asked), False)]
    if not profile.no_check:
        found.append((x509.CRLDistributionPoints([point]), False))
    return found
