"""Statements and the keys that sign them, chosen by URI."""

from warifu_wire import light as light  # before any module here loads tuf
