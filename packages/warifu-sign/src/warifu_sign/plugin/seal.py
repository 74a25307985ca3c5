"""Write the plug-in's digest list: `python -m warifu_sign.plugin.seal [FOLDER]`."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every Python file of a plug-in, by its name."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("*.py"))
    }


def seal(folder: Path) -> None:
    """Renew the digest list in a plug-in's plugin.json."""
    listing = folder / "plugin.json"
    stated = json.loads(listing.read_bytes())
    stated["digests"] = digests(folder)
    listing.write_text(json.dumps(stated, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def main() -> None:
    """Seal the plug-in beside this file, or the one in the folder named."""
    seal(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)


if __name__ == "__main__":
    main()
