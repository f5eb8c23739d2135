"""Databases with runs in them, for reports and pages: a small one in which everything happened, and a big one.

Texts of the small one are hostile where programs may write what they like: terminals and browsers have to show them as
text.
"""

import hashlib
import json
import re
import zlib
from typing import Any, NamedTuple

from eas_provenance.batch import Batch
from eas_provenance.database import Database
from eas_provenance.tables import (
    Attempt,
    Criterion,
    Document,
    Emitted,
    Message,
    Problem,
    Table,
    Tag,
    Task,
    TaskType,
    Used,
    Version,
)
from tests.provenance.nodes import described, workflow

Row = dict[str, Any]

ESCAPES = "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J bell\x07 back\b"
SCRIPT = "<script>alert('x')</script><img src=x onerror=alert(1)>"
RIGHT_TO_LEFT = "\u202eevil\u202c שלום مرحبا"
LONG = "x" * 20_000
HOSTILE = f"{ESCAPES} {SCRIPT} {RIGHT_TO_LEFT}"
MARKUP = "[bold red]markup[/] **strong** `code` | pipe | $x^2$"
TRACEBACK = """Traceback (most recent call last):
  File "/app/task_implementations/binning.py", line 31, in run
    flux = bin(lightcurve)
  File "/app/task_implementations/binning.py", line 12, in bin
    raise ValueError("\x1b[31mcadence\x1b[0m <b>0</b>")
ValueError: \x1b[31mcadence\x1b[0m <b>0</b>
"""
NAME = "survey-1a2b3c"
SIZES = (0.02, 0.2, 2.0)
GIB = 1 << 30
SIZE_LOOP = {"var": "size", "id": "size", "form": "log_range", "range": [0.02, 2, 3]}
COUNT_LOOP = {"var": "N", "id": "N"}
SEARCH = "transit_search_bls_reference"
SEARCHED = {
    "period": {"type": "float", "unit": "d"},
    "power": {"type": "float"},
    "depth": {"type": "float"},
    "outcome": {"type": "text"},
    "target_period": {"type": "float", "unit": "d"},
}
DESCRIPTIONS = (
    described("/t0[size]/t0", task="synthesis_batman", source="survey.json:10:9", loops=[SIZE_LOOP], name="synthesis"),
    described("/t0[size]/t1", task="verify", source="survey.json:20:9", loops=[SIZE_LOOP]),
    described("/t0[size]/t2", task=SEARCH, source="survey.json:25:9", loops=[SIZE_LOOP], metadata=SEARCHED),
    described("/t0[size]/t3?then/t0", task="null", source="survey.json:35:13", loops=[SIZE_LOOP]),
    described("/t0[size]/t3?else/t0", task="multiply", source="survey.json:40:13", loops=[SIZE_LOOP]),
    described("/t1", task="synthesis_batman", source="survey.json:50:5"),
    described("/t2", task="verify", source="survey.json:60:5"),
    described("/t3", task="binning", source="survey.json:65:5"),
    described("/t4#/t0", task="null", source="survey.json:75:9", loops=[COUNT_LOOP], after=["/t0[size]/t2"]),
    described("/t6", task="tls", source="survey.json:90:5", metadata={"outcome": {}}),
)


class Rows(NamedTuple):
    """Rows by table."""

    of: dict[type[Table], list[Row]]

    def add(self, table: type[Table], **row: Any) -> None:
        """Add a row."""
        self.of.setdefault(table, []).append(row)

    def put(self, batch: Batch, run_id: int) -> None:
        """Write all of them as rows of a run; tries are of the types of their tasks."""
        types = {row["path"]: row["type"] for row in self.of[Task]}
        for row in self.of[Attempt]:
            row["type"] = types[row["path"]]
        for table, rows in self.of.items():
            batch.put(table, [{"run_id": run_id, **row} for row in rows])


def moment(second: float) -> str:
    """Write the time so many seconds after the start of the small run."""
    minutes, seconds = divmod(second, 60)
    return f"2026-03-01T12:{int(minutes):02}:{seconds:09.6f}Z"


def position(path: str) -> str:
    """Write a text by which paths are sorted as people do."""
    return re.sub(r"\d+", lambda found: found[0].zfill(8), path)


def document(batch: Batch, kind: str, content: bytes) -> str:
    """Write a text, and return its key."""
    key = hashlib.sha256(content).hexdigest()
    batch.put(Document, [{"sha256": key, "kind": kind, "content": zlib.compress(content)}])
    return key


