"""Programs in other languages: an executable gets files and JSON in a folder, and leaves files and JSON there.

It runs in a folder with ``task.json`` and ``in/PORT``, or ``in/PORT/0``, ``1``, … for a port that takes several. It
writes ``out/PORT`` and ``metadata.json``. It ends with the exit status 0, with 10 when it has failed for a reason that
it knows, or with 11 when there is nothing to do; its last line on standard error is the message then. One that judges
finds what was made in ``out/``, and writes ``criteria.json``, a list of objects with the arguments of
`eas_worker.quality.QualityContext.check`.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

from eas_worker.api import ContractError, Failed, NoWork
from eas_worker.context import InputFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from eas_worker.context import BaseContext, Context
    from eas_worker.quality import QualityContext

_FAILED, _NO_WORK = 10, 11
_CRITERION = {"name", "value", "minimum", "maximum", "severity", "unit", "quantity"}


def entry(path: Path, kind: str) -> Callable[[Any], None]:
    """Return the entry point that an executable is, for a task or for its quality control.

    Raises
    ------
    ContractError
        When it is none.
    """
    if not os.access(path, os.X_OK):
        raise ContractError(f"{path.name} is neither Python nor executable; `chmod +x` makes it so")
    return (lambda context: _run(path, context)) if kind == "task" else (lambda context: _judge(path, context))


def _run(program: Path, context: Context) -> None:
    """Run a task."""
    folder = context.tmp
    (folder / "out").mkdir()
    outputs = {port: _facts(file) for port, file in context.outputs.items()}
    for port, file in outputs.items():
        if file["many"]:
            (folder / "out" / port).mkdir()
    _start(program, context, {"outputs": outputs})
    context.emit(**_read(folder / "metadata.json", dict))
    for made in sorted((folder / "out").iterdir()):
        if made.name not in outputs:
            raise ContractError(f"undeclared output: out/{made.name}; ports are {', '.join(outputs) or 'none'}")
        if outputs[made.name]["many"]:
            for one in sorted(made.iterdir()):
                shutil.move(one, context.add(made.name, one.name))
        else:
            shutil.move(made, context.output(made.name))


def _judge(program: Path, context: QualityContext) -> None:
    """Judge a task."""
    folder = context.tmp
    more = {"outputs": _shown(folder / "out", context.outputs)}
    _start(program, context, {**more, "metadata": context.metadata, "usage": context.usage})
    context.emit(**_read(folder / "metadata.json", dict))
    for criterion in _read(folder / "criteria.json", list):
        if not isinstance(criterion, dict) or not {"name", "value"} <= criterion.keys() <= _CRITERION:
            raise ContractError(f"criteria.json: a criterion has name and value, and may have {_optional()}")
        context.check(**criterion)


def _optional() -> str:
    return ", ".join(sorted(_CRITERION - {"name", "value"}))


def _start(program: Path, context: BaseContext, more: Mapping[str, Any]) -> None:
    """Lay out the folder, and run the executable to its end."""
    folder = context.tmp
    inputs: Mapping[str, InputFile | tuple[InputFile, ...]] = context.inputs  # type: ignore[attr-defined]
    task = {
        "task": context.task,
        "path": context.path,
        "attempt": context.attempt,
        "threads": context.threads,
        "seed": context.seed,
        "settings": _plain(context.settings),
        "loop_variables": _plain(context.loop_variables),
        "shard": context.shard._asdict(),
        "inputs": _shown(folder / "in", inputs),
    }
    (folder / "task.json").write_text(json.dumps({**task, **more}, indent=2), encoding="utf-8")
    variables = {
        "EAS_THREADS": str(context.threads),
        "EAS_SHARD_RANK": str(context.shard.rank),
        "EAS_SHARD_SIZE": str(context.shard.size),
        **dict(_variables("SETTING", _plain(context.settings))),
    }
    ended = context.run([program.resolve()], cwd=folder, environment=variables, check=False)
    said = (ended.stderr or ended.stdout).strip().splitlines()
    last = said[-1] if said else "it did not say why"
    if ended.exit_status == _FAILED:
        raise Failed(last)
    if ended.exit_status == _NO_WORK:
        raise NoWork(last)
    if ended.exit_status:
        how = "killed by signal" if ended.exit_status < 0 else "ended with exit status"
        raise ContractError(f"{program.name} {how} {abs(ended.exit_status)}: {last}")


def _shown(folder: Path, ports: Mapping[str, InputFile | tuple[InputFile, ...]]) -> dict[str, Any]:
    """Show files in a folder, those of a port that has several in one of their own; return what is known of them."""
    folder.mkdir()
    for port, files in ports.items():
        if isinstance(files, InputFile):
            (folder / port).symlink_to(files.path)
            continue
        (folder / port).mkdir()
        for number, file in enumerate(files):
            (folder / port / str(number)).symlink_to(file.path)
    return {
        port: _facts(files) if isinstance(files, InputFile) else [_facts(file) for file in files]
        for port, files in ports.items()
    }


def _facts(file: Any) -> dict[str, Any]:
    """Return what is known of a file."""
    return {key: str(value) if key == "path" else _plain(value) for key, value in file._asdict().items()}


def _plain(value: Any) -> Any:
    """Return a value without views."""
    if hasattr(value, "items"):
        return {key: _plain(member) for key, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, (list, tuple)) else value


def _variables(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield settings as variables of the environment; one inside another has both names, one without a value none."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _variables(f"{name}_{key}", member)
    elif value is not None:
        yield name, value if isinstance(value, str) else json.dumps(value)


def _read(path: Path, kind: type) -> Any:
    """Read what the executable wrote; what is not there is empty."""
    if not path.is_file():
        return kind()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ContractError(f"{path.name} is no JSON: {error}") from error
    if not isinstance(found, kind):
        raise ContractError(f"{path.name} must be {'an object' if kind is dict else 'a list'}")
    return found
