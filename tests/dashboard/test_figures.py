"""Graphs, timelines, maps and previews are pictures of what is there, with text as text."""

import gzip
import importlib
import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eas_dashboard import figures, graph, look, maps, previews, timeline
from eas_provenance.queries import AttemptRow, Condition, OutcomeRow, OutcomeTable, Place, TaskRow

HOSTILE = '<b>x</b>"];evil[label="\\N&amp;\n\x1b'


def place(pattern: str, source: str, *after: str, **more: Any) -> Place:
    """Return a task of a chain."""
    row: dict[str, Any] = {"type": "null", "name": None, "states": {"succeeded": 2}}
    return Place(pattern=pattern, source=source, after=after, **(row | more))


# --------------------------------------------------------------------------------------------------------------------
# Graphs


def test_graph_collapses_loops() -> None:
    """All iterations of a task are one box, in the boxes of the loops around it."""
    places = [
        place("/t0[size]/t0", "a:1:1"),
        place("/t0[size]/t1?then/t0", "a:2:1", "/t0[size]/t0", states={"failed": 1, "succeeded": 5}),
        place("/t1#/t0", "a:3:1", "/t0[size]/t0", "/t99", states={}),
    ]
    text = graph.dot("demo", places)
    assert text.count("subgraph") == 3
    assert [*re.findall(r'label="(for size|then|do while)"', text)] == ["for size", "then", "do while"]
    assert "n0 -> n1" in text
    assert "n0 -> n2" in text
    assert text.count("->") == 2
    assert "1 failed, 5 succeeded" in text
    assert "not reached" in text
    assert f'fillcolor="{look.STATES["failed"]}"' in text


def test_graph_shows_what_conditions_ask() -> None:
    """A dashed edge leads from the task that is asked to each branch, or back to the beginning of a do-while."""
    places = [place(one, "a:1:1") for one in ("/t0", "/t1?then/t0", "/t1?else/t0[i]/t0", "/t10?then/t0", "/t2#/t0")]
    asked = [Condition("/t1", ("/t0", "/t9")), Condition("/t2", ("/t2#/t0",)), Condition("/t7", ("/t0",))]
    edges = re.findall(r'(n\d -> n\d) \[color="\S+", style="dashed", (.*)\]', graph.dot("demo", places, asked))
    assert edges == [
        ("n0 -> n1", 'lhead="cluster_0"'),
        ("n0 -> n2", 'lhead="cluster_1"'),
        ("n4 -> n4", 'constraint="false"'),
    ]


def test_graph_has_names_as_text() -> None:
    """Names can neither leave their place in the graph nor be read as something else."""
    text = graph.dot(HOSTILE, [place("/t0[x]/t0", HOSTILE, name=HOSTILE, type=HOSTILE)])
    strings = re.findall(r'"(?:[^"\\\n]|\\.)*"', text)
    rest = re.sub(r'"(?:[^"\\\n]|\\.)*"', "", text)
    assert "evil" not in rest
    assert "&amp;amp;" in "".join(strings)
    assert "\\\\N" in "".join(strings)
    assert "\x1b" not in text


def test_graph_is_in_the_language_of_graphviz() -> None:
    """Strings aside, every line is a statement of DOT, and every block is closed."""
    text = graph.dot(HOSTILE, [place("/t0[x]/t0", HOSTILE, name=HOSTILE), place("/t1", "a:1:1", "/t0[x]/t0")])
    lines = [line.strip() for line in re.sub(r'"(?:[^"\\\n]|\\.)*"', "TEXT", text).splitlines()]
    is_set = r"\w+=[\w.]+"
    statement = re.compile(
        rf"digraph \w+ {{|subgraph cluster_\w+ {{|}}|{is_set}(; {is_set})*|\w+( -> \w+)? \[{is_set}(, {is_set})*\]"
    )
    assert [line for line in lines if not statement.fullmatch(line)] == []
    assert sum(line.endswith("{") for line in lines) == lines.count("}") == 2


# --------------------------------------------------------------------------------------------------------------------
# Timelines


