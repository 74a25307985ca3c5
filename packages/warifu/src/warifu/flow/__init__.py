"""Verbs: one module a station on the road; stations never import each other."""
