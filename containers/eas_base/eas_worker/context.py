"""What a program gets into its hands: files, settings, metadata, and ways to say how it is going."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from eas_worker.api import ContractError
from eas_worker.logs import PROGRAM_LOGGER
from eas_worker.records import Status, check_metadata, check_size
from eas_worker.usage import now
from eas_worker.views import View

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

    from eas_worker.attempt import Attempt
    from eas_worker.logs import LogStream
    from eas_worker.records import Value
    from eas_worker.subprocesses import Completed


FILE_NAME = re.compile("[^/\\\\\x00-\x1f\x7f\ud800-\udfff]+")
"""A name that a file of a run can have."""
_MAX_BYTES = 255
"""The longest file name that file systems take."""


class Ordered(Protocol):
    """What has an order and a length: lists, ranges, texts, arrays."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> Any: ...


Items = TypeVar("Items", bound=Ordered)


class InputFile(NamedTuple):
    """A file to read; `path` ends with its real name.

    `loop_variables` of a gathered file are those around the task that made it: `size` and `size_index` of a loop.
    """

    path: Path
    directory: str
    name: str
    type: str
    metadata: dict[str, Any]
    loop_variables: Mapping[str, Any] = MappingProxyType({})


class OutputFile(NamedTuple):
    """A file to write; `path` ends with its real name. Of `many` the name has a star, for what tells them apart."""

    path: Path
    directory: str
    name: str
    type: str
    many: bool = False


