"""Running attempts the way a site does: a folder, a description, an environment."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from eas_worker import runtime
from eas_worker.gathering import WORTHS
from eas_worker.records import write_json

Json = dict[str, Any]


class Try(NamedTuple):
    """An attempt that has ended: its folder and its exit status."""

    folder: Path
    exit_status: int

    @property
    def run(self) -> Json:
        """Return the record of the program."""
        return read(self.folder / "records" / "run.json")

    @property
    def qc(self) -> Json:
        """Return the record of quality control."""
        return read(self.folder / "records" / "qc.json")

    @property
    def log(self) -> list[Json]:
        """Return the lines of the log."""
        file = self.folder / "records" / "log.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def last_words(self) -> str:
        """Return what was written for Kubernetes."""
        file = self.folder / "termination-log"
        return file.read_text() if file.exists() else ""

    def product(self, port: str) -> Json:
        """Return the record of an output."""
        return read(self.folder / "products" / port)


def read(path: Path) -> Json:
    """Read a record."""
    record: Json = json.loads(path.read_text())
    return record


def described(task: str = "thing", **fields: Any) -> Json:
    """Return a description as the compiler writes it."""
    ports = {kind: _ports(fields.pop(kind, {})) for kind in ("inputs", "outputs")}
    description: Json = {
        "path": "/t0",
        "source": "chain.json:1:1",
        "task": task,
        "name": None,
        "job_name": "job",
        "working_directory": "job",
        "loops": [],
        "settings": {},
        "setting_types": {},
        "limits": {"threads": 3},
    }
    return description | ports | fields


def _ports(names: Mapping[str, str | Json]) -> Json:
    """Return ports by their file names; a dict may say more."""
    return {
        port: {"type": "data", **({"name": name} if isinstance(name, str) else name)} for port, name in names.items()
    }


def worth(name: str, path: str, verdict: str = "pass", **variables: Any) -> Json:
    """Say what a file that is gathered is worth; it has its own name as metadata."""
    product = {"directory": "job", "name": name, "type": "data", "metadata": {"n": name}, "sha256": "0"}
    return {"path": path, "verdict": verdict, "loop_variables": variables, "product": product}


def bring(folder: Path, port: str, *known: Json) -> None:
    """Bring a family of files to an attempt that gathers it."""
    family = folder / "in" / port / "0"
    (family / WORTHS).mkdir(parents=True)
    for one in known:
        name = one["product"]["name"]
        (family / name).write_text(f"content of {name}")
        (family / WORTHS / name).write_text(json.dumps(one))


class Site:
    """A place for programs and attempts.

    Parameters
    ----------
    folder : Path
        Where attempts get their folders, and, unless `programs` says otherwise, where programs are written.
    """

    def __init__(self, folder: Path, programs: Path | None = None) -> None:
        self.folder = folder
        self.programs = programs or folder / "programs"
        self._count = 0

    def write(self, body: str, task: str = "thing", kind: str = "task") -> None:
        """Write a program with that body."""
        folder = self.programs / ("task_implementations" if kind == "task" else "task_qc_implementations")
        folder.mkdir(parents=True, exist_ok=True)
        lines = textwrap.indent(textwrap.dedent(body).strip(), "    ")
        head = f"from eas_worker import Failed, NoWork, {kind}\n\n\n@{kind}\ndef entry(ctx):\n"
        (folder / f"{task}.py").write_text(f"{head}{lines}\n")

    def environment(self, folder: Path, description: Json, **more: str) -> dict[str, str]:
        """Return the variables of an attempt."""
        return {
            "EAS_TASK": json.dumps(description),
            "EAS_INDICES": "",
            "EAS_SEED": "seed",
            "EAS_RUN": "run-1",
            "EAS_ATTEMPT": "0",
            "EAS_FOLDER": str(folder),
            "EAS_PROGRAMS": str(self.programs),
            "EAS_TERMINATION_LOG": str(folder / "termination-log"),
        } | more

    def new(self) -> Path:
        """Return a folder for an attempt."""
        self._count += 1
        folder = self.folder / f"attempt-{self._count}"
        folder.mkdir(parents=True)
        return folder

    def run(self, description: Json, inputs: Mapping[str, Try | bytes] | None = None, **more: str) -> Try:
        """Run a program; an input is a file's content, or what another task made as `lightcurve`."""
        folder = self.new()
        for port, source in (inputs or {}).items():
            (folder / "in" / ".products").mkdir(parents=True, exist_ok=True)
            if isinstance(source, bytes):
                (folder / "in" / port).write_bytes(source)
            else:
                shutil.copy(source.folder / "out" / "lightcurve", folder / "in" / port)
                shutil.copy(source.folder / "products" / "lightcurve", folder / "in" / ".products" / port)
        return Try(folder, runtime.execute("run", self.environment(folder, description, **more)))

    def inline(self, description: Json, inputs: Mapping[str, bytes] | None = None, **more: str) -> Try:
        """Run a program and judge it in one."""
        folder = self.new()
        for port, data in (inputs or {}).items():
            (folder / "in").mkdir(exist_ok=True)
            (folder / "in" / port).write_bytes(data)
        return Try(folder, runtime.execute("inline", self.environment(folder, description, **more)))

    def judge(self, description: Json, *tries: Try, status: str | None = None, verb: str = "qc", **more: str) -> Try:
        """Judge the last of some tries, as Argo hands them over."""
        folder = self.new()
        for number, tried in enumerate(tries):
            kept = folder / "in" / ".attempts" / f"attempt-{number}"
            shutil.copytree(tried.folder / "records", kept)
        for made, shown in (("out", ".out"), ("products", ".out-products")):
            if tries and (tries[-1].folder / made).exists():
                shutil.copytree(tries[-1].folder / made, folder / "in" / shown)
        status = status or ("Succeeded" if tries and tries[-1].exit_status == 0 else "Failed")
        for kind in ("in", "in/.products"):
            for file in (tries[-1].folder / kind).glob("[!.]*") if tries else ():
                if file.is_file():
                    (folder / kind).mkdir(parents=True, exist_ok=True)
                    shutil.copy(file, folder / kind)
        environment = self.environment(folder, description, EAS_STATUS=status, **more)
        return Try(folder, runtime.execute(verb, environment))

    def ask(self, description: Json, requested: Mapping[int, Json]) -> Try:
        """Answer questions about the metadata that were requested."""
        folder = self.new()
        (folder / "in" / ".requested").mkdir(parents=True)
        for number, metadata in requested.items():
            write_json(folder / "in" / ".requested" / str(number), {"metadata": metadata})
        return Try(folder, runtime.execute("ask", self.environment(folder, description)))
