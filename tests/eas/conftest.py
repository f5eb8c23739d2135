"""A machine to run chains on."""

from pathlib import Path

import pytest

from tests.eas.harness import Laptop


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    """Return a machine without any programs yet."""
    return Laptop(tmp_path)
