"""From a compressed blob to a verified file: never more bytes than signed, never other bytes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from backports import zstd

from warifu_wire.digest import Digest
from warifu_wire.errors import Fault, Mismatch

CHUNK = 1 << 17


def bound(size: int) -> int:
    """The most bytes that an honest blob of `size` bytes takes (zstd's own bound, rounded up)."""
    return size + (size >> 7) + 1024


def unpack(part: Path, kept: Path, wanted: Digest, size: int) -> Path:
    """Write the content of `part` to `kept`, on disk; raises `Mismatch`, and then there is none."""
    half = kept.with_suffix(".half")
    found, left = hashlib.sha256(), size
    try:
        with part.open("rb") as source, half.open("wb", buffering=0) as stream:
            with zstd.ZstdFile(source) as plain:
                while chunk := plain.read(CHUNK):
                    left -= len(chunk)
                    if left < 0:
                        break
                    found.update(chunk)
                    stream.write(chunk)
            os.fsync(stream.fileno())
        if left or found.hexdigest() != wanted:
            raise Mismatch("wrong-bytes", needed=wanted, found=found.hexdigest(), left=left)
        half.replace(kept)
    except (zstd.ZstdError, EOFError) as error:
        raise Mismatch("wrong-bytes", needed=wanted, why="not a zstd blob") from error
    except OSError as error:
        raise Fault(f"cannot write {kept}: {error.strerror}", needed="disk space") from error
    finally:
        half.unlink(missing_ok=True)
    return kept
