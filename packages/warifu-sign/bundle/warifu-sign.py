"""The bundle's entry: the command line."""

from warifu_sign.cli import main

main()
