"""What holds for all tests."""

import os

from hypothesis import settings

# No deadline, as the machine may be busy. Where others wait for the result, the same examples in every run; on a
# developer's machine, new ones each time.
settings.register_profile("eas", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("eas")
