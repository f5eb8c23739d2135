"""`python -m eas`."""

import sys

from eas.cli import main

sys.exit(main())
