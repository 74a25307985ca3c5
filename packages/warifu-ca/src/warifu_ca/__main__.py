"""`python -m warifu_ca`: the command line."""

from warifu_ca.cli import main

main()
