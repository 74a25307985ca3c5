"""Downloads and outcomes in bulk: state tables and sealed segments."""

from warifu.engines.traffic.store import SqliteTraffic

__all__ = ["SqliteTraffic"]
