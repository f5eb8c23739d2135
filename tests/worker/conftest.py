"""A site of its own for every test."""

from pathlib import Path

import pytest

from tests.worker.harness import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return an empty site."""
    return Site(tmp_path)
