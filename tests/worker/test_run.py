"""`run`: what a program gets, what is kept of it, and how it can end."""

import gc
import json
import logging
import os
import signal
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest

from eas_worker import runtime
from eas_worker.records import sha256
from tests.worker.harness import Site, Try, described, read

RECORD_KEYS = {
    "format", "path", "task", "attempt", "status", "exit_status", "message", "traceback", "metadata", "settings",
    "loop_variables", "inputs", "outputs", "usage", "statuses", "content", "seed",
}  # fmt: skip
PRODUCT_KEYS = {"format", "directory", "name", "type", "size", "sha256", "metadata", "producer"}


def test_done(site: Site) -> None:
    """A program that returns is done: exit status 0, and a record with all that the contract names."""
    site.write("ctx.emit(answer=42)")
    tried = site.run(described())
    assert tried.exit_status == 0
    assert set(tried.run) == RECORD_KEYS
    assert (tried.run["status"], tried.run["exit_status"], tried.run["message"]) == ("done", 0, "")
    assert tried.run["metadata"] == {"answer": 42}


def test_output(site: Site) -> None:
    """An output becomes visible at its port, with a record of what it is and where it comes from."""
    site.write("ctx.output('file').write_text('abc'); ctx.emit(a=1, b=2); ctx.save('file', metadata={'b': 3})")
    tried = site.run(described(outputs={"file": "real name.txt"}), EAS_ATTEMPT="2")
    assert (tried.folder / "out" / "file").read_text() == "abc"
    product = tried.product("file")
    assert set(product) == PRODUCT_KEYS
    assert product["name"] == "real name.txt"
    assert product["size"] == 3
    assert product["sha256"] == sha256(tried.folder / "out" / "file")
    assert product["metadata"] == {"a": 1, "b": 3}
    assert product["producer"] == {"run": "run-1", "path": "/t0", "attempt": 2}
    assert tried.run["outputs"] == {"file": product}


def test_real_names(site: Site) -> None:
    """Files are shown under their real names, in folders of their own."""
    site.write("""
        assert ctx.inputs.a.path.name == ctx.input('b').path.name == 'same.txt'
        assert ctx.inputs.a.path.read_text() != ctx.inputs.b.path.read_text()
        assert ctx.output('c').name == ctx.outputs['c'].name == 'same.txt'
        ctx.output('c').write_text('c')
    """)
    ports = described(inputs={"a": "same.txt", "b": "same.txt"}, outputs={"c": "same.txt"})
    assert site.run(ports, {"a": b"a", "b": b"b"}).run["message"] == ""


def test_input_metadata(site: Site) -> None:
    """An input brings the metadata that its producer gave it, and the run's record tells its hash."""
    site.write("ctx.output('lightcurve').write_text('x'); ctx.emit(depth=0.5)", "make")
    made = site.run(described("make", outputs={"lightcurve": "x.gz"}))
    site.write("ctx.emit(seen=ctx.inputs.lightcurve.metadata['depth'])")
    tried = site.run(described(inputs={"lightcurve": "x.gz"}), {"lightcurve": made})
    assert tried.run["metadata"] == {"seen": 0.5}
    assert tried.run["inputs"]["lightcurve"]["sha256"] == made.product("lightcurve")["sha256"]


def test_input_from_outside(site: Site) -> None:
    """A file without a record has no metadata; its hash is taken."""
    site.write("assert ctx.inputs.file.metadata == {}")
    tried = site.run(described(inputs={"file": "x"}), {"file": b"abc"})
    assert tried.exit_status == 0
    assert tried.run["inputs"] == {
        "file": {"directory": "job", "name": "x", "sha256": sha256(tried.folder / "in/file")}
    }


def test_missing_input(site: Site) -> None:
    """An input that is not there stops the attempt before the program starts; an optional one is just not there."""
    site.write("ctx.emit(there='file' in ctx.inputs)")
    assert site.run(described(inputs={"file": "x"})).run["message"] == "input 'file', job/x, is not there"
    optional = site.run(described(inputs={"file": {"name": "x", "optional": True}}))
    assert optional.run["metadata"] == {"there": False}


