"""securesystemslib's signers, without the libraries of key stores that nobody asked for.

It loads the library of a cloud's key store and that of tokens wherever they are installed: a fifth
and a sixth of a client's start, for keys that are not there. Whoever has such a key loads its
library when the key is asked for (warifu's engines/attest/kms.py and hsm.py). Imported before tuf
or securesystemslib, by the rooms that use them.
"""

from __future__ import annotations

import importlib
import sys

_LATE = ("boto3", "pkcs11")


def _lightly(name: str) -> None:
    """Import a module as if the late libraries were not installed."""
    kept = {late: sys.modules[late] for late in _LATE if late in sys.modules}
    sys.modules.update(dict.fromkeys(_LATE))  # type: ignore[arg-type] # None: cannot be imported
    try:
        importlib.import_module(name)
    finally:
        for late in _LATE:
            del sys.modules[late]
        sys.modules.update(kept)


_lightly("securesystemslib.signer")

from securesystemslib.signer import Key as Key  # noqa: E402 - loaded above, lightly
from securesystemslib.signer import Signature as Signature  # noqa: E402
