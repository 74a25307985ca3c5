"""Measurements against peers and limits; nothing here is a test, nothing in the gate is timed."""
