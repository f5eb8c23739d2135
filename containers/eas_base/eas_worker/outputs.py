"""What a program leaves: its output files become visible all together, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eas_worker.api import ContractError
from eas_worker.gathering import key_of
from eas_worker.records import Product, check_size, sha256, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from eas_worker.attempt import Attempt
    from eas_worker.context import Context, OutputFile
    from eas_worker.records import Value

_TYPES: dict[str, tuple[type, ...]] = {
    "float": (float, int),
    "int": (int,),
    "bool": (bool,),
    "text": (str,),
    "list": (list,),
}


def stage(attempt: Attempt, context: Context) -> dict[str, Product | list[Product]]:
    """Check what the program left and prepare it for `commit`.

    Raises
    ------
    ContractError
        When a declared output is missing, an undeclared file is there, or metadata have another type than declared.
    MetadataError
        When there are too many metadata.
    """
    check_size(context.metadata)
    _check_types(attempt, context)
    files = _present(attempt, context)
    if files:
        for kind in ("out", "products"):
            (_staging(attempt) / kind).mkdir(parents=True)
    return {
        port: _stage_many(attempt, context, port, file) if file.many else _stage_one(attempt, context, port, file)
        for port, file in files.items()
    }


def commit(attempt: Attempt) -> None:
    """Make what was staged visible; the files come last, so that none is ever seen without its record."""
    if _staging(attempt).exists():
        for kind in ("products", "out"):
            (_staging(attempt) / kind).replace(attempt.folder / kind)


def _staging(attempt: Attempt) -> Path:
    return attempt.folder / "tmp" / "commit"


def _present(attempt: Attempt, context: Context) -> dict[str, OutputFile]:
    """Return the outputs that were made, by port."""
    declared: dict[str, OutputFile] = dict(context.outputs)
    wanted = {port: _drafts(context, port, file) for port, file in declared.items()}
    drafts = [
        path for port, paths in wanted.items() if port in context.added or not declared[port].many for path in paths
    ]
    there = {path for path in drafts if path.is_file() and not path.is_symlink()}
    missing = [
        f"{port} ({path.name})"
        for port, paths in wanted.items()
        for path in paths
        if path not in there and (port in context.added or not attempt.description["outputs"][port].get("optional"))
    ]
    if missing:
        raise ContractError(f"declared output missing: {', '.join(missing)}")
    undeclared = _files(attempt.drafts) - there
    if undeclared:
        names = ", ".join(sorted(path.name for path in undeclared))
        raise ContractError(f"undeclared output: {names}; other files belong into ctx.tmp")
    return {port: file for port, file in declared.items() if not there.isdisjoint(wanted[port])}


def _drafts(context: Context, port: str, file: OutputFile) -> list[Path]:
    """Return where the files of a port are written; of many of which none was added, where one would be."""
    return [file.path.with_name(name) for name in context.added.get(port, ())] or [file.path]


def _files(folder: Path) -> set[Path]:
    """Return all files below a folder; none when it was never made."""
    return {path for path in folder.rglob("*") if not path.is_dir()} if folder.exists() else set()


def _stage_one(attempt: Attempt, context: Context, port: str, file: OutputFile) -> Product:
    metadata = {**context.metadata, **context.saved.get(port, {})}
    check_size(metadata)
    return _stage_file(attempt, file, metadata, port, port)


def _stage_many(attempt: Attempt, context: Context, port: str, file: OutputFile) -> list[Product]:
    """Move all files of a port, and write their records, in folders; their names there are those of keys."""
    for kind in ("out", "products"):
        (_staging(attempt) / kind / port).mkdir()
    found = []
    for name, metadata in sorted(context.added[port].items()):
        one, key = file._replace(path=file.path.with_name(name), name=name), f"{port}/{key_of(name)}"
        found.append(_stage_file(attempt, one, metadata, key, f"{key}.json"))
    return found


def _stage_file(attempt: Attempt, file: OutputFile, metadata: dict[str, Value], where: str, record: str) -> Product:
    """Move a file to where it waits for the commit, and write its record."""
    product = Product(
        directory=file.directory,
        name=file.name,
        type=file.type,
        size=file.path.stat().st_size,
        sha256=sha256(file.path),
        metadata=metadata,
        producer={"run": attempt.run, "path": attempt.assignment.path, "attempt": attempt.number},
    )
    file.path.replace(_staging(attempt) / "out" / where)
    write_json(_staging(attempt) / "products" / record, product)
    return product


def _check_types(attempt: Attempt, context: Context) -> None:
    """Refuse metadata of another type than the registry declares, since conditions of chains rely on it."""
    declared = attempt.description.get("metadata", {})
    for key, value in context.metadata.items():
        wanted = declared.get(key, {}).get("type")
        known = _TYPES.get(wanted)
        if known is None or value is None:
            continue
        if not isinstance(value, known) or (isinstance(value, bool) and wanted != "bool"):
            raise ContractError(f"metadata {key!r} is declared as {wanted}, but {value!r} was emitted")
