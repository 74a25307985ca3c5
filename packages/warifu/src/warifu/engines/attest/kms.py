"""Keys in a cloud key store: `awskms:<id>`, `gcpkms:<name>`, `azurekms:<vault>/<name>`.

The store has made them and signs with them; securesystemslib speaks to it, with the credentials
that the cloud's own library finds. That library is not one of ours and has to be installed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from securesystemslib.exceptions import UnsupportedLibraryError
from securesystemslib.signer import _aws_signer
from securesystemslib.signer._azure_signer import AzureSigner
from securesystemslib.signer._gcp_signer import GCPSigner
from securesystemslib.signer._key import SSlibKey

from warifu_wire.errors import Fault, Malformed
from warifu_wire.keys import PublicKey, public_key

LIBRARIES = {"awskms": "boto3", "azurekms": "azure-keyvault-keys", "gcpkms": "google-cloud-kms"}


def holds(place: str) -> bool:
    """Whether a place is one of a cloud key store."""
    return place.partition(":")[0] in LIBRARIES


def loaded(scheme: str) -> None:
    """Load a cloud's library where it was left out when this process began (warifu_wire.light)."""
    if scheme == "awskms" and _aws_signer.AWS_IMPORT_ERROR:
        importlib.reload(_aws_signer)


def public(place: str) -> tuple[str, PublicKey]:
    """The key's URI and its public half, asked of the store; raises `Malformed`, `Fault`."""
    scheme, _, name = place.partition(":")
    if not name or (scheme == "azurekms" and name.count("/") != 1):
        raise Malformed("kms-uri", needed="awskms:…, gcpkms:… or azurekms:<vault>/<key>", uri=place)
    try:
        uri, key = _reading(scheme, name)()
    except UnsupportedLibraryError as error:
        needed = f"that library: pip install {LIBRARIES[scheme]}"
        raise Fault(f"{place} needs a library: {error}", needed=needed) from error
    except Exception as error:  # each store raises what it likes; all of it is its failure
        what = f"the key store of {place} failed: {type(error).__name__} {error}"
        raise Fault(what, needed="the key store, its credentials and this key") from error
    return uri, public_key(key.keyid, key.to_dict())


def _reading(scheme: str, name: str) -> Callable[[], tuple[str, SSlibKey]]:
    """How the store is asked."""
    loaded(scheme)
    vault, _, key = name.partition("/")
    ways: dict[str, Callable[[], tuple[str, SSlibKey]]] = {
        "awskms": lambda: _aws_signer.AWSSigner.import_(name),
        "azurekms": lambda: AzureSigner.import_(vault, key),
        "gcpkms": lambda: GCPSigner.import_(name),
    }
    return ways[scheme]
