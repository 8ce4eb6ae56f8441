"""``python -m rarecare``: the command line."""

import sys

from rarecare.cli import main

sys.exit(main())
