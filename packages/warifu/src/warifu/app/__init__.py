"""Wiring: configuration, engines, the table of reactions, and operations."""
