"""A member's machine in a box."""
