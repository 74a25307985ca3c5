"""Append-only hash-chained events, rows for reading, and due work."""
