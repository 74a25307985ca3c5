"""The frozen updater's entry: the command line."""

import sys

from warifu_client.cli import main

sys.exit(main())
