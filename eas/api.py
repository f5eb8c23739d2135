"""The Python API: chains are compiled and run, and runs are looked at.

It is thin: what the command line does is done here in the same way, and given as values instead of text. What it takes
to run chains, and the database, is loaded only by what needs it.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from eas.archive import Archive, Run
from eas_compiler import emit, render
from eas_compiler.compile import Checked, Options, UnknownParameterError, compile_chain
from eas_compiler.diagnostics import Diagnostics
from eas_compiler.source import read_bytes

Chain = str | os.PathLike[str] | Mapping[str, Any]
"""A chain: the path of its file, its JSON text, or what that text says."""
STORE = "eas-store"
_UNNAMED = "chain"
"""What a chain that is in no file is called, in its diagnostics and in the names of its runs."""
_log = logging.getLogger("eas")


# ---------------------------------------------------------------------------------------------------------------------
# Chains


class ChainError(ValueError):
    """A chain has mistakes: the text of the exception shows all of them, as `eas check` does.

    Attributes
    ----------
    diagnostics : list of dict
        What is wrong, as `eas check --format json` has it: `file`, `line`, `column`, `code`, `severity`, `message` …
    """

    def __init__(self, text: str, diagnostics: list[dict[str, Any]]) -> None:
        super().__init__(text, diagnostics)
        self.diagnostics = diagnostics

    def __str__(self) -> str:
        return str(self.args[0])


class Compiled(NamedTuple):
    """A chain that was compiled.

    Attributes
    ----------
    workflow : dict
        The Argo Workflow.
    diagnostics : list of dict
        What is suspicious but legal, as `eas check --format json` has it.
    name : str
        The name of the chain's file.
    text : bytes
        The JSON text of the chain.
    checked : eas_compiler.compile.Checked
        All that the compiler knows of the chain.
    """

    workflow: dict[str, Any]
    diagnostics: list[dict[str, Any]]
    name: str
    text: bytes
    checked: Checked

    def __repr__(self) -> str:
        return f"<the chain {self.name}, compiled>"

    def yaml(self) -> str:
        """Return the Workflow as YAML, as `eas compile` writes it."""
        return emit.to_yaml(self.workflow)

    def json(self) -> str:
        """Return the Workflow as JSON."""
        return emit.to_json(self.workflow)


def compile(  # noqa: A001 - as in `re.compile`
    chain: Chain,
    *,
    parameters: Mapping[str, Any] | None = None,
    preset: str | None = None,
    seed: str | int | None = None,
    registry: str | os.PathLike[str] | None = None,
) -> Compiled:
    """Compile a chain to an Argo Workflow.

    Parameters
    ----------
    chain : path, str or dict
        The path of the chain's file, its JSON text, or the same as a dict; numpy arrays in it are lists.
    parameters : dict, optional
        Values of the chain's parameters, instead of those that it gives itself.
    preset : str, optional
        One of the chain's own sets of parameters; what `parameters` says beside it wins.
    seed : str or int, optional
        The seed of random numbers; by default it is made from the chain's text.
    registry : path, optional
        The registry of task types; by default ``registry.yaml`` of the current folder, else the packaged one.

    Returns
    -------
    Compiled
        The Workflow, and what is suspicious about the chain.

    Raises
    ------
    ChainError
        When the chain has mistakes; it shows all of them.
    ValueError
        When the chain has no parameter or preset of some name.
    OSError
        When the file of the chain cannot be read.
    """
    name, text = _read(chain)
    given: dict[str, Any] = json.loads(_text(dict(parameters or {})))
    options = Options(given, None if seed is None else str(seed), registry, preset=preset)
    try:
        workflow, checked = compile_chain(name, text, options)
    except UnknownParameterError as error:
        raise ValueError(str(error)) from error
    if workflow is None:
        raise _mistakes(checked.diagnostics, checked)
    return Compiled(workflow, _as_data(checked.diagnostics, checked), name, text, checked)


def _read(chain: Chain) -> tuple[str, bytes]:
    """Return the name and the text of a chain."""
    if isinstance(chain, Mapping):
        return _UNNAMED, _text(dict(chain)).encode()
    if isinstance(chain, str) and chain.lstrip().startswith("{"):
        return _UNNAMED, chain.encode("utf-8", "surrogatepass")
    return os.fspath(chain), read_bytes(chain)


def _text(value: dict[str, Any]) -> str:
    """Return a value as JSON, laid out so that a diagnostic can show a line of it."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    """Return an array or a number of numpy as JSON has it."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a chain is made of JSON values, and {type(value).__name__} is none")


