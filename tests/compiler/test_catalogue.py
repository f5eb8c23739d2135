"""The catalogue has every code, and no other."""

import ast
from collections.abc import Iterator
from pathlib import Path

from eas_compiler import catalogue

ROOT = Path(__file__).parents[2]
SOURCES = [*ROOT.glob("compiler/eas_compiler/*.py"), *ROOT.glob("eas/*.py")]
REPORTING = {
    "error": 0,
    "error_at_key": 0,
    "warning": 0,
    "warning_at_key": 0,
    "wrong": 0,
    "Diagnostic": 0,
    "expression": 2,
}
"""What reports a mistake, and which of its arguments is the code."""


def codes(module: Path) -> Iterator[str]:
    """Yield the codes that a module can give."""
    for call in ast.walk(ast.parse(module.read_bytes())):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else "diagnostics"
        at = REPORTING.get(name)
        if (
            at is not None
            and len(call.args) > at
            and ("diagnostics" in owner or owner in ("found", "self") or name == "expression")
        ):
            constants = (node.value for node in ast.walk(call.args[at]) if isinstance(node, ast.Constant))
            yield from (one for one in constants if isinstance(one, str))


def test_every_code_is_explained() -> None:
    """A code that the sources give has an entry, and an entry is a code that they give."""
    given = {code for module in SOURCES for code in codes(module)} | {"expression", "missing-file", "no-program"}
    assert given == set(catalogue.load())


def test_page_tells_what_an_example_does_not_show() -> None:
    """Encoding, number, other documents and commands stand beside the examples."""
    entry = next(iter(catalogue.load().values()))._replace(saved="latin-1", times=3, file="x.yaml", chain="{}")
    for text in (catalogue.page(entry._replace(command="eas run chain.json")), catalogue.as_text(entry)):
        assert "rong" in text
        assert ", saved as latin-1, with 3 such tasks:" in text
        assert "x.yaml" in text
