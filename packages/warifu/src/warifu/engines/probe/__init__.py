"""A member's machine in a box."""

from warifu_wire import light as light  # before any module here loads tuf
