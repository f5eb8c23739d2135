"""One try of a task: what it was told, and its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from eas_worker.api import ContractError, Failed
from eas_worker.assignment import assign, parse_indices, read_requested
from eas_worker.context import InputFile, OutputFile
from eas_worker.gathering import Arrived, gathered, shortage
from eas_worker.records import read_product, sha256

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eas_worker.assignment import Assignment
    from eas_worker.records import References

DEFAULT_FOLDER = "/eas"
DEFAULT_PROGRAMS = "/opt/eas"


class Attempt(NamedTuple):
    """One try of a task.

    `folder` is its own folder, `programs` where the scripts are, `number` the number of the try from 0, `run` and
    `seed` the name and the seed of the run, `requested` the metadata that it asked for, `assignment` what it has to do,
    `gathered` the files for each port that gathers.
    """

    folder: Path
    programs: Path
    description: dict[str, Any]
    indices: dict[str, int]
    seed: str
    run: str
    number: int
    requested: list[Any]
    assignment: Assignment
    gathered: dict[str, list[Arrived]]

    @property
    def threads(self) -> int:
        """How many threads it may use."""
        return threads_of(self.description)

    def show_inputs(self, *, required: bool) -> dict[str, InputFile | tuple[InputFile, ...]]:
        """Show the input files under their real names, as far as they are there.

        Raises
        ------
        ContractError
            When one that is not optional is not there, and they are required.
        Failed
            When too few or too many were gathered, and they are required.
        """
        shown: dict[str, InputFile | tuple[InputFile, ...]] = {}
        for port, reference in self.assignment.inputs.items():
            file = self.folder / "in" / port
            if not file.exists():
                if not required or self.description["inputs"][port].get("optional"):
                    continue
                raise ContractError(f"input {port!r}, {reference.directory}/{reference.name}, is not there")
            record = self.folder / "in" / ".products" / port
            metadata = read_product(record).metadata if record.exists() else {}
            path = self.show(file, "inputs", port, reference.name)
            one = InputFile(path, reference.directory, reference.name, reference.type, metadata)
            shown[port] = (one,) if self.description["inputs"][port].get("many") else one
        for port in self.assignment.gathers:
            shown[port] = self._show_gathered(port, required=required)
        return shown

    def _show_gathered(self, port: str, *, required: bool) -> tuple[InputFile, ...]:
        gather, files = self.assignment.gathers[port], self.gathered[port]
        problem = shortage(len(files), port, gather.minimum, gather.maximum)
        if required and problem:
            raise Failed(problem)
        shown = []
        for number, one in enumerate(files):
            product = one.product
            if one.file.is_file():
                path = self.show(one.file, "inputs", f"{port}/{number}", product["name"])
                facts = {key: product[key] for key in ("directory", "name", "type", "metadata")}
                shown.append(InputFile(path, **facts, loop_variables=one.loop_variables))
            elif required:
                raise ContractError(f"input {port!r}, {product['directory']}/{product['name']}, is not there")
        return tuple(shown)

    def show_outputs(self) -> dict[str, OutputFile]:
        """Return where the output files are to be written: each in a folder of its own, under its real name."""
        shown = {}
        for port, reference in self.assignment.outputs.items():
            folder = self.drafts / port
            folder.mkdir(parents=True, exist_ok=True)
            is_many = bool(self.description["outputs"][port].get("many"))
            shown[port] = OutputFile(folder / reference.name, *reference, is_many)
        return shown

    @property
    def drafts(self) -> Path:
        """Where the program writes its output files."""
        return self.folder / "tmp" / "outputs"

    def show(self, file: Path, kind: str, port: str, name: str) -> Path:
        """Show a file under another name, by a link in the temporary folder."""
        folder = self.folder / "tmp" / kind / port
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / name
        link.symlink_to(file)
        return link

    def input_references(self) -> dict[str, References]:
        """Return, by port, which files were read; the hash tells their very contents."""
        references: dict[str, References] = {}
        for port, reference in self.assignment.inputs.items():
            file, record = self.folder / "in" / port, self.folder / "in" / ".products" / port
            if file.exists():
                known = read_product(record).sha256 if record.exists() else sha256(file)
                references[port] = {"directory": reference.directory, "name": reference.name, "sha256": known}
        for port, files in self.gathered.items():
            kept = ("directory", "name", "sha256")
            references[port] = [{key: one.product[key] for key in kept} for one in files if one.file.is_file()]
        return references


def read_description(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the description of the task."""
    if "EAS_TASK" not in environment:
        raise ContractError("EAS_TASK, the description of the task, is not set")
    description: dict[str, Any] = json.loads(environment["EAS_TASK"])
    return description


def read_attempt(description: dict[str, Any], environment: Mapping[str, str]) -> Attempt:
    """Find out what has to be done.

    Raises
    ------
    eas_worker.expressions.ExpressionError
        When an expression of the chain fails.
    """
    folder = folder_of(environment)
    indices = parse_indices(environment.get("EAS_INDICES", ""))
    seed = environment.get("EAS_SEED", "")
    requested = read_requested(description, indices, seed, folder)
    assignment = assign(description, indices, seed, requested)
    return Attempt(
        folder=folder,
        programs=Path(environment.get("EAS_PROGRAMS", DEFAULT_PROGRAMS)),
        description=description,
        indices=indices,
        seed=seed,
        run=environment.get("EAS_RUN", ""),
        number=number_of(environment),
        requested=requested,
        assignment=assignment,
        gathered={port: gathered(folder / "in", description, port, assignment) for port in assignment.gathers},
    )


def folder_of(environment: Mapping[str, str]) -> Path:
    """Return the folder of the attempt."""
    return Path(environment.get("EAS_FOLDER", DEFAULT_FOLDER)).absolute()


def number_of(environment: Mapping[str, str]) -> int:
    """Return the number of the try, from 0."""
    return int(environment.get("EAS_ATTEMPT") or 0)


def threads_of(description: Mapping[str, Any]) -> int:
    """Return how many threads the task may use."""
    return int(description.get("limits", {}).get("threads", 1))