def tried(path: str, begin: int, end: int | None, **more: Any) -> tuple[TaskRow, AttemptRow]:
    """Return a try of a task from one second to another."""
    task: dict[str, Any] = dict.fromkeys(TaskRow._fields, "") | {"path": path, "type": "null", "variables": {}}
    attempt: dict[str, Any] = dict.fromkeys(AttemptRow._fields)
    times = {
        "started": f"2026-03-01T12:00:{begin:02}Z",
        "ended": None if end is None else f"2026-03-01T12:00:{end:02}Z",
    }
    attempt |= {"step": "run", "number": 0, "phase": "Succeeded", "host": "a"} | times | more
    return TaskRow(**task), AttemptRow(**attempt)


def test_lanes() -> None:
    """A bar goes into the first lane that is free when it begins."""
    assert timeline.lanes([(0, 5), (1, 2), (2, 4), (4, 6), (5, 6)]) == [0, 1, 1, 1, 0]
    assert timeline.lanes([]) == []
    assert max(timeline.lanes([(0, 9)] * 500)) < 200


def test_timeline() -> None:
    """Bars are in lanes of hosts or types, in the colours of how tries ended; a running one goes on until now."""
    rows = [
        tried("/t0", 0, 5),
        tried("/t1", 1, 3, phase="Failed", host="b<i>"),
        tried("/t2", 2, None, phase="Running", host=""),
        tried("/t3", 2, 3, started=None),
    ]
    bars = timeline.bars(rows, "2026-03-01T12:00:30Z")
    assert [(bar.lane, bar.state, bar.end - bar.begin) for bar in bars] == [
        ("a · 1", "succeeded", 5),
        ("b<i> · 1", "failed", 2),
        ("not known yet · 1", "running", 28),
    ]
    drawn = timeline.figure(bars)
    assert [trace["name"] for trace in drawn["data"]] == ["failed", "running", "succeeded"]
    assert drawn["data"][0]["y"] == ["b&lt;i&gt; · 1"]
    assert drawn["data"][0]["customdata"][0][-1] == "/t1"
    assert {bar.lane for bar in timeline.bars(rows, "2026-03-01T12:00:30Z", by_type=True)} == {
        "null · 1",
        "null · 2",
        "null · 3",
    }
    check(drawn)


# --------------------------------------------------------------------------------------------------------------------
# Maps


def table(rows: list[tuple[Any, ...]]) -> OutcomeTable:
    """Return outcomes over size and period."""
    columns, units = ("size", "period", "verdict", "outcome", "power"), ("", "", "", "", "ppm <i>")
    found = tuple(OutcomeRow(f"/t0[size={row}]", "a:1:1", values) for row, values in enumerate(rows))
    return OutcomeTable("bls", columns, units, 2, {"size": "log_range", "period": "values"}, found, len(rows))


ROWS = [
    (0.1, 1, "pass", "PASS", 5.0),
    (1.0, 2, "pass", "FAIL", 5e9),
    (2.0, 1, "blocked", None, None),
    (3.0, 2, "pass", "?", 1.0),
]


def test_axes() -> None:
    """Numbers can be axes, with their units; those that the chain spaces so, or that span a lot, are logarithmic."""
    axes = maps.axes(table(ROWS))
    assert axes == (
        maps.Axis("size", "size", is_log=True),
        maps.Axis("period", "period", is_log=False),
        maps.Axis("power", "power [ppm &lt;i&gt;]", is_log=True),
    )
    assert maps.second(table(ROWS), axes) == 1
    assert maps.axes(table([])) == ()
    assert not maps.is_log([-1.0, 1000.0], None)
    assert not maps.is_log([0.0, 1.0], "log_range")


