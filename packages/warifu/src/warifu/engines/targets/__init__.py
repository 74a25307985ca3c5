"""The TUF repository and its one fenced signer."""

from warifu_wire import light as light  # before any module here loads tuf