class BaseContext:
    """What programs and their quality control have in common.

    Attributes
    ----------
    settings : View
        The settings, evaluated and complete, by attribute or item.
    loop_variables : View
        The loop variables in scope.
    metadata : dict
        What was emitted so far.
    path, task : str
        The task's place in the run and its type.
    shard : Shard
        Which copy of a task with `shards` this is: its `rank`, from 0, of `size`; 0 of 1 without them.
    attempt : int
        The number of this try, from 0.
    threads : int
        How many threads to use.
    log : logging.Logger
        Where to log; whatever goes through `logging` is kept as well.
    asked_seed : int or None
        The seed, once somebody has asked for it or for random numbers.
    """

    def __init__(self, attempt: Attempt, stream: LogStream) -> None:
        self._folder = attempt.folder / "tmp" / "work"
        self._stream = stream
        self._random: random.Random | None = None
        self.metadata: dict[str, Any] = {}
        self.path = attempt.assignment.path
        self.task = attempt.assignment.task
        self.shard = attempt.assignment.shard
        self.settings = View("setting", attempt.assignment.settings)
        self.loop_variables = View("loop variable", attempt.assignment.metadata)
        self._run_seed = attempt.seed
        self.asked_seed: int | None = None
        self.attempt = attempt.number
        self.threads = attempt.threads
        self.log = logging.getLogger(PROGRAM_LOGGER)

    @property
    def tmp(self) -> Path:
        """A folder for whatever is needed meanwhile; it is removed at the end."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

    @property
    def seed(self) -> int:
        """Seed for random numbers, 63 bits: the same in every attempt of this task, and different for every task."""
        self.asked_seed = seed_of(self._run_seed, self.path)
        return self.asked_seed

    @property
    def random(self) -> random.Random:
        """A generator of random numbers, seeded by `seed`."""
        if self._random is None:
            import random

            self._random = random.Random(self.seed)  # noqa: S311 - science, no secrets
        return self._random

    def split(self, items: Items) -> Items:
        """Return the part of a list that is this shard's; without shards, that is all of it.

        The parts of all shards, one behind the other, are the list: each item is in one of them, in the same order, and
        their sizes differ by one at most. There may be more shards than items: some then have an empty part.

        Parameters
        ----------
        items : sequence
            What `len` tells the length of and `[a:b]` takes a part from, such as a list, a range or an array. It has to
            be the same, in the same order, in all shards.

        Raises
        ------
        TypeError
            For what has no order or no length, as a set or a generator.
        """
        if isinstance(items, Mapping) or not (hasattr(items, "__getitem__") and hasattr(items, "__len__")):
            kind = type(items).__name__
            raise TypeError(f"only what has an order and a length can be split, as a list, not a {kind}")
        first, last = (len(items) * rank // self.shard.size for rank in (self.shard.rank, self.shard.rank + 1))
        part: Items = items[first:last]
        return part

    def emit(self, **metadata: object) -> None:
        """Add metadata; a key that is there already is replaced.

        Raises
        ------
        MetadataError
            For values that are no number, text, bool, null or list of these, and for NaN and infinity.
        """
        self.metadata.update(check_metadata(metadata))

    def run(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> Completed:
        """Run another program, by default in `tmp`; see `eas_worker.subprocesses.run`."""
        from eas_worker import subprocesses

        return subprocesses.run(command, cwd=cwd or self.tmp, environment=environment, check=check)


class Context(BaseContext):
    """What a program works with, beside what `BaseContext` has.

    Attributes
    ----------
    inputs, outputs : View
        `InputFile` and `OutputFile` by port, a tuple of `InputFile` for a port that takes several; optional ports that
        the chain does not use are not there.
    statuses : list of Status
        What was said by `status`.
    saved : dict
        Metadata of single files, by port.
    added : dict
        Metadata of the files of ports that make many, by port and name.
    """

    def __init__(self, attempt: Attempt, stream: LogStream) -> None:
        super().__init__(attempt, stream)
        self.inputs = View("input", attempt.show_inputs(required=True))
        self.outputs = View("output", attempt.show_outputs())
        self.statuses: list[Status] = []
        self.saved: dict[str, dict[str, Value]] = {}
        self.added: dict[str, dict[str, dict[str, Value]]] = {}

    def input(self, port: str) -> InputFile:
        """Return the file of an input port that takes one."""
        file: InputFile | tuple[InputFile, ...] = self.inputs[port]
        if isinstance(file, InputFile):
            return file
        raise ContractError(f"input {port!r} takes several files: ask for them by ctx.files({port!r})")

    def files(self, port: str) -> tuple[InputFile, ...]:
        """Return the files of an input port; those that are gathered are in the order of iterations."""
        file: InputFile | tuple[InputFile, ...] = self.inputs[port]
        return (file,) if isinstance(file, InputFile) else file

    def output(self, port: str) -> Path:
        """Return the path to write the file of an output port to."""
        file: OutputFile = self.outputs[port]
        if file.many:
            raise ContractError(f"output {port!r} is many files: ask for each by ctx.add({port!r}, …)")
        return file.path

    def add(self, port: str, text: str, metadata: Mapping[str, object] | None = None) -> Path:
        """Return the path to write one more file of an output port to that makes many.

        Its name is that of the port with `text` for the star. It has only metadata of its own.
        """
        file: OutputFile = self.outputs[port]
        if not file.many:
            raise ContractError(f"output {port!r} is one file: write it to ctx.output({port!r})")
        if not isinstance(text, str):
            raise ContractError(f"output {port!r}: what stands for the star must be a text, not {text!r}")
        if file.name.count("*") != 1:
            raise ContractError(
                f"output {port!r}: {file.name!r} has more than one star, which a loop variable brought in"
            )
        name = file.name.replace("*", text)
        added = self.added.get(port, {})
        if name in added:
            raise ContractError(f"output {port!r} has a file {name!r} already")
        if not FILE_NAME.fullmatch(name) or name in (".", "..") or len(name.encode()) > _MAX_BYTES:
            raise ContractError(f"output {port!r}: {name!r} is no name of a file")
        own = check_metadata(metadata or {})
        check_size(own)
        self.added.setdefault(port, {})[name] = own
        return file.path.with_name(name)

    def save(self, port: str, metadata: Mapping[str, object] | None = None) -> None:
        """Say that the file of a port is complete.

        Needed only to give it metadata of its own, which come on top of those of the task.
        """
        if not self.output(port).is_file():
            raise ContractError(f"output {port!r} was saved, but {self.output(port).name} was not written")
        self.saved[port] = check_metadata(metadata or {})

    def status(self, text: str, fraction: float | None = None) -> None:
        """Say how far it is, for people who watch; `fraction` is from 0 to 1."""
        if fraction is not None and not 0 <= fraction <= 1:
            raise ValueError(f"the fraction of a status is from 0 to 1, not {fraction}")
        status = Status(now(), text, None if fraction is None else float(fraction))
        self.statuses.append(status)
        self._stream.write("status", PROGRAM_LOGGER, status.text, fraction=status.fraction)


def seed_of(run_seed: str, path: str) -> int:
    """Return the seed of a task, 63 bits.

    Parameters
    ----------
    run_seed : str
        The seed of the run.
    path : str
        The task's place in the run.
    """
    digest = hashlib.sha256(f"{run_seed}\0{path}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
