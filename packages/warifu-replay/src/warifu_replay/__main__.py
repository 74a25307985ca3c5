"""`python -m warifu_replay`."""

from __future__ import annotations

from warifu_replay.cli import main

main()
