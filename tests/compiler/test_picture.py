"""Chains as pictures."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eas_compiler import picture
from tests.compiler.compiling import checked, choose, loop, make, repeat, use

GOLDEN = Path(__file__).parents[1] / "golden/pictures"
NAME = "'f_{i_index}'.format(**metadata)"
TASKS = [
    make("start", "begin"),
    loop("i", [1, 2, 3], make(NAME, "inside"), use(NAME), use("start")),
    choose(
        "(requested_metadata['begin']['flag'])",
        [make("both")],
        [make("both")],
        requires_metadata_from=["begin"],
        name="which",
    ),
    {"task": "execution_chain", "task_list": [use("both", name="reader")]},
    repeat("n", "(metadata['n_index'] < 3)", {"task": "null", "requires_metadata_from": ["which"]}),
    use("elsewhere"),
]


@pytest.mark.parametrize(("draw", "suffix"), [(picture.to_dot, "dot"), (picture.to_mermaid, "mmd")])
def test_picture_is_the_golden_one(draw: object, suffix: str, remake: bool) -> None:  # noqa: FBT001 - a fixture
    """Loops, branches and do-whiles are frames, files and requested metadata arrows."""
    found = checked(*TASKS)
    assert not found.diagnostics.errors
    assert callable(draw)
    drawn = draw(found.chain, found.links)
    golden = GOLDEN / f"chain.{suffix}"
    if remake:
        golden.write_text(drawn, encoding="utf-8")
    assert drawn == golden.read_text(encoding="utf-8")


def test_loops_are_drawn_once() -> None:
    """A picture does not grow with iterations."""
    found = [checked(loop("i", list(range(size)), make(NAME))) for size in (2, 500)]
    sizes = [len(picture.to_dot(one.chain, one.links).splitlines()) for one in found if one.chain and one.links]
    assert sizes[0] == sizes[1]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\\"), min_size=1, max_size=20))
def test_hostile_texts_stay_labels(text: str) -> None:
    """Whatever an author writes, the lines of the picture are the same but for the labels."""
    drawn = []
    for name in ("a", f'{text}"]; x -> y; [label="<script>`&#quot;'):
        found = checked(
            {"task": "null", "name": f"n{name}"}, make("f", "b", requires_metadata_from=[f"n{name}"]), use("f")
        )
        assert found.chain is not None
        assert found.links is not None
        dot = re.sub(r'"(?:[^"\\]|\\.)*"', '""', picture.to_dot(found.chain, found.links))
        mermaid = re.sub(r'"[^"]*"', '""', picture.to_mermaid(found.chain, found.links))
        drawn.append((dot, mermaid))
    assert drawn[0] == drawn[1]
