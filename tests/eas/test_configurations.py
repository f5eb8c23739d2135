"""Test configurations: INI files as chains, and the data beside them."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eas.configurations import (
    Configuration,
    ConfigurationError,
    UnknownConfigurationError,
    as_json,
    configurations,
    find,
    metadata_of,
)

INI = """\
; What it shows.
[task]
task = search
lc_duration = 30
name: "'x_{}'.format(1)"

[inputs]
lightcurve = planet.gz
[search_settings]
# where
periods = [1, 2]
fast = true
"""


def test_an_ini_file_is_a_chain_of_one_task() -> None:
    """The section `task` is the task, others are objects in it; values are JSON where they can be."""
    chain = json.loads(as_json(Path("find.ini"), INI))
    assert chain == {
        "job_name": "find",
        "task_list": [
            {
                "task": "search",
                "lc_duration": 30,
                "name": "'x_{}'.format(1)",
                "inputs": {"lightcurve": "planet.gz"},
                "search_settings": {"periods": [1, 2], "fast": True},
            }
        ],
    }


def test_lines_stay_where_they_are() -> None:
    """A mistake is shown at the line of the INI file."""
    written = as_json(Path("find.ini"), INI).splitlines()
    assert '"lightcurve"' in written[7]
    assert len(written) == len(INI.splitlines())


_NAMES = st.text("abx_", min_size=1, max_size=5)
_VALUES = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none())


@settings(max_examples=15)
@given(st.dictionaries(_NAMES, _VALUES), st.dictionaries(_NAMES, st.dictionaries(_NAMES, _VALUES), max_size=3))
def test_whatever_is_written_is_read(own: dict[str, object], sections: dict[str, dict[str, object]]) -> None:
    """Every value of every section comes back."""
    sections = {name: values for name, values in sections.items() if name not in own and name != "task"}
    lines = ["[task]", *(f"{name} = {json.dumps(value)}" for name, value in own.items())]
    for section, values in sections.items():
        lines += [f"[{section}]", *(f"{name}={json.dumps(value)}" for name, value in values.items())]
    assert json.loads(as_json(Path("x.ini"), "\n".join(lines)))["task_list"] == [{**own, **sections}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.ini: there is no section [task]"),
        ("a = 1", "x.ini:1: a value before the section [task]"),
        ("\n[inputs]", "x.ini:2: the first section must be [task], not [inputs]"),
        ("[task]\nwhat", "x.ini:2: neither [section] nor key = value"),
    ],
)
def test_what_is_no_configuration(text: str, message: str) -> None:
    """The message has the file and the line."""
    with pytest.raises(ConfigurationError) as error:
        as_json(Path("x.ini"), text)
    assert str(error.value) == message


@pytest.fixture
def containers(tmp_path: Path) -> Path:
    """Return a folder of two containers, one without configurations."""
    for name in ("one.ini", "two.yaml", "data.gz", "data.gz.metadata.cfg", "data.gz.metadata.yaml"):
        path = tmp_path / "box" / "test_task_configs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_finding(containers: Path) -> None:
    """A container has all of its configurations, its data and their metadata not among them."""
    folder = containers / "box" / "test_task_configs"
    both = [Configuration("box", folder / "one.ini"), Configuration("box", folder / "two.yaml")]
    assert configurations(containers / "box") == find("box", (containers,)) == both
    assert find("box/two", (containers,)) == find(str(folder / "two.yaml"), ()) == both[1:]
    assert both[0].name == "box/one"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bux", "there is no container 'bux'; did you mean 'box'?"),
        ("empty", "empty has no test configuration in "),
        ("box/thre", "box has no test configuration 'thre'; "),
    ],
)
def test_what_is_not_there(containers: Path, name: str, message: str) -> None:
    """The message says what there is."""
    with pytest.raises(UnknownConfigurationError) as error:
        find(name, (containers,))
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("suffix", "text", "expected"),
    [
        ("cfg", "[general]\nperiod = 5.5\nkind: box\n", {"period": 5.5, "kind": "box"}),
        ("yaml", "period: 5.5\nkind: box\n", {"period": 5.5, "kind": "box"}),
        ("json", '{"period": 5.5}', {"period": 5.5}),
    ],
)
def test_metadata_of_data(tmp_path: Path, suffix: str, text: str, expected: dict[str, object]) -> None:
    """What is known of a file stands beside it."""
    path = tmp_path / "planet.gz"
    assert metadata_of(path) == {}
    (tmp_path / f"planet.gz.metadata.{suffix}").write_text(text)
    assert metadata_of(path) == expected


@pytest.mark.parametrize(
    ("suffix", "text", "message"),
    [
        ("yaml", "- 1", "must be an object"),
        ("yaml", "a: [", "is no YAML"),
        ("yaml", "a: .nan", "'a'"),
        ("cfg", "what", ":1: neither"),
    ],
)
def test_metadata_that_are_none(tmp_path: Path, suffix: str, text: str, message: str) -> None:
    """What cannot be read is told with the file."""
    (tmp_path / f"planet.gz.metadata.{suffix}").write_text(text)
    with pytest.raises(ConfigurationError, match=f"planet.gz.metadata.{suffix}.*{message}"):
        metadata_of(tmp_path / "planet.gz")
