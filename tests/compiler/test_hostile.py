"""Whatever a document holds, checking it ends soon, in little memory, with words."""

import gc
import json
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eas_compiler import render
from eas_compiler.compile import Options, check
from tests.compiler.compiling import codes, loop

ROOT = Path(__file__).parents[2]
REAL = Options(registry=ROOT / "registry.yaml", seed="1")
DEMOS = [path.read_bytes() for path in sorted((ROOT / "chains").glob("*.json"))]
SECONDS, BYTES = 2, 200 * 2**20
EXPRESSIONS = [
    "(().__class__.__bases__[0].__subclasses__())",
    "('{0.__class__.__mro__}'.format(1))",
    "(9 ** 9 ** 9)",
    "('x' * 10 ** 9)",
    "('%999999999d' % 1)",
    "([0 for a in range(9999) for b in range(9999)])",
    "(sum([x for x in range(90000)]) + 0)",
    "((lambda f: f(f))(lambda f: f(f)))",
    "(" * 300 + "1" + ")" * 300,
    "(" + "-" * 3000 + "1)",
    "(metadata)",
    "(requested_metadata)",
    "'{a[0].__init__}'.format(**metadata)",
    "(f'{1:{9999999999}}')",
    "(\x00)",
    "('\ud800')",
    "(1 if 1 else)",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(EXPRESSIONS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "task name inputs outputs task_list values criterion parameters parameter retry qc x".split()
            )
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


def assert_harmless(data: bytes) -> list[str]:
    """Check a document within the bounds, write what is found in every form, and return the codes."""
    gc.collect()
    start = time.process_time()
    found = check("x.json", data, REAL)
    for one in found.diagnostics:
        assert render.as_text(one).isprintable() or "\n" in render.as_text(one)
        json.dumps(render.as_data(one, found.root))
    assert time.process_time() - start < SECONDS
    return codes(found.diagnostics)


@given(st.binary(max_size=200))
@settings(max_examples=25)
def test_bytes(data: bytes) -> None:
    """What is no document at all is refused."""
    assert assert_harmless(data)


@given(JSON, JSON)
@settings(max_examples=25)
def test_json(document: Any, task: Any) -> None:
    """What is JSON and no chain is told what it lacks."""
    for one in (document, {"task_list": [task]}):
        assert assert_harmless(json.dumps(one).encode())


@given(st.data())
@settings(max_examples=15)
def test_mutated_demos(data: st.DataObject) -> None:
    """A demo of which parts are cut, doubled or replaced is checked like any document."""
    text = data.draw(st.sampled_from(DEMOS))
    for _ in range(data.draw(st.integers(1, 3))):
        start, end = sorted(data.draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
        end = min(end, start + 60)
        new = data.draw(
            st.sampled_from([b"", text[start:end] * 2, b"null", b'"', b"{", b"]", b"\xff", b"1e999", b"\\u0000"])
        )
        text = text[:start] + new + text[end:]
    assert_harmless(text)


@given(st.data())
@settings(max_examples=15)
def test_demos_with_hostile_values(data: st.DataObject) -> None:
    """A demo in which some value is replaced by something hostile is checked like any document."""
    document = json.loads(data.draw(st.sampled_from(DEMOS)))
    places: list[tuple[Any, Any]] = []

    def collect(part: Any) -> None:
        for key, value in part.items() if isinstance(part, dict) else enumerate(part):
            places.append((part, key))
            if isinstance(value, (dict, list)):
                collect(value)

    collect(document)
    part, key = data.draw(st.sampled_from(places))
    part[key] = data.draw(st.sampled_from([*EXPRESSIONS, [], {}, -1, 10**400, None, "x" * 100_000, [[]]]))
    assert_harmless(json.dumps(document).encode())


BUSY = "(sum([x for x in range(50000)]) + 0)"
LONG = "([metadata['i'] + sum([x for x in range(9000)])])"


@pytest.mark.parametrize(
    "document",
    [
        {"task_list": [{"task": "null", "seconds": BUSY}] * 100},
        {
            "task_list": [
                loop("i", "([x for x in range(900)])", {"task": "null", "seconds": BUSY[:-1] + "+ metadata['i'])"})
            ]
        },
        {"parameters": {f"p{number}": BUSY for number in range(50)}, "task_list": []},
        {"task_list": [loop("i", "([x for x in range(900)])", loop("j", LONG, {"task": "null"}))]},
    ],
    ids=["settings", "table", "parameters", "ranges"],
)
def test_many_expressions_end_together(document: dict[str, Any]) -> None:
    """Expressions each of which is within the bounds do not add up without end."""
    assert "expression" in assert_harmless(json.dumps(document).encode())


def test_many_doubled_files_and_long_circles() -> None:
    """Tasks that all make one file, or wait for each other in one large circle, take time linear in them."""
    same = {"task": "synthesis_batman", "outputs": {"lightcurve": "a.gz"}}
    assert assert_harmless(json.dumps({"task_list": [same] * 500}).encode()) == ["two-producers"] * 499
    circle = [
        {
            "task": "multiply",
            "inputs": {"lightcurve_1": f"f{(number + 1) % 300}", "lightcurve_2": "star"},
            "outputs": {"lightcurve": f"f{number}"},
        }
        for number in range(300)
    ]
    assert assert_harmless(json.dumps({"task_list": circle}).encode()) == ["circle"]


def test_memory_is_bounded() -> None:
    """Texts that expressions blow up are not kept."""
    document = {"parameters": {f"p{number}": "('x' * 999999)" for number in range(20)}, "task_list": [{"task": "null"}]}
    data = json.dumps(document).encode()
    tracemalloc.start()
    check("x.json", data, REAL)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < BYTES


NAMES = [
    "'f_%d_' + metadata['i']",
    "'{i}_%d'.format(**metadata)",
    "'f{i_index}_%d'.format(**metadata)",
    "'%d_{i}_{i_index}'.format(**metadata)",
    "'f_{}_%d'.format(metadata['i'][:1] + str(metadata['i_index'] // 2))",
]


@given(st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(1, 12))
@settings(max_examples=5)
def test_many_names_in_a_large_loop(made: str, read: str, number: int) -> None:
    """Names of many files, each in a thousand iterations, are compared without writing out each with each."""
    body = [{"task": "synthesis_batman", "outputs": {"lightcurve": made % one}} for one in range(number)]
    body += [
        {
            "task": "multiply",
            "inputs": {"lightcurve_1": read % one, "lightcurve_2": made % one},
            "outputs": {"lightcurve": f"'g_{one}_{{i_index}}'.format(**metadata)"},
        }
        for one in range(number)
    ]
    values = [f"v{one}" for one in range(1000)]
    assert_harmless(json.dumps({"task_list": [loop("i", values, *body)]}).encode())


NAMED = [{"task": "null", "name": f"n{number}"} for number in range(200)]
WAITING = [{"task": "null", "requires_metadata_from": [one["name"] for one in NAMED]}] * 200


@pytest.mark.parametrize(
    "document",
    [
        {"task_list": [{"task": f"nul{number}"} for number in range(3000)]},
        {"task_list": NAMED + WAITING},
        {"task_list": [loop("i", list(range(30_000)), {"task": "null"})]},
        {"parameters": {f"p{number}": "('x' * 1000000)" for number in range(300)}, "task_list": []},
        {"task_list": [{"task": "null", "requires_metadata_from": [f"n{number}"]} for number in range(5000)]},
        {"task_list": [{"task": "null", "outputs": {"x": f"f{number}"}} for number in range(5000)]},
    ],
    ids=["unknown types", "requested names", "literals", "large parameters", "unknown names", "unknown ports"],
)
def test_much_of_the_same(document: dict[str, Any]) -> None:
    """What is there very often takes time linear in it."""
    assert_harmless(json.dumps(document).encode())
