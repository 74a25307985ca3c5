"""What travels and what proves it: digests, manifests, routes, stops, and the client's check."""

import importlib
import sys

# securesystemslib loads the library of a cloud's key store wherever one is installed: a fifth of a
# client's start and a tenth of every command's, for a key that is not there. Whoever has such a key
# loads it when the key is asked for (warifu's engines/attest/kms.py).
_LATE = "boto3"
_kept = {_LATE: sys.modules[_LATE]} if _LATE in sys.modules else {}
sys.modules[_LATE] = None  # type: ignore[assignment]
try:
    importlib.import_module("securesystemslib.signer")
finally:
    del sys.modules[_LATE]
    sys.modules.update(_kept)