def test_missing_output(site: Site) -> None:
    """A declared output that was not made is an error that names it, and nothing becomes visible."""
    site.write("ctx.output('one').write_text('1')")
    tried = site.run(described(outputs={"one": "1.txt", "two": "2.txt"}))
    assert tried.exit_status == 1
    assert tried.run["message"] == "declared output missing: two (2.txt)"
    assert tried.run["outputs"] == {}
    assert not (tried.folder / "out").exists()
    assert not (tried.folder / "products").exists()


def test_optional_output(site: Site) -> None:
    """An optional output need not be made."""
    site.write("pass")
    tried = site.run(described(outputs={"one": {"name": "1.txt", "optional": True}}))
    assert (tried.exit_status, tried.run["outputs"]) == (0, {})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("ctx.output('two')", "no output 'two'; there are: one"),
        ("ctx.outputs.two", "no output 'two'; there are: one"),
        ("ctx.output('one').with_name('x').write_text('x')", "undeclared output: x; other files belong into ctx.tmp"),
        ("ctx.output('one').unlink(); ctx.output('one').symlink_to('/etc/hosts')", "declared output missing: one"),
        ("ctx.output('one').unlink(); ctx.save('one')", "output 'one' was saved, but 1.txt was not written"),
    ],
)
def test_undeclared_output(site: Site, body: str, message: str) -> None:
    """Whatever is no declared output, a regular file of its name, is an error."""
    site.write(f"ctx.output('one').write_text('1'); {body}")
    tried = site.run(described(outputs={"one": "1.txt"}))
    assert tried.exit_status == 1
    assert message in tried.run["message"]


def test_raised(site: Site) -> None:
    """An exception is exit status 1, with a traceback that begins in the program and stands in the log as well."""
    site.write("ctx.emit(so_far=1); {}['missing']")
    tried = site.run(described())
    assert tried.exit_status == 1
    assert (tried.run["status"], tried.run["message"]) == ("raised", "KeyError: 'missing'")
    frames = [line for line in tried.run["traceback"].splitlines() if line.startswith("  File")]
    assert [Path(line.split('"')[1]).name for line in frames] == ["thing.py"]
    assert tried.run["metadata"] == {"so_far": 1}
    assert [line["message"] for line in tried.log if line["severity"] == "error"] == [tried.run["traceback"]]
    assert tried.last_words == "KeyError: 'missing'"


def test_system_exit(site: Site) -> None:
    """A program that leaves by sys.exit has raised, even with 0."""
    site.write("import sys; sys.exit(0)")
    assert site.run(described()).run["message"] == "SystemExit: 0"


def test_failed(site: Site) -> None:
    """Failed is exit status 10: the author's message of any length, and no traceback."""
    site.write("raise Failed('x' * 100_000)")
    tried = site.run(described())
    assert tried.exit_status == 10
    assert (tried.run["status"], tried.run["message"], tried.run["traceback"]) == ("failed", "x" * 100_000, "")
    assert len(tried.last_words) == 4000


def test_no_work(site: Site) -> None:
    """NoWork ends well for Argo and says so in a file; the record has status 11."""
    site.write("ctx.output('one').write_text('1'); raise NoWork('all done before')")
    tried = site.run(described(outputs={"one": "1.txt"}))
    assert tried.exit_status == 0
    assert (tried.folder / "no_work").read_text() == "true"
    assert (tried.run["status"], tried.run["exit_status"]) == ("no_work", 11)
    assert not (tried.folder / "out").exists()


def test_no_program(site: Site) -> None:
    """A task type without a program says where it was looked for."""
    assert site.run(described("other")).run["message"].startswith("there is no program for task type 'other' in ")


@pytest.mark.parametrize(
    "text", ["x = 1\n", "from eas_worker import task\n\n\n@task\n@task\ndef a(c): ...\n\n\nb = task(lambda c: 0)\n"]
)
def test_one_entry_point(site: Site, text: str) -> None:
    """A program has exactly one marked function."""
    site.write("pass")
    (site.programs / "task_implementations" / "thing.py").write_text(text)
    assert "must have one function marked @task, it has" in site.run(described()).run["message"]


def test_expression_that_fails(site: Site) -> None:
    """An expression that fails is told by its message, without a traceback."""
    site.write("pass")
    tried = site.run(described(settings={"x": "(1 / 0)"}, setting_types={"x": {"type": "float"}}))
    assert (tried.exit_status, tried.run["status"], tried.run["path"]) == (1, "raised", "/t0")
    assert "zero" in tried.run["message"]
    assert tried.run["traceback"] == ""