def put_run(batch: Batch, name: str, **fields: Any) -> int:
    """Write a run, and return its number."""
    manifest = workflow(*DESCRIPTIONS)
    run: Row = {
        "name": name,
        "uid": "20260301T120000",
        "job_name": "survey",
        "site": "this machine",
        "state": "running",
        "source": "survey.json",
        "chain_sha256": document(batch, "chain", b'{"task_list": []}'),
        "workflow_sha256": document(batch, "workflow", json.dumps(manifest).encode()),
        "parameters": {"seed": "7"},
        "subject": {"name": f"HD 1 {SCRIPT}", "ra": 12.5, "dec": -3.25},
        "version": "0.1",
        "user": "ada",
        "host": "observatory",
        "started": moment(0),
    }
    return batch.put_run(run | fields)


# ---------------------------------------------------------------------------------------------------------------------
# The small one


def fill(database: Database, *, name: str = NAME, is_over: bool = True) -> int:
    """Write the small run, and return its number; unless it `is_over`, a task is running and one waits."""
    rows = Rows({})
    for index, size in enumerate(SIZES):
        _iteration(rows, index, size)
    _failures(rows)
    _loop(rows, is_over=is_over)
    _log(rows)
    for kind, (low, high) in _EXPECTED.items():
        amounts = {"image": f"eas/{kind}:0.1", "cpu": 1.0, "gpu": 0, "memory_bytes": 8 * GIB}
        rows.add(TaskType, type=kind, **amounts, at_least=low, at_most=high)
    with database.writing() as batch:
        ended = {"state": "failed", "ended": moment(200), "message": "1 task failed"} if is_over else {}
        run_id = put_run(batch, name, **ended)
        batch.put(Tag, [{"run_id": run_id, "tag": tag} for tag in ("paper", "grid <1>")])
        rows.put(batch, run_id)
    return run_id


_EXPECTED = {
    "synthesis_batman": (4, 4),
    "verify": (4, 4),
    SEARCH: (3, 3),
    "null": (1, None),
    "multiply": (0, 3),
    "binning": (1, 1),
    "tls": (1, 1),
}


def task(rows: Rows, path: str, kind: str, source: str, state: str, **more: Any) -> None:
    """Add a task; by default one outside of loops, without settings."""
    row: Row = {"job_name": "survey", "directory": "survey", "indices": {}, "variables": {}, "settings": {}}
    rows.add(Task, path=path, position=position(path), type=kind, source=source, state=state, **row | more)


def attempt(rows: Rows, path: str, begin: float, wall: float, **more: Any) -> None:
    """Add a try: by default the first of a program, which ended well on one core."""
    row: Row = {
        "step": "run",
        "number": 0,
        "node": f"node-{path}",
        "phase": "Succeeded",
        "exit_code": 0,
        "queued": moment(begin - 0.5),
        "started": moment(begin),
        "ended": moment(begin + wall),
        "wall_s": wall,
        "cpu_s": 0.75 * wall,
        "cpu_children_s": 0.125 * wall,
        "peak_memory_bytes": 3 * GIB,
        "cpu_request": 1.0,
        "memory_request_bytes": 8 * GIB,
        "host": "observatory",
        "threads": 1,
    }
    rows.add(Attempt, path=path, **row | more)


def version(rows: Rows, path: str, name: str, number: int = 0, **more: Any) -> None:
    """Add a version of a file in the port `lightcurve`."""
    row: Row = {
        "port": "lightcurve",
        "position": 0,
        "directory": "survey",
        "type": "lightcurve",
        "size_bytes": 97_488,
        "sha256": hashlib.sha256(f"{name}{number}".encode()).hexdigest(),
        "key": f"{NAME}/survey/{name}",
        "verdict": "pass",
        "made": moment(20 + number),
    }
    rows.add(Version, path=path, number=number, name=name, **row | more)


def used(rows: Rows, path: str, name: str, number: int = 0) -> None:
    """Add that the first try of a task read a version of a file."""
    sha256 = hashlib.sha256(f"{name}{number}".encode()).hexdigest()
    rows.add(Used, path=path, number=0, port="lightcurve", position=0, directory="survey", name=name, sha256=sha256)


def criterion(rows: Rows, path: str, place: int, result: str, **more: Any) -> None:
    """Add what quality control judged: by default how many samples are in transit."""
    row: Row = {"name": "in_transit", "quantity": "number of samples in transit", "value": 0, "bound": {"minimum": 1}}
    row |= {"unit": "", "severity": "fail"}
    rows.add(Criterion, path=path, position=place, result=result, **row | more)


def emit(rows: Rows, path: str, **values: Any) -> None:
    """Add metadata of a task, with the units that the search declares."""
    for name, value in values.items():
        number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
        unit = SEARCHED.get(name, {}).get("unit", "")
        rows.add(Emitted, path=path, name=name, value=value, number=number, unit=unit)


