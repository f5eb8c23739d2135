"""A cluster to talk to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.argo.cluster.fake import Fake, kubeconfig, serving


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    """Give a Kubernetes API to which the kubeconfig leads."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as server:
        kubeconfig(tmp_path / "kubeconfig", server.address, monkeypatch)
        yield server
