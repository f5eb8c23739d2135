"""The containers, for every test."""

from pathlib import Path

import pytest

from tests.containers.site import Containers


@pytest.fixture
def containers(tmp_path: Path) -> Containers:
    """Return the containers, with a place for their attempts."""
    return Containers(tmp_path)
