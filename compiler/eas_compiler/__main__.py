"""`python -m eas_compiler`."""

import sys

from eas_compiler.cli import main

sys.exit(main())