def test_map() -> None:
    """Outcomes have colours and marks of their own; what has none shows its verdict, what has no place is left out."""
    found = table(ROWS)
    size, period, power = maps.axes(found)
    drawn = maps.figure(found, size, period)
    names = [trace["name"] for trace in drawn["data"]]
    assert names == ["PASS (1)", "FAIL (1)", "? (1)", "blocked (1)"]
    looks = {(trace["marker"]["color"], trace["marker"]["symbol"]) for trace in drawn["data"]}
    assert len(looks) == 3
    assert drawn["layout"]["xaxis"]["type"] == "log"
    assert [trace["name"] for trace in maps.figure(found, size, power)["data"]] == ["PASS (1)", "FAIL (1)", "? (1)"]
    check(drawn)


def test_map_of_many() -> None:
    """A large grid is drawn as cells, and what is no grid as marks; both have a legend."""
    kinds = ("PASS", "FAIL", "UNDEFINED")
    grid = table([(1.0 + x, y, "pass", kinds[(x + y) % 3], x * 100.0 + y) for x in range(80) for y in range(80)])
    size, period, power = maps.axes(grid)
    drawn = maps.figure(grid, size, period)
    assert [trace["type"] for trace in drawn["data"]] == ["heatmap", "scatter", "scatter", "scatter"]
    assert drawn["data"][0]["z"].shape == (80, 80)
    assert drawn["data"][0]["z"][0, 1] == 1
    assert drawn["data"][1]["name"] == "PASS (2,133)"
    check(drawn)
    assert {trace["type"] for trace in maps.figure(grid, size, power)["data"]} == {"scattergl"}


def test_ticks() -> None:
    """A logarithmic axis has round numbers on it, few of them when it is long."""
    assert figures.log_ticks([0.3, 40]) == pytest.approx([0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500])
    assert figures.log_ticks([1, 1e6]) == pytest.approx([10.0**power for power in range(7)])
    assert len(figures.log_ticks([1e-30, 1e30])) <= 12
    assert figures.log_ticks([]) == []


@pytest.mark.parametrize("named", [None, [], ["/t9"], [["/t1"]], "/t1", [1]])
def test_clicks_are_checked(named: Any) -> None:
    """A browser may claim anything to have been clicked."""
    assert figures.clicked({"selection": {"points": [{"customdata": named}]}}, {"/t1"}) is None


def test_clicks() -> None:
    """A click on a mark is one on its task."""
    assert figures.clicked({"selection": {"points": [{}, {"customdata": ["shown", "/t1"]}]}}, {"/t1"}) == "/t1"
    assert figures.clicked({"selection": {"points": []}}, {"/t1"}) is None


# --------------------------------------------------------------------------------------------------------------------
# Previews


def check(figure: figures.Figure) -> None:
    """Let plotly look for what it does not know."""
    tools = importlib.import_module("plotly.tools")
    tools.return_figure_from_figure_or_data(figure, validate_figure=True)


