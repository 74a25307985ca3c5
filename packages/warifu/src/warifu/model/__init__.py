"""Nouns: frozen dataclasses, pure rules, and the ports an engine must fill; no I/O."""
