"""`python -m warifu_client` is `warifu-update`."""

import sys

from warifu_client.cli import main

if __name__ == "__main__":
    sys.exit(main())
