"""Statements and the keys that sign them, chosen by URI."""