def _iteration(rows: Rows, index: int, size: float) -> None:
    above = f"/t0[size={index}]"
    around: Row = {"indices": {"size": index}, "variables": {"size": size, "size_index": index}}
    name = f"lightcurve_{index}.gz"
    begin = 10.0 * index + 5
    times: Row = {"started": moment(begin), "ended": moment(begin + 3)}
    task(
        rows,
        f"{above}/t0",
        "synthesis_batman",
        "survey.json:10:9",
        "succeeded",
        name="synthesis",
        verdict="warn" if index == 1 else "pass",
        message="warn: noise: noise is 0.001 ppm, should be at most 0.0005 ppm" if index == 1 else "pass: 10 criteria",
        settings={"specs": {"planet_radius": size, "duration": 90.0}},
        **around | times,
    )
    attempt(rows, f"{above}/t0", begin, 2.0 + index)
    attempt(rows, f"{above}/t0", begin + 4, 0.1, step="qc")
    version(rows, f"{above}/t0", name, verdict="warn" if index == 1 else "pass")
    criterion(rows, f"{above}/t0", 0, "pass", value=144)
    limits: Row = {"name": "noise", "quantity": "noise", "bound": {"minimum": 0.0, "maximum": 0.0005}, "unit": "ppm"}
    criterion(rows, f"{above}/t0", 1, "warn" if index == 1 else "pass", value=0.001 * index, severity="warn", **limits)
    task(rows, f"{above}/t1", "verify", "survey.json:20:9", "succeeded", verdict="pass", **around | times)
    attempt(rows, f"{above}/t1", begin + 4, 0.5)
    used(rows, f"{above}/t1", name)
    _search(rows, index, begin + 5, around | times)
    taken, kind, source = (
        ("?then", "null", "survey.json:35:13") if index == 2 else ("?else", "multiply", "survey.json:40:13")
    )
    verdict = "pass" if index == 2 else "no_work"
    task(
        rows,
        f"{above}/t3{taken}/t0",
        kind,
        source,
        "succeeded" if index == 2 else "skipped",
        verdict=verdict,
        **around | times,
    )
    attempt(rows, f"{above}/t3{taken}/t0", begin + 9, 0.25)


def _search(rows: Rows, index: int, begin: float, around: Row) -> None:
    """Add a search; the second one had not memory enough at first."""
    path = f"/t0[size={index}]/t2"
    task(rows, path, SEARCH, "survey.json:25:9", "succeeded", verdict="pass", message="pass: 3 criteria", **around)
    used(rows, path, f"lightcurve_{index}.gz")
    if index == 1:
        killed: Row = {"phase": "Failed", "exit_code": 137, "message": "OOMKilled", "peak_memory_bytes": 8 * GIB}
        attempt(rows, path, begin, 4.0, **killed)
        attempt(rows, path, begin + 5, 6.0, number=1, memory_request_bytes=16 * GIB, peak_memory_bytes=11 * GIB)
    else:
        attempt(rows, path, begin, 5.0)
    found = ("FAIL", "UNDEFINED", "PASS")[index]
    emit(rows, path, outcome=found, target_period=10.0, power=17.3 * 10**index, depth=1e-5, flags=[1, None, HOSTILE])
    if found != "UNDEFINED":
        emit(rows, path, period=(1.105, None, 9.999)[index])
    version(
        rows, path, f"periodogram_{index}.tar.gz", index % 2, port="debugging", type="archive", size_bytes=3 * GIB + 7
    )


def _failures(rows: Rows) -> None:
    """Add a closed gate, what it blocks, a crash, and a question that nobody could answer."""
    reason = "fail: in_transit: number of samples in transit is 0, must be at least 1"
    task(rows, "/t1", "synthesis_batman", "survey.json:50:5", "failed", verdict="fail", message=reason)
    attempt(rows, "/t1", 6, 1.5)
    attempt(rows, "/t1", 8, 0.1, step="qc", phase="Failed", exit_code=1, message=reason)
    version(rows, "/t1", "empty.gz", verdict="fail")
    criterion(rows, "/t1", 0, "fail")
    criterion(rows, "/t1", 1, "pass", name="finite", quantity="all is finite", value=True, bound={"equals": True})
    task(rows, "/t2", "verify", "survey.json:60:5", "blocked")
    broken: Row = {"verdict": "error", "message": f"ValueError: {HOSTILE}", "name": MARKUP}
    task(rows, "/t3", "binning", "survey.json:65:5", "error", **broken)
    crash: Row = {"phase": "Failed", "exit_code": 1, "message": broken["message"], "traceback": TRACEBACK}
    attempt(rows, "/t3", 7, 0.75, **crash)
    problem = "the range of a loop failed: requested_metadata has no 'sizes' (survey.json:80:5)"
    rows.add(Problem, path="/t5", message=problem)


