"""`python -m warifu_host` is `warifu-host`."""

from warifu_host.cli import main

if __name__ == "__main__":
    main()
