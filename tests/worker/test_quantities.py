"""Amounts in Kubernetes' notation."""

import pytest

from eas_worker.quantities import cores, size_bytes


def test_amounts() -> None:
    """Thousandths of cores; powers of ten and of two."""
    assert [cores("500m"), cores("2"), cores("4k"), cores("1e1")] == [0.5, 2, 4000, 10]
    assert [size_bytes("1Ki"), size_bytes("2G"), size_bytes("7"), size_bytes("1.5Mi")] == [1024, 2 * 10**9, 7, 1572864]
    assert [size_bytes("1Pi"), size_bytes("1e3"), size_bytes("100m"), size_bytes("2E")] == [2**50, 1000, 0, 2 * 10**18]


@pytest.mark.parametrize("quantity", ["1Zi", "", "G", "many", "-1", "1e", "1 G", "nan", "9" * 400])
def test_other_notations(quantity: str) -> None:
    """They are refused by name."""
    with pytest.raises(ValueError, match=f"the amount of memory '{quantity}' is not understood"):
        size_bytes(quantity)
    with pytest.raises(ValueError, match=f"the amount of cores '{quantity}' is not understood"):
        cores(quantity)