def _loop(rows: Rows, *, is_over: bool) -> None:
    """Add two iterations of a do-while loop."""
    for number in (1, 2):
        is_going = number == 2 and not is_over
        around: Row = {"indices": {"N": number}, "variables": {"N_index": number}, "started": moment(100 + number)}
        state = "running" if is_going else "succeeded"
        verdict = None if is_going else "pass"
        task(rows, f"/t4#{number}/t0", "null", "survey.json:75:9", state, verdict=verdict, **around)
        if is_going:
            unknown = dict.fromkeys(("ended", "wall_s", "cpu_s", "cpu_children_s", "peak_memory_bytes", "exit_code"))
            attempt(rows, f"/t4#{number}/t0", 100 + number, 1, phase="Running", **unknown)
        else:
            attempt(rows, f"/t4#{number}/t0", 100 + number, 20.0)
    task(rows, "/t6", "tls", "survey.json:90:5", "cancelled" if is_over else "waiting")


def _log(rows: Rows) -> None:
    """Add what tries said."""
    said = [
        ("/t0[size=0]/t0", "run", "info", "batman 2.4"),
        ("/t0[size=0]/t0", "run", "status", "half of the light curve"),
        ("/t0[size=0]/t0", "run", "warning", "two lines\nof a warning"),
        ("/t0[size=0]/t0", "qc", "info", "judged 10 criteria"),
        ("/t3", "run", "error", TRACEBACK),
        ("/t3", "run", "info", HOSTILE),
        ("/t3", "run", "info", MARKUP),
        ("/t3", "run", "debug", LONG),
        ("/t4#1/t0", "run", "critical", "über-критично 日本語"),
    ]
    for place, (path, step, severity, text) in enumerate(said):
        fraction = 0.5 if severity == "status" else None
        row: Row = {"number": 0, "time": moment(5 + place), "severity": severity, "source": "eas_worker.program"}
        rows.add(Message, path=path, step=step, position=place, text=text, fraction=fraction, **row)


# ---------------------------------------------------------------------------------------------------------------------
# The big one

BIG = "grid-9f8e7d"
_KINDS = ("synthesis_batman", "verify", SEARCH, "multiply")


def fill_big(database: Database, tasks: int = 100_000, *, name: str = BIG) -> int:
    """Write a run of so many tasks in two loops, with a program's try, a gate's and a message each."""
    with database.writing() as batch:
        run_id = put_run(batch, name, state="failed", started="2026-04-01T00:00:00Z", ended="2026-04-02T00:00:00Z")
        for kind in _KINDS:
            amounts = {"image": "eas", "cpu": 1.0, "gpu": 0, "memory_bytes": 8 * GIB}
            number = tasks // len(_KINDS)
            batch.put(TaskType, [{"run_id": run_id, "type": kind, **amounts, "at_least": number, "at_most": number}])
        for begin in range(0, tasks, 10_000):
            rows = Rows({})
            for index in range(begin, min(begin + 10_000, tasks)):
                _big_task(rows, index)
            rows.put(batch, run_id)
    return run_id


def _big_task(rows: Rows, index: int) -> None:
    iteration, member = divmod(index, len(_KINDS))
    size, period = divmod(iteration, 250)
    path, kind = f"/t0[size={size}]/t0[period={period}]/t{member}", _KINDS[member]
    is_bad = index % 97 == 0
    time = f"2026-04-01T{index // 3600 % 24:02}:{index // 60 % 60:02}:{index % 60:02}.{index % 1000:03}000Z"
    values = {"size": 0.01 * 1.1**size, "size_index": size, "period": 1.0 + period, "period_index": period}
    task(
        rows,
        path,
        kind,
        f"grid.json:{10 + member}:9",
        "failed" if is_bad else "succeeded",
        verdict="fail" if is_bad else "pass",
        message=f"fail: depth: greatest loss of flux is {index / 7}, must be at most 0.5" if is_bad else "",
        indices={"size": size, "period": period},
        variables=values,
        started=time,
        ended=time,
    )
    times: Row = {"queued": time, "started": time, "ended": time}
    attempt(rows, path, 0.5, 1 + index % 13, **times)
    attempt(rows, path, 0.5, 0.1, step="qc", **times)
    row: Row = {"step": "run", "number": 0, "position": 0, "time": time, "source": "eas_worker.program"}
    rows.add(Message, path=path, severity="warning" if is_bad else "info", text=f"line {index}", **row)
    name = f"lightcurve_{size}_{period}.gz"
    if member == 0:
        version(rows, path, name)
    else:
        used(rows, path, name)
    if kind == SEARCH:
        found = ("PASS", "FAIL", "UNDEFINED")[size * period // 40 % 3]
        emit(rows, path, outcome=found, target_period=1.0 + period, power=index / 3, depth=1e-5, period=index / 11)
    if is_bad:
        criterion(rows, path, 0, "fail", value=index / 7)
