"""What holds for all tests."""

import os

import pytest
from hypothesis import settings

# No deadline, as the machine may be busy. Where others wait for the result, the same examples in every run; on a
# developer's machine, new ones each time.
settings.register_profile("eas", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("eas")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of all tests."""
    parser.addoption("--remake", action="store_true", help="write golden files anew; look at what changed")


@pytest.fixture
def remake(request: pytest.FixtureRequest) -> bool:
    """Tell whether golden files are to be written anew."""
    return bool(request.config.getoption("--remake"))