@pytest.mark.parametrize("task", [None, "no json"])
def test_broken_description(site: Site, task: str | None) -> None:
    """Even without a description there is a record that says so."""
    folder = site.new()
    environment = site.environment(folder, {})
    environment = {key: value for key, value in environment.items() if key != "EAS_TASK"} | (
        {"EAS_TASK": task} if task else {}
    )
    tried = Try(folder, runtime.execute("run", environment))
    assert tried.exit_status == 1
    assert tried.run["message"]


def test_settings(site: Site) -> None:
    """Settings are typed and complete, evaluated with loop variables, and read by attribute or item at any depth."""
    site.write("""
        assert ctx.settings.specs.size == ctx.settings['specs']['size'] == 2.0
        assert ctx.settings.specs.mode == 'main'
        assert ctx.loop_variables.P == 20
        ctx.emit(size=ctx.settings.specs.size)
    """)
    loops = [{"id": "P", "var": "P", "form": "values", "range": [10, 20], "at": "/t0"}]
    fields = {"size": {"type": "float"}, "mode": {"type": "text", "default": "main"}}
    tried = site.run(
        described(
            path="/t0[P]/t0",
            loops=loops,
            settings={"specs": {"size": "(metadata['P'] / 10)"}},
            setting_types={"specs": {"type": "object", "fields": fields}},
        ),
        EAS_INDICES="P=1",
    )
    assert tried.run["message"] == ""
    assert tried.run["path"] == "/t0[P=1]/t0"
    assert tried.run["settings"] == {"specs": {"size": 2.0, "mode": "main"}}
    assert tried.run["loop_variables"] == {"P": 20, "P_index": 1}


def test_unknown_setting(site: Site) -> None:
    """Asking for a setting that is not there tells which there are."""
    site.write("ctx.settings.perid")
    tried = site.run(described(setting_types={"period": {"type": "float"}, "depth": {"type": "float"}}))
    assert tried.run["message"] == "AttributeError: no setting 'perid'; there are: period, depth"


def test_seed(site: Site) -> None:
    """The seed depends on the run's seed and the path, on nothing else; `random` follows it."""
    site.write("ctx.emit(seed=ctx.seed, number=ctx.random.random(), again=ctx.random.random())")

    def emitted(path: str, seed: str, attempt: str) -> str:
        return json.dumps(site.run(described(path=path), EAS_SEED=seed, EAS_ATTEMPT=attempt).run["metadata"])

    first = emitted("/t0", "1", "0")
    assert emitted("/t0", "1", "1") == first
    assert len({first, emitted("/t0", "2", "0"), emitted("/t1", "1", "0")}) == 3
    assert 0 <= json.loads(first)["seed"] < 2**63
    assert json.loads(first)["number"] != json.loads(first)["again"]


def test_threads(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numerical libraries are told how many threads to use, and afterwards what they were told before."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"]
    site.write(f"import os; ctx.emit(threads=[os.environ[name] for name in {names}], count=ctx.threads)")
    tried = site.run(described())
    assert tried.run["metadata"] == {"threads": ["3"] * 4, "count": 3}
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "NUMBA_NUM_THREADS" not in os.environ


def test_tmp(site: Site) -> None:
    """The temporary folder is there when it is asked for, and gone afterwards, whatever happens."""
    site.write("(ctx.tmp / 'a').write_text('a'); raise Failed('x')")
    tried = site.run(described())
    assert tried.run["status"] == "failed"
    assert sorted(path.name for path in tried.folder.iterdir()) == ["records", "termination-log"]


def test_status(site: Site) -> None:
    """Status lines are kept with their times, and stand in the log at once."""
    site.write("""
        ctx.status('begun')
        ctx.status('half', 0.5)
        ctx.emit(lines=(ctx.tmp.parents[1] / 'records' / 'log.jsonl').read_text().count('status'))
    """)
    tried = site.run(described())
    assert [(status["text"], status["fraction"]) for status in tried.run["statuses"]] == [
        ("begun", None),
        ("half", 0.5),
    ]
    assert tried.run["metadata"] == {"lines": 2}
    assert tried.log[1]["fraction"] == 0.5


