"""Diagnostics as people and programs see them."""

from textwrap import dedent

from eas_compiler import render
from eas_compiler.diagnostics import Diagnostic, Diagnostics, Related
from eas_compiler.source import Source
from tests.compiler.compiling import checked

SOURCE = Source("chain.json", '{\n  "tsak": 1,\n  "task": 2\n}\n')
ONE = Diagnostic("unknown-key", "error", "unknown key 'tsak'", SOURCE, 4, 10, "did you mean 'task'?")


def test_text_shows_the_line_with_a_caret() -> None:
    """Place, severity, message and code come first, then the line, a caret below, and the hint."""
    expected = """\
        chain.json:2:3: error: unknown key 'tsak' [unknown-key]
              "tsak": 1,
              ^~~~~~
          hint: did you mean 'task'?"""
    assert render.as_text(ONE) == dedent(expected)


def test_second_places_are_shown_too() -> None:
    """A diagnostic that speaks of two places shows both lines."""
    shown = render.as_text(ONE._replace(hint=None, related=(Related(SOURCE, 17, 23, "first here"),)))
    assert shown.splitlines()[3:] == ["  chain.json:3:3: first here", '      "task": 2', "      ^~~~~~"]


def test_colour_changes_nothing_but_the_colour() -> None:
    """Without the escape sequences of colours, coloured text is the plain one."""
    coloured = render.as_text(ONE, colour=True)
    for code in ("\x1b[1;31m", "\x1b[1m", "\x1b[1;32m", "\x1b[2m", "\x1b[0m"):
        coloured = coloured.replace(code, "")
    assert coloured == render.as_text(ONE)


def test_long_lines_are_cut_around_the_place() -> None:
    """A line of a thousand characters is shown as far as it fits."""
    text = f'{{"a": "{"x" * 1000}", "b": 1}}'
    at = text.index('"b"')
    line, caret = render.as_text(Diagnostic("type", "error", "wrong", Source("x", text), at, at + 3)).splitlines()[1:]
    assert len(line) < 200
    assert line[caret.index("^") : caret.rindex("~") + 1] == '"b"'


def test_control_characters_do_not_reach_the_terminal() -> None:
    """What an author wrote cannot move the cursor or change colours."""
    text = '{"\x1b[2J\u202e": 1}'
    shown = render.as_text(Diagnostic("json", "error", "not '\x1b[2J'", Source("x", text), 1, 6))
    assert all(character.isprintable() or character == "\n" for character in shown)


def test_data_has_all_fields() -> None:
    """Programs get file, places, pointer, code, severity, message, hint and related places."""
    found = checked({"task": "null", "secnods": 1})
    (one,) = found.diagnostics
    assert render.as_data(one, found.root) == {
        "file": "chain.json",
        "line": 1,
        "column": 33,
        "end_line": 1,
        "end_column": 42,
        "pointer": "/task_list/0/secnods",
        "code": "unknown-setting",
        "severity": "error",
        "message": "null: unknown setting 'secnods'",
        "hint": "did you mean 'seconds'?",
        "related": [],
    }


def test_summary_counts() -> None:
    """The last line says how many errors and warnings there are."""
    diagnostics = Diagnostics()
    for start, severity in enumerate(["error", "error", "warning"]):
        diagnostics.add(ONE._replace(start=start, severity=severity))
    assert render.summary(diagnostics) == "2 errors, 1 warning"


def test_the_caret_stands_below_wide_characters() -> None:
    """What a terminal shows two columns wide, or not at all, moves the caret; tabs alone stay."""
    source = Source("chain.json", '\t"🚀漢é\x0b": 1')
    one = Diagnostic("unknown-key", "error", "unknown", source, 8, 9)
    _, line, caret = render.as_text(one).splitlines()
    assert line == '    \t"🚀漢é\ufffd": 1'
    assert caret == "    \t" + " " * (1 + 2 + 2 + 1 + 0 + 1 + 1) + "^"