def _mistakes(found: Diagnostics, checked: Checked) -> ChainError:
    shown = [*map(render.as_text, found), render.summary(found)]
    return ChainError("\n".join(shown), _as_data(found, checked))


def _as_data(found: Diagnostics, checked: Checked) -> list[dict[str, Any]]:
    return [render.as_data(one, checked.root) for one in found]


# ---------------------------------------------------------------------------------------------------------------------
# Running


def run(  # noqa: PLR0913 - whatever the command takes, by name
    chain: Chain | Compiled,
    *,
    store: str | os.PathLike[str] = STORE,
    db: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    preset: str | None = None,
    seed: str | int | None = None,
    registry: str | os.PathLike[str] | None = None,
    inputs: Mapping[str, str | os.PathLike[str]] | None = None,
    cores: int | None = None,
    quiet: bool = True,
) -> Run:
    """Run a chain on this machine, until it has ended.

    Ctrl-C, or "interrupt" in a notebook, lets the programs that run end, and a second one ends them at once. The run is
    then `cancelled`, and can be resumed. Warnings go to the logger ``eas``.

    Parameters
    ----------
    chain : path, str, dict or Compiled
        The chain, as for `compile`, or what `compile` made of it.
    store : path
        The folder that keeps runs; it is made when it is not there.
    db : str, optional
        The URL of the database; by default ``EAS_DATABASE`` of the environment, else the store's own.
    parameters, preset, seed, registry
        As for `compile`.
    inputs : dict, optional
        Where files from outside the chain are, by name: paths, or texts as ``s3://bucket/key`` and
        ``run:name/directory/file``; by default the newest that has passed in a run of the store.
    cores : int, optional
        How many cores to use; by default all.
    quiet : bool
        Whether to show no progress on standard error.

    Returns
    -------
    Run
        The run, which may have failed: look at its `state`.

    Raises
    ------
    ChainError
        When the chain has mistakes, or reads files that are nowhere.
    eas.local.RefusedError
        When this machine cannot run it, as when memory or a program is missing. Nothing was begun then.
    eas.local.BrokenOffError
        When the store broke while the run was worked on, as when its disk is full; the run can be resumed.
    eas_provenance.errors.DatabaseError, eas_provenance.errors.RepositoryError
        When the run cannot be noted.
    """
    from eas import local, working
    from eas.inputs import Places, UnknownInputError, fetch, find
    from eas_argo.laptop.manifest import load

    if not isinstance(chain, Compiled):
        chain = compile(chain, parameters=parameters, preset=preset, seed=seed, registry=registry)
    elif (parameters, preset, seed, registry) != (None,) * 4:
        raise ValueError("parameters, preset, seed and registry are for eas.compile, when that has made the chain")
    wrong = Diagnostics()
    working.unprogrammed(chain.checked, wrong)
    given = {name: os.fspath(where) for name, where in (inputs or {}).items()}
    with tempfile.TemporaryDirectory() as fetched:
        try:
            found = find(chain.checked, Places(Path(store), db), given, wrong)
            if wrong.errors:
                raise _mistakes(wrong, chain.checked)
            files = fetch(found, Path(fetched))
        except UnknownInputError as error:
            raise ValueError(str(error)) from error
        request = working.request(chain.workflow, chain.checked, chain.name, chain.text, files)
        local.refuse(load(chain.workflow), cores, request.containers)  # before there is a store
        archive = Archive(store, db)
        with archive:
            finished = local.run(request, archive.place(cores, quiet=quiet), _log.warning)
    return Run(archive, finished.name)


# ---------------------------------------------------------------------------------------------------------------------
# Looking at runs


def open(store: str | os.PathLike[str] = STORE, db: str | None = None) -> Archive:  # noqa: A001 - as in `gzip.open`
    """Open what is kept of runs.

    Parameters
    ----------
    store : path
        The folder that keeps runs.
    db : str, optional
        The URL of the database; by default ``EAS_DATABASE`` of the environment, else the store's own.

    Returns
    -------
    Archive
        The runs; as ``with eas.open() as archive`` it keeps one connection to the database.

    Raises
    ------
    FileNotFoundError
        When there is no such store, and no other database is named.
    eas_provenance.errors.DatabaseError
        When the database cannot be opened.
    """
    from eas_provenance.follow import catch_up

    archive = Archive(store, db)
    if archive.url is None and not Path(store).is_dir():
        raise FileNotFoundError(f"there is no store {os.fspath(store)} yet; `eas run` makes one")
    with archive.database() as database:
        catch_up(database, archive.store)
    return archive