@pytest.mark.parametrize("fraction", ["2", "float('nan')"])
def test_status_fraction(site: Site, fraction: str) -> None:
    """A fraction is from 0 to 1."""
    site.write(f"ctx.status('x', {fraction})")
    assert "from 0 to 1" in site.run(described()).run["message"]


@pytest.mark.parametrize(
    ("value", "kind", "fine"),
    [
        ("1", "float", True),
        ("1.5", "int", False),
        ("True", "float", False),
        ("True", "bool", True),
        ("1", "text", False),
        ("[1]", "list", True),
        ("None", "float", True),
    ],
)
def test_declared_metadata(site: Site, value: str, kind: str, fine: bool) -> None:  # noqa: FBT001
    """Metadata have the declared type, since conditions of chains rely on it; nothing known is always allowed."""
    site.write(f"ctx.emit(x={value}, other='undeclared')")
    tried = site.run(described(metadata={"x": {"type": kind}}))
    assert (tried.exit_status == 0) is fine
    assert fine or f"metadata 'x' is declared as {kind}" in tried.run["message"]


def test_bad_metadata(site: Site) -> None:
    """NaN is refused where it is emitted, with the key's name."""
    site.write("ctx.emit(depth=float('nan'))")
    assert "'depth' is nan" in site.run(described()).run["message"]


def test_too_many_metadata(site: Site) -> None:
    """One megabyte is the limit for the task, and for each file."""
    site.write("ctx.emit(x='x' * 1_000_000)")
    assert "metadata take 1000009 bytes" in site.run(described()).run["message"]
    site.write("ctx.output('a').write_text(''); ctx.save('a', metadata={'x': 'x' * 1_000_000})")
    assert "metadata take 1000009 bytes" in site.run(described(outputs={"a": "a"})).run["message"]


def test_usage(site: Site) -> None:
    """Elapsed time, processor time and memory are measured, those of sub-processes apart."""
    site.write("""
        import sys, time
        end = time.process_time() + 0.05
        while time.process_time() < end: pass
        block = b'x' * 50_000_000
        ctx.run([sys.executable, '-c', 'sum(range(2_000_000))'])
    """)
    usage = site.run(described()).run["usage"]
    assert usage["started"] < usage["ended"]
    assert usage["ended"].endswith("Z")
    assert usage["wall_s"] >= usage["cpu_s"] >= 0.05
    assert usage["cpu_children_s"] > 0.01
    assert usage["peak_memory_bytes"] > 50_000_000
    assert usage["threads"] == 3


def test_logging_captured(site: Site) -> None:
    """What libraries log from INFO on, and warnings, is kept with its severity; afterwards logging is as it was."""
    before = (logging.getLogger().handlers[:], logging.getLogger().level, warnings.showwarning)
    site.write("""
        import logging, warnings
        logging.getLogger('library').info('hello %s', 'there')
        logging.getLogger('library').debug('not this')
        ctx.log.error('bad')
        try:
            1 / 0
        except ZeroDivisionError:
            ctx.log.exception('caught')
        with warnings.catch_warnings():
            warnings.simplefilter('always')
            warnings.showwarning(UserWarning('careful'), UserWarning, 'file.py', 3)
    """)
    tried = site.run(described())
    lines = [(line["severity"], line["source"], line["message"].splitlines()[0]) for line in tried.log]
    assert lines == [
        ("info", "library", "hello there"),
        ("error", "eas_worker.program", "bad"),
        ("error", "eas_worker.program", "caught"),
        ("warning", "warnings", "UserWarning: careful (file.py:3)"),
    ]
    assert "ZeroDivisionError" in tried.log[2]["message"]
    assert (logging.getLogger().handlers, logging.getLogger().level, warnings.showwarning) == before


def test_stopped(site: Site) -> None:
    """SIGTERM ends the program cleanly: exit status 143, records written, the temporary folder gone."""
    site.write("import os, signal, time; ctx.emit(a=1); ctx.tmp; os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)")
    before = signal.getsignal(signal.SIGTERM)
    tried = site.run(described())
    assert tried.exit_status == 143
    assert (tried.run["status"], tried.run["exit_status"]) == ("raised", 143)
    assert tried.run["metadata"] == {"a": 1}
    assert not (tried.folder / "tmp").exists()
    assert signal.getsignal(signal.SIGTERM) is before


