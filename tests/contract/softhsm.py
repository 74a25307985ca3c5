"""A real PKCS#11 token for tests: SoftHSM, its configuration known to this process alone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pkcs11
import pytest

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "a pin for trying"
LABEL = "publishing & standby"


@contextmanager
def token(folder: Path) -> Iterator[Path]:
    """A token in a folder; the library reads its configuration once a load. Yields its files."""
    tokens = folder / "tokens"
    tokens.mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {tokens}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
        patch.setenv("PYKCS11LIB", "")
        command = ["softhsm2-util", "--init-token", "--free", "--label", LABEL, "--pin", PIN]
        subprocess.run([*command, "--so-pin", "0123456789"], check=True, capture_output=True)
        try:
            yield tokens
        finally:
            unload()


def unload() -> None:
    """Let go of the library; its next use reads the configuration and the tokens anew."""
    pkcs11.lib(MODULE)
    pkcs11.unload(MODULE)
