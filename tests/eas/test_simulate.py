"""Scripts of simulations: what is wrong is told at its place; what a chain comes to is told in path order."""

from pathlib import Path

import pytest

from eas.simulate import read_script
from eas_argo.laptop.stubs import Entry
from eas_compiler.diagnostics import Diagnostics
from eas_compiler.render import as_data
from tests.reference.comparing import simulate


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("{}", Entry({}, "pass")),
        ('{"verdict": "warn"}', Entry({}, "warn")),
        ('{"metadata": {"a": [1, "b", null]}}', Entry({"a": [1, "b", None]}, "pass")),
        ('{"metadata": [{"a": 1}, {}], "verdict": "no_work"}', Entry([{"a": 1}, {}], "no_work")),
    ],
)
def test_entries(tmp_path: Path, text: str, entry: Entry) -> None:
    """Both fields are optional."""
    (tmp_path / "s.json").write_text(f'{{"a": {text}}}')
    diagnostics = Diagnostics()
    script = read_script(tmp_path / "s.json", diagnostics)
    assert script.entries == {"a": entry}
    assert not list(diagnostics)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("[]", 1, "a script must be an object"),
        ('{"a": 3}', 7, "an entry must be an object"),
        ('{"a": {"verdic": "pass"}}', 8, "unknown field 'verdic'"),
        ('{"a": {"verdict": "good"}}', 19, "'good' is no verdict"),
        ('{"a": {"verdict": ["pass"]}}', 19, "['pass'] is no verdict"),
        ('{"a": {"verdict": null}}', 19, "None is no verdict"),
        ('{"a": {"metadata": 3}}', 20, "metadata must be an object, or a list of them"),
        ('{"a": {"metadata": [{}, 3]}}', 25, "metadata must be an object, or a list of them"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, column: int, message: str) -> None:
    """Each is an error at its place."""
    (tmp_path / "s.json").write_text(text)
    diagnostics = Diagnostics()
    read_script(tmp_path / "s.json", diagnostics)
    (mistake,) = diagnostics
    shown = as_data(mistake, None)
    assert (shown["line"], shown["column"]) == (1, column)
    assert message in mistake.message


def test_lines_in_path_order() -> None:
    """`/t2` comes before `/t10`."""
    lines = simulate({"task_list": [{"task": "null"}] * 12}, {}).lines()
    assert [line["path"] for line in lines] == [f"/t{number}" for number in range(12)]
