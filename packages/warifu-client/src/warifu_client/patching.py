"""From an old file and a patch to the new file, by any of the formats there are.

A format is a name on the wire and a function; the base's hash is computed on the very bytes that
are patched, and a patch is read only after its signed hash was checked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from backports import zstd

from warifu_wire.delta import Patch
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Fault, Mismatch

Apply: TypeAlias = Callable[[bytes, bytes, int], bytes]


def _hdiff(old: bytes, patch: bytes, size: int) -> bytes:
    del size
    # Only who applies a patch pays for loading this: a check does not.
    import hdiffpatch

    try:
        made: bytes = hdiffpatch.apply(old, patch)
    except hdiffpatch.HDiffPatchError as error:
        raise ValueError("not a patch of this file") from error
    return made


def _zstd(old: bytes, patch: bytes, size: int) -> bytes:
    prefix = zstd.ZstdDict(old, is_raw=True).as_prefix
    window = {int(zstd.DecompressionParameter.window_log_max): 31}
    reader = zstd.ZstdDecompressor(zstd_dict=prefix, options=window)
    return reader.decompress(patch, size + 1)


FORMATS: Mapping[str, Apply] = {"hdiff": _hdiff, "zstd": _zstd}


def patched(base: Path, part: Path, patch: Patch, kept: Path, wanted: Digest, size: int) -> Path:
    """Write the new file to `kept`; raises `Mismatch` when base, patch or result is not as signed.

    The whole file is in memory: providers make patches only for files that fit there.
    """
    apply = FORMATS.get(patch.format)
    try:
        old, told = base.read_bytes(), part.read_bytes()
    except OSError as error:
        raise Fault(f"cannot read {base}: {error.strerror}", needed="read access") from error
    if apply is None or of_bytes(old) != patch.base or of_bytes(told) != patch.sha256:
        raise Mismatch("patch-does-not-fit", needed=patch.base, format=patch.format)
    try:
        made = apply(old, told, size)
    except (zstd.ZstdError, ValueError) as error:
        raise Mismatch("patch-does-not-fit", needed=wanted, why=error) from error
    if len(made) != size or of_bytes(made) != wanted:
        raise Mismatch("patch-does-not-fit", needed=wanted, found=of_bytes(made))
    return stored(kept, made)


def stored(kept: Path, made: bytes) -> Path:
    """Put verified bytes into the store: the file is flushed, its name may be lost and made again.

    Raises `Fault` when the disk refuses.
    """
    half = kept.with_suffix(".half")
    try:
        with half.open("wb", buffering=0) as stream:
            stream.write(made)
            os.fsync(stream.fileno())
        half.replace(kept)
    except OSError as error:
        raise Fault(f"cannot write {kept}: {error.strerror}", needed="disk space") from error
    return kept
