"""Names fixed by the standards: namespaces, algorithms, reference types."""

from __future__ import annotations

DS = "http://www.w3.org/2000/09/xmldsig#"
XADES = "http://uri.etsi.org/01903/v1.3.2#"
XML = "http://www.w3.org/XML/1998/namespace"

INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = DS + "enveloped-signature"

SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
ECDSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"

SIGNED_PROPERTIES = "http://uri.etsi.org/01903#SignedProperties"

DIGESTS = {
    SHA256: "sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
    DS + "sha1": "sha1",
    "http://www.w3.org/2001/04/xmldsig-more#md5": "md5",
}
SIGNATURES = {
    RSA_SHA256: ("rsa", "sha256"),
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384": ("rsa", "sha384"),
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512": ("rsa", "sha512"),
    ECDSA_SHA256: ("ecdsa", "sha256"),
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384": ("ecdsa", "sha384"),
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512": ("ecdsa", "sha512"),
    DS + "rsa-sha1": ("rsa", "sha1"),
    DS + "hmac-sha1": ("hmac", "sha1"),
    "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256": ("hmac", "sha256"),
}


def ds(name: str) -> str:
    """The qualified name of an XMLDSig element."""
    return f"{{{DS}}}{name}"


def xades(name: str) -> str:
    """The qualified name of a XAdES element."""
    return f"{{{XADES}}}{name}"
