"""The updater and launcher on a member's machine."""

from warifu_wire import light as light  # before any module here loads tuf