def light_curve(rows: int) -> bytes:
    """Return a light curve with a transit of one sample and a flagged one."""
    samples = [[900.0 * row, 0.5 if row == rows // 2 else 1.0, int(row == 3), 0.0] for row in range(rows)]
    lines = (" ".join(map(repr, sample)) for sample in samples)
    return ("# time [s], relative flux, flag, uncertainty\n" + "\n".join(lines) + "\n").encode()


def archive(name: str, content: bytes) -> bytes:
    """Return an archive with one file in a folder."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@pytest.mark.parametrize("rows", [100, 50_000])
def test_light_curve(tmp_path: Path, rows: int) -> None:
    """A light curve is drawn in days, without flagged samples; of many samples no transit gets lost."""
    (tmp_path / "a.gz").write_bytes(gzip.compress(light_curve(rows)))
    found = previews.preview(tmp_path / "a.gz")
    assert found.figure is not None
    (trace,) = found.figure["data"]
    assert trace["y"].min() == 0.5
    assert trace["x"][trace["y"].argmin()] == pytest.approx(900 * (rows // 2) / 86400)
    assert trace["x"].size < 10_000
    assert 900 * 3 / 86400 not in trace["x"]
    assert found.figure["layout"]["xaxis"]["title"]["text"] == "time [d]"
    assert found.remark == f"{rows:,} rows"
    check(found.figure)


def test_periodogram(tmp_path: Path) -> None:
    """A periodogram is found in its archive, drawn over the logarithm of the period, and its peak is marked."""
    text = "# period [d], power (log likelihood), depth\n20 1 0\n10 9 0\n5 2 0\n"
    (tmp_path / "a.tar.gz").write_bytes(archive("folder/periodogram.txt", text.encode()))
    found = previews.preview(tmp_path / "a.tar.gz")
    assert found.figure is not None
    line, peak = found.figure["data"]
    assert line["x"] == pytest.approx([5, 10, 20])
    assert (peak["x"], peak["text"]) == ([10], ["10"])
    assert found.figure["layout"]["xaxis"]["type"] == "log"
    assert found.figure["layout"]["yaxis"]["title"]["text"] == "power (log likelihood)"
    check(found.figure)


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        (b"hello\x1b[31m <b>", "hello\\x1b[31m <b>"),
        (b'{"a": 1}', '{"a": 1}'),
        (b"# period [d], power\n1 2\n1\n", "# period [d], power\n1 2\n1\n"),
        (b"# a, b\n1 2\n", "# a, b\n1 2\n"),
        (b"# a\nx\n", "# a\nx\n"),
        (b"", ""),
        (gzip.compress(b"text", mtime=0), "text"),
    ],
)
def test_text(tmp_path: Path, content: bytes, seen: str) -> None:
    """Whatever else is text is shown as text."""
    (tmp_path / "a").write_bytes(content)
    found = previews.preview(tmp_path / "a")
    assert found == previews.Preview(None, seen, "")


def test_long_text(tmp_path: Path) -> None:
    """Of a long text the beginning is shown."""
    (tmp_path / "a").write_text("line\n" * 1000)
    found = previews.preview(tmp_path / "a")
    assert found.text.count("\n") == 59
    assert found.remark == "The beginning of the file"


@pytest.mark.parametrize(
    "content", [b"\0\1\2", gzip.compress(b"x" * 1000)[:-900], b"\x1f\x8bnonsense", b"\xff\xd8\xff\0"]
)
def test_no_preview(tmp_path: Path, content: bytes) -> None:
    """What cannot be shown says so."""
    (tmp_path / "a").write_bytes(content)
    found = previews.preview(tmp_path / "a")
    assert found.figure is None
    assert found.remark or not found.text


def test_missing_file(tmp_path: Path) -> None:
    """A file that has gone is no reason to fail."""
    assert "There is no preview" in previews.preview(tmp_path / "none").remark


def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never more than a part of a file is unpacked, however much it would become."""
    monkeypatch.setattr(previews, "MOST_BYTES", 1 << 16)
    (tmp_path / "a.gz").write_bytes(gzip.compress(light_curve(50_000)))
    found = previews.preview(tmp_path / "a.gz")
    assert found.figure is not None
    assert found.remark.endswith("in the part that was read")
    (tmp_path / "b.gz").write_bytes(gzip.compress(bytes(1 << 26)))
    assert "no preview" in previews.preview(tmp_path / "b.gz").remark


def test_damaged_archive(tmp_path: Path) -> None:
    """An archive that ends early, or has no file, is no reason to fail."""
    whole = gzip.decompress(archive("a.txt", b"x" * 5000))
    (tmp_path / "a").write_bytes(whole[:1300])
    assert previews.preview(tmp_path / "a").figure is None
    (tmp_path / "b").write_bytes(whole[:512] + bytes(1024))
    assert previews.preview(tmp_path / "b").text == ""


def test_nothing_to_draw() -> None:
    """Files of numbers that are none are drawn as empty."""
    nothing = np.full((2, 4), np.nan)
    heads = ("time [s]", "relative flux", "flag", "uncertainty")
    assert not previews.light_curve(previews.Columns(heads, nothing, is_cut=False))["data"][0]["x"].size
    assert not previews.periodogram(previews.Columns(("period [d]", "power"), nothing[:, :2], is_cut=False))["data"]
    json.dumps(figures.axis("x", log=[]))
