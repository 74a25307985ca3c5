"""`python -m warifu_sign` is `warifu-sign`."""

from warifu_sign.cli import main

if __name__ == "__main__":
    main()
