"""`python -m warifu.cli` is `warifu`."""

from warifu.cli import main

if __name__ == "__main__":
    main()
