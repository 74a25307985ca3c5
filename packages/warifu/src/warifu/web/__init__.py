"""Doors on the network: files and gate before Django, console and portal behind it."""
