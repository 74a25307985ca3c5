"""The frozen launcher's entry: it is never updated, so nothing else is in it."""

import sys

from warifu_client.launcher import main

sys.exit(main(sys.argv[1:]))