def test_other_thread(site: Site) -> None:
    """A thread that cannot receive signals can run an attempt all the same."""
    site.write("ctx.emit(a=1)")
    tries: list[Try] = []
    thread = threading.Thread(target=lambda: tries.append(site.run(described())))
    thread.start()
    thread.join()
    assert tries[0].exit_status == 0


def test_nothing_stays(site: Site) -> None:
    """A program's module is forgotten: the next attempt may bring another one of that name."""
    site.write("ctx.emit(version=1)")
    assert site.run(described()).run["metadata"] == {"version": 1}
    site.write("ctx.emit(version=2, more='so that the size differs')")
    assert site.run(described()).run["metadata"]["version"] == 2
    assert not [name for name in sys.modules if name.startswith("eas_program")]


def test_null_task_is_fast(site: Site) -> None:
    """In a process that has everything loaded, a task that does nothing costs about a millisecond."""
    site.write("pass")
    description = described()
    site.run(description)
    gc.disable()
    try:
        costs = []
        for _ in range(20):
            folder = site.new()
            environment = site.environment(folder, description)
            begin = time.process_time()
            runtime.execute("run", environment)
            costs.append(time.process_time() - begin)
    finally:
        gc.enable()
    assert sorted(costs)[len(costs) // 2] < 0.006  # some times what is seen, as machines differ and are busy


MANY = {"parts": {"name": "p_*.txt", "many": True}}


def test_many_files_of_one_output(site: Site) -> None:
    """Each is a product with metadata of its own, under its name as keys have it."""
    site.write("""
        for text in ("b", "a 1"):
            ctx.add("parts", text, {"of": text}).write_text(text)
        ctx.emit(count=2)
    """)
    tried = site.run(described(outputs=MANY))
    first, second = tried.run["outputs"]["parts"]
    assert [(one["name"], one["metadata"]) for one in (first, second)] == [
        ("p_a 1.txt", {"of": "a 1"}),
        ("p_b.txt", {"of": "b"}),
    ]
    assert (tried.folder / "out" / "parts" / "p_a%201.txt").read_text() == "a 1"
    assert read(tried.folder / "products" / "parts" / "p_a%201.txt.json") == first
    site.write("assert [one.path.read_text() for one in ctx.outputs.parts] == ['a 1', 'b']", kind="qc")
    assert site.judge(described(outputs=MANY), tried).qc["verdict"] == "pass"


def test_a_file_that_was_refused(site: Site) -> None:
    """An optional output of which a name was refused has not been made."""
    site.write("""
        from eas_worker.api import ContractError

        try:
            ctx.add("parts", "a/b")
        except ContractError:
            ctx.emit(refused=True)
    """)
    optional = {"parts": MANY["parts"] | {"optional": True}}
    tried = site.run(described(outputs=optional))
    assert (tried.run["status"], tried.run["metadata"]) == ("done", {"refused": True})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("pass", "declared output missing: parts (p_*.txt)"),
        ("ctx.add('parts', 'a').write_text('a'); ctx.add('parts', 'b')", "declared output missing: parts (p_b.txt)"),
        ("ctx.add('parts', 'a'); ctx.add('parts', 'a')", "output 'parts' has a file 'p_a.txt' already"),
        ("ctx.add('parts', '../a')", "output 'parts': 'p_../a.txt' is no name of a file"),
        ("ctx.add('parts', 'a' * 300)", "is no name of a file"),
        ("ctx.add('parts', 3)", "output 'parts': what stands for the star must be a text, not 3"),
        ("ctx.outputs.parts.path.write_text('a')", "declared output missing: parts (p_*.txt)"),
        ("ctx.output('parts')", "output 'parts' is many files: ask for each by ctx.add('parts', …)"),
        ("ctx.add('parts', 'a').with_name('p_c.txt').write_text('c')", "declared output missing: parts (p_a.txt)"),
        ("ctx.add('parts', 'a').write_text('a'); ctx.add('one', 'a')", "output 'one' is one file: write it to"),
    ],
)
def test_many_files_that_are_not_as_they_should_be(site: Site, body: str, said: str) -> None:
    """Nothing is left of them."""
    site.write(body)
    tried = site.run(described(outputs=MANY | {"one": {"name": "one", "optional": True}}))
    assert tried.run["status"] == "raised"
    assert said in tried.run["message"]
    assert tried.run["outputs"] == {}
