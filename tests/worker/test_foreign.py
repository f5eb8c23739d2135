"""Programs in other languages: files and JSON in, files and JSON out, and an exit status."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from eas_worker import runtime
from tests.worker.harness import Site, Try, bring, described, worth

DOCUMENT = Path(__file__).parents[2] / "docs" / "containers.md"
CURVE = gzip.compress(
    b"# time [s], relative flux, flag, uncertainty\n0 1 0 0\n43200 0.5 0 0\n86400 0.25 0 0\n", mtime=0
)


def write(site: Site, text: str, kind: str = "task", name: str = "faint.sh") -> Path:
    """Write an executable."""
    path = site.programs / f"{kind}_implementations" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def faint(limit: float = 0.9) -> dict[str, Any]:
    """Return the description of the task that the documentation shows."""
    return described(
        "faint",
        inputs={"lightcurve": "c.gz"},
        outputs={"table": "t.csv"},
        settings={"limit": limit},
        setting_types={"limit": {"type": "float"}},
    )


def run(site: Site, **given: Any) -> Try:
    """Run it on a light curve of three samples."""
    return site.run(faint(**given), {"lightcurve": CURVE})


@pytest.fixture
def shown(site: Site) -> Site:
    """Return a site with the programs of the documentation."""
    programs = re.findall(
        r"`(task\w*)_implementations/(faint\.sh)`:\n\n```sh\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE
    )
    assert [one[0] for one in programs] == ["task", "task_qc"]
    for kind, name, text in programs:
        write(site, text, kind, name)
    return site


def test_what_the_documentation_shows(shown: Site) -> None:
    """The program makes its table and emits metadata, quality control judges by its criterion."""
    tried = run(shown)
    assert (tried.exit_status, tried.run["status"], tried.run["metadata"]) == (0, "done", {"samples": 3, "below": 2})
    assert (tried.folder / "out" / "table").read_text() == "0.5,0.5\n1,0.25\n"
    judged = shown.judge(faint(), tried).qc
    assert judged["reason"] == "fail: rows: rows of the table is 2, must be at least 3"


def test_clean_failure(shown: Site) -> None:
    """The exit status 10 is a failure whose message is the last line on standard error."""
    tried = run(shown, limit=0.1)
    assert (tried.exit_status, tried.run["status"]) == (10, "failed")
    assert tried.run["message"] == "no sample is below 0.1"
    assert tried.run["traceback"] == ""


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        ("echo nothing here >&2; exit 11", "no_work", "nothing here"),
        ("echo broken >&2; exit 3", "raised", "faint.sh ended with exit status 3: broken"),
        ("kill -9 $$", "raised", "faint.sh killed by signal 9: it did not say why"),
        ("true", "raised", "declared output missing: table (t.csv)"),
        ("touch out/table out/other", "raised", "undeclared output: out/other; ports are table"),
        ("touch out/table; echo '[' >metadata.json", "raised", "metadata.json is no JSON: "),
        ("touch out/table; echo '[]' >metadata.json", "raised", "metadata.json must be an object"),
    ],
)
def test_endings(site: Site, text: str, status: str, message: str) -> None:
    """What an executable does wrong is told in words, without a traceback of the worker."""
    write(site, f"#!/bin/sh\n{text}\n")
    tried = run(site)
    assert tried.run["status"] == status
    assert tried.run["message"].startswith(message)
    assert "foreign.py" not in tried.run["traceback"]
    assert not (tried.folder / "out").exists()


def test_what_it_is_told(site: Site) -> None:
    """The description has settings, ports and what is known of the inputs; settings are variables, too."""
    write(
        site,
        "#!/bin/sh\n"
        'echo "{\\"said\\": \\"$SETTING_limit $EAS_THREADS $EAS_SHARD_RANK/$EAS_SHARD_SIZE\\"}" >metadata.json\n'
        "cp task.json out/table\n",
    )
    loops = [{"id": "shard", "var": "shard", "form": "shards", "range": 4}]
    tried = site.run(faint() | {"path": "/t0[shard]/t0", "loops": loops}, {"lightcurve": CURVE}, EAS_INDICES="shard=2")
    told = json.loads((tried.folder / "out" / "table").read_text())
    assert tried.run["metadata"] == {"said": "0.9 3 2/4"}
    assert told["shard"] == {"rank": 2, "size": 4}
    assert (told["task"], told["settings"], told["threads"]) == ("faint", {"limit": 0.9}, 3)
    assert told["inputs"]["lightcurve"]["name"] == "c.gz"
    assert told["inputs"]["lightcurve"]["path"].endswith("/c.gz")
    assert told["outputs"]["table"]["name"] == "t.csv"


def test_several_files_in_one_port(site: Site) -> None:
    """They are numbered, in the order of iterations."""
    write(site, "#!/bin/sh\ncat in/curves/0 in/curves/1 >out/table\n")
    known = [worth("b", "/t0[size=1]/t0"), worth("a", "/t0[size=0]/t0")]
    port = {"names": [{"name": "*"}], "min": 1}
    description = described("faint", path="/t1", inputs={"curves": port}, outputs={"table": "t.csv"})
    folder = site.new()
    bring(folder, "curves", *known)
    assert runtime.execute("run", site.environment(folder, description)) == 0
    assert (folder / "out" / "table").read_text() == "content of acontent of b"


@pytest.mark.parametrize(
    "criteria", ['{"name": "a"}', '[{"name": "a"}]', '[{"name": "a", "value": 1, "least": 0}]', "[1]"]
)
def test_criteria_that_are_none(shown: Site, criteria: str) -> None:
    """A gate whose criteria cannot be read is closed, and says why."""
    write(shown, f"#!/bin/sh\necho '{criteria}' >criteria.json\n", "task_qc")
    judged = shown.judge(faint(), run(shown)).qc
    assert judged["verdict"] == "error"
    assert "criteria.json" in judged["reason"]


def test_not_executable(site: Site) -> None:
    """A file that nobody can execute is told as such."""
    write(site, "#!/bin/sh\n").chmod(0o644)
    tried = run(site)
    assert tried.run["message"] == "faint.sh is neither Python nor executable; `chmod +x` makes it so"


def test_python_comes_first(site: Site) -> None:
    """Of a script of Python and an executable of one name, the former is meant; sources are not."""
    write(site, "int main;", name="faint.c").chmod(0o644)
    program = write(site, "#!/bin/sh\nexit 10\n", name="faint")
    assert run(site).exit_status == 10
    program.with_suffix(".py").write_text(
        "from eas_worker import NoWork, task\n\n@task\ndef go(ctx):\n    raise NoWork('py')\n"
    )
    assert run(site).run["message"] == "py"


def test_many_files_of_one_output(site: Site) -> None:
    """They are written to a folder, under what stands for the star; quality control has them by number."""
    write(site, "#!/bin/sh\necho one > out/parts/a; echo two > out/parts/b\n", name="thing.sh")
    write(
        site,
        """#!/bin/sh
        value=$(cat out/parts/0 out/parts/1 | wc -l)
        echo "[{\\"name\\": \\"lines\\", \\"value\\": $value, \\"minimum\\": 2}]" >criteria.json
        """,
        kind="task_qc",
        name="thing.sh",
    )
    description = described(outputs={"parts": {"name": "p_*", "many": True}})
    tried = site.run(description)
    assert [one["name"] for one in tried.run["outputs"]["parts"]] == ["p_a", "p_b"]
    assert site.judge(description, tried).qc["reason"] == "pass: 1 criteria"
