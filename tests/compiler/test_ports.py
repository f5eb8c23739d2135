"""A file is of one type where it is made and where it is read."""

import json
from pathlib import Path
from typing import Any

from eas_compiler.compile import Options, check
from tests.compiler.compiling import codes

REGISTRY = Path(__file__).parents[2] / "registry.yaml"


def found(*tasks: dict[str, Any]) -> Any:
    """Return what is found in a chain of these tasks of the real registry."""
    return check("x.json", json.dumps({"task_list": tasks}).encode(), Options(registry=REGISTRY)).diagnostics


def search(file: str, **fields: Any) -> dict[str, Any]:
    """Write a search that keeps its periodogram."""
    head = {"task": "transit_search_bls_reference", "inputs": {"lightcurve": "star.gz"}, "lc_duration": 1}
    return {**head, "outputs": {"debugging": file}, **fields}


def verify(file: str) -> dict[str, Any]:
    """Write a task that reads a light curve."""
    return {"task": "verify", "inputs": {"lightcurve": file}}


def test_types_of_ports_are_compared() -> None:
    """Who reads an archive as a light curve is told where it is made."""
    (one,) = found(search("a.tar.gz"), verify("a.tar.gz"))
    assert one.code == "file-type"
    assert "type lightcurve, but 'a.tar.gz' is of type archive" in one.message
    (second,) = one.related
    assert second.source.text[second.start : second.end] == '"a.tar.gz"'


def test_types_are_compared_in_loops_and_across_iterations() -> None:
    """Names that depend on indices are the same file as well, also those of earlier iterations."""
    inside = [search("'a_{i_index}.gz'.format(**metadata)"), verify("'a_{i_index}.gz'.format(**metadata)")]
    loop = {"task": "execution_for_loop", "parameter": "i", "values": [1, 2], "task_list": inside}
    assert codes(found(loop)) == ["file-type"]
    before = verify("'a_{}.gz'.format(metadata['n_index'] - 1)")
    again = {
        "task": "execution_do_while_loop",
        "iteration_name": "n",
        "repeat_criterion": "(metadata['n_index'] < 2)",
        "task_list": [search("'a_{n_index}.gz'.format(**metadata)"), before],
    }
    assert codes(found(search("a_0.gz"), again)) == ["file-type"]


def test_files_of_one_type_are_good() -> None:
    """Nothing is said of a file that is read as what it is."""
    made = {"task": "synthesis_batman", "outputs": {"lightcurve": "star.gz"}}
    assert codes(found(made, verify("star.gz"), search("a.tar.gz"))) == []
