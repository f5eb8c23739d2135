"""From the description of a step to what one attempt has to do: the same on every site, in the program and in its gate.

A description (the JSON object in `EAS_TASK`) belongs to a step of the manifest, for all iterations of the loops around
it. An attempt knows in addition the indices of its iteration, the seed of the run and the records of the tasks whose
metadata is requested.
"""

import json
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from eas_worker import expressions, ranges, settings
from eas_worker.expressions import ExpressionError

if TYPE_CHECKING:  # loading it would double what the compiler needs to start
    from pathlib import Path

Description = dict[str, Any]
Indices = dict[str, int]
LONGEST_PATH_BYTES = 1200
"""How long the path of a task may be; databases find tasks by their paths, and theirs must not be much longer."""
Load = Callable[[int, str], "dict[str, Any] | None"]
"""Returns the record number k of the iteration that a text of indices names (`1.0.7`), or None when there is none."""


class FileRef(NamedTuple):
    """A file of the repository as the chain names it."""

    directory: str
    name: str
    type: str


class GatherRef(NamedTuple):
    """The files that a port gathers: those that match the names, in their order; at least and at most how many."""

    names: tuple[FileRef, ...]
    minimum: int
    maximum: int | None


class Shard(NamedTuple):
    """Which of the copies of a task one is: its `rank`, from 0, of `size`."""

    rank: int
    size: int


ALONE = Shard(0, 1)
"""A task without shards."""


class Assignment(NamedTuple):
    """What one attempt has to do, evaluated.

    `metadata` holds the loop variables in scope, `given` the author's settings without defaults, `settings` all of them
    in their types.
    """

    path: str
    task: str
    name: str | None
    job_name: str
    working_directory: str
    metadata: dict[str, Any]
    given: dict[str, Any]
    settings: dict[str, Any]
    inputs: dict[str, FileRef]
    outputs: dict[str, FileRef]
    gathers: dict[str, GatherRef]
    shard: Shard = ALONE


class Answers(NamedTuple):
    """Small integers that control edges, by the name of the question.

    An answer is -1 where the expression failed; the reason is then in `problems`.
    """

    values: dict[str, int]
    problems: list[str]


def parse_indices(text: str) -> Indices:
    """Return the indices of `tda=1 size=7`."""
    return {name: int(index) for name, _, index in (pair.partition("=") for pair in text.split())}


def path_of(pattern: str, loops: list[dict[str, Any]], indices: Indices) -> str:
    """Return the path of one iteration: `/t0[tda]/t1#/t2` becomes `/t0[tda=1]/t1#3/t2`."""
    parts = []
    variables = iter(loops)
    for part in pattern.split("/"):
        if part.endswith("#"):
            parts.append(f"{part}{indices[next(variables)['id']]}")
        elif part.endswith("]"):
            loop = next(variables)
            parts.append(f"{part.partition('[')[0]}[{written(loop['var'], indices)}={indices[loop['id']]}]")
        else:
            parts.append(part)
    return "/".join(parts)


def indices_text(pattern: str, loops: list[dict[str, Any]], indices: Indices) -> str:
    """Return the folder of one iteration's records below that of the pattern: `1.0.7`."""
    depth = pattern.count("]") + pattern.count("#")
    return ".".join(str(indices[loop["id"]]) for loop in loops[:depth])


def written(pattern: Any, indices: Indices) -> str:
    """Return a text that depends on indices.

    A pattern is a text, or a list of pieces: a text, `{"index": loop, "plus": n}` (0 without `plus`), or
    `{"table": nested lists, "of": loops}`, which is looked up by one index after the other.
    """
    if isinstance(pattern, str):
        return pattern
    return "".join(_piece(piece, indices) for piece in pattern)


def _piece(piece: Any, indices: Indices) -> str:
    if isinstance(piece, str):
        return piece
    if "index" in piece:
        return str(indices[piece["index"]] + piece.get("plus", 0))
    entry = piece["table"]
    for loop, first in piece["of"]:
        entry = entry[indices[loop] - first]
    return str(entry)


def read_requested(description: Description, indices: Indices, seed: str, folder: "Path") -> list[Any]:
    """Return the requested metadata, in the order of `description["records"]`, from `folder/in/.requested`."""

    def load(number: int, iteration: str) -> dict[str, Any] | None:
        file = folder / "in" / ".requested" / str(number)
        if file.is_dir():
            file = file.joinpath(*filter(None, [iteration]), "qc.json")
        return json.loads(file.read_bytes()) if file.is_file() else None

    return requested_metadata(description, indices, seed, load)


def requested_metadata(description: Description, indices: Indices, seed: str, load: Load) -> list[Any]:
    """Return the requested metadata, in the order of `description["records"]`; a range may need those before it."""
    gathering = _Gathering(description, seed, load)
    for source in description.get("records", []):
        metadata = gathering.value(source, indices, description["loops"])
        gathering.found.append(metadata if metadata is not None else {})
    return gathering.found


class _Gathering:
    """Puts the metadata of flow control together from the records of the tasks inside."""

    def __init__(self, description: Description, seed: str, load: Load) -> None:
        self.description, self.seed, self.load = description, seed, load
        self.found: list[Any] = []

    def value(self, source: dict[str, Any], indices: Indices, loops: list[dict[str, Any]]) -> Any:
        """Return the metadata of a source; None when nothing of it ran."""
        if source["kind"] == "task":
            record = self.load(source["k"], indices_text(source["path"], loops, indices))
            return record["metadata"] if record is not None else None
        if source["kind"] == "group":
            return self._named(source["body"], indices, loops)
        if source["kind"] == "branch":
            return next(filter(None, (self._named(body, indices, loops) for body in source["of"])), None)
        inner = [*loops[: source["depth"]], source["loop"]]
        if source["kind"] == "repeat":
            return self._last(source, indices, inner)
        return self._each(source, indices, inner)

    def _named(self, body: list[Any], indices: Indices, loops: list[dict[str, Any]]) -> Any:
        values = {written(name, indices): self.value(source, indices, loops) for name, source in body}
        return {name: value for name, value in values.items() if value is not None} or None

    def _each(self, source: dict[str, Any], indices: Indices, loops: list[dict[str, Any]]) -> list[Any] | None:
        """Return the metadata of each iteration; of shards, of which each is one task, that of the task."""
        outer = loops[:-1]
        needs = {name: self.value(one, indices, outer) or {} for name, one in source["needs"].items()}
        try:
            number = _Scope(self.description, indices, self.found, self.seed).count(source["loop"], outer, **needs)
        except ExpressionError:  # as when the loop was to begin, so that it did not
            return None
        iterations = ({**indices, source["loop"]["id"]: index} for index in range(number))
        given = [self._named(source["body"], iteration, loops) or {} for iteration in iterations]
        is_sharded = source["loop"]["form"] == ranges.SHARDS
        return [next(iter(one.values()), {}) for one in given] if is_sharded else given

    def _last(self, source: dict[str, Any], indices: Indices, loops: list[dict[str, Any]]) -> Any:
        """Return the metadata of the last iteration in which some task left a record."""
        loop = source["loop"]
        numbers = range(1, loop["repeat"] + 1)
        begun = [number for number in numbers if self._any(source["body"], {**indices, loop["id"]: number}, loops)]
        return self._named(source["body"], {**indices, loop["id"]: begun[-1]}, loops) if begun else None

    def _any(self, body: list[Any], indices: Indices, loops: list[dict[str, Any]]) -> bool:
        """Tell whether a task of the list, of loops in it their first iteration, has left a record."""
        for _, source in body:
            if source["kind"] == "task" and self.value(source, indices, loops) is not None:
                return True
            if source["kind"] in ("group", "branch"):
                bodies = source["of"] if source["kind"] == "branch" else [source["body"]]
                if any(self._any(one, indices, loops) for one in bodies):
                    return True
            if source["kind"] in ("loop", "repeat"):
                inner = [*loops[: source["depth"]], source["loop"]]
                first = 1 if source["kind"] == "repeat" else 0
                if self._any(source["body"], {**indices, source["loop"]["id"]: first}, inner):
                    return True
        return False


class _Scope:
    """The values of the names that the expressions of one attempt may use."""

    def __init__(self, description: Description, indices: Indices, requested: list[Any], seed: str) -> None:
        self.description, self.indices, self.requested, self.seed = description, indices, requested, seed

    def names(self, path: str, loops: list[dict[str, Any]], request: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Return the names as seen at `path`; `more` adds requested metadata."""
        return self._mappings(self.variables(loops), request, lambda: path, more)

    def _mappings(
        self, variables: dict[str, Any], request: dict[str, Any], path: Callable[[], str], more: dict[str, Any]
    ) -> dict[str, Any]:
        names = {"metadata": variables, "parameters": self.description.get("parameters", {})}
        requested = {_evaluated(name, names): self.requested[k] for name, k in request.items() if isinstance(k, int)}
        return names | {"requested_metadata": requested | more, "random": _Lazy(lambda: f"{self.seed}:{path()}")}

    def variables(self, loops: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the loop variables, from the outside in: inner ones may shadow outer ones and depend on them."""
        found: dict[str, Any] = {}
        for depth, loop in enumerate(loops):
            name, index = written(loop["var"], self.indices), self.indices[loop["id"]]
            if "repeat" not in loop:
                found[name] = self._value(loop, loops[:depth], index, found)
            found[name + "_index"] = index
        return found

    def count(self, loop: dict[str, Any], outer: list[dict[str, Any]], **more: Any) -> int:
        """Return the number of iterations of a loop; `outer` are the loops around it."""
        names = self._names_of(loop, outer, self.variables(outer), **more)
        return ranges.count(loop["form"], _evaluated(loop["range"], names))

    def shard(self, loops: list[dict[str, Any]]) -> Shard:
        """Return which copy of a task this is: those with shards are alone in a loop over their ranks."""
        if not loops or loops[-1].get("form") != ranges.SHARDS:
            return ALONE
        return Shard(self.indices[loops[-1]["id"]], self.count(loops[-1], loops[:-1]))

    def _names_of(
        self, loop: dict[str, Any], outer: list[dict[str, Any]], found: dict[str, Any], **more: Any
    ) -> dict[str, Any]:
        return self._mappings(
            dict(found),
            loop.get("request", {}),
            lambda: path_of(self._path_of(loop, len(outer)), outer, self.indices),
            more,
        )

    def _path_of(self, loop: dict[str, Any], depth: int) -> str:
        """Return the pattern of a loop's path, which is part of a step's: `/t0[tda]/t1` of `/t0[tda]/t1[size]/t2`."""
        if "at" in loop:
            return str(loop["at"])
        parts = self.description["path"].split("/")
        loops = [number for number, part in enumerate(parts) if part.endswith(("]", "#"))]
        return "/".join(parts[: loops[depth] + 1]).removesuffix("#").removesuffix(f"[{loop['var']}]")

    def _value(self, loop: dict[str, Any], outer: list[dict[str, Any]], index: int, found: dict[str, Any]) -> Any:
        names = self._names_of(loop, outer, found)
        form, given = loop["form"], loop["range"]
        if form == "values" and isinstance(given, list):
            entry = given[index]
            if not isinstance(entry, str) or "random" not in entry:  # else those before it have a part in its value
                return ranges.element(_evaluated(entry, names), index)
        return ranges.value(form, _evaluated(given, names), index)


class _Lazy:
    """A generator of random numbers that is only seeded when it is used: most expressions are not random."""

    def __init__(self, seed: Callable[[], str]) -> None:
        self._seed = seed

    @cached_property
    def _generator(self) -> Any:
        import random

        return random.Random(self._seed())  # noqa: S311 - simulated noise is no secret

    def __getattr__(self, name: str) -> Any:
        return getattr(self._generator, name)


def loop_variables(loops: list[dict[str, Any]], parameters: dict[str, Any], indices: Indices) -> dict[str, Any]:
    """Return the values and indices of the given loops, which need no metadata of tasks."""
    return _Scope({"parameters": parameters}, indices, [], "").variables(loops)


def loop_count(loop: dict[str, Any], metadata: dict[str, Any], parameters: dict[str, Any]) -> int:
    """Return the number of iterations of a loop whose range needs these loop variables and parameters only."""
    return ranges.count(loop["form"], _evaluated(loop["range"], {"metadata": metadata, "parameters": parameters}))


def made(description: Description, indices: Indices) -> tuple[str, dict[str, FileRef]]:
    """Return the path of a task and the files that it makes, which no metadata is needed for."""
    path = path_of(description["path"], description["loops"], indices)
    files = description.get("outputs", {}).items()
    return path, {port: _file(description, indices, file, file["type"]) for port, file in files}


def _file(description: Description, indices: Indices, file: dict[str, Any], kind: str) -> FileRef:
    directory = written(file.get("directory", description["working_directory"]), indices)
    return FileRef(directory, written(file["name"], indices), kind)


def assign(description: Description, indices: Indices, seed: str, requested: list[Any]) -> Assignment:
    """Evaluate what an attempt has to do; raise `ExpressionError` with the place of the expression that failed."""
    loops = description["loops"]
    path = path_of(description["path"], loops, indices)
    scope = _Scope(description, indices, requested, seed)
    names = scope.names(path, loops, description.get("request", {}))
    places = description.get("places", {})

    def text(field: str) -> str:
        return written(description[field], indices)

    inputs, gathers = {}, {}
    for port, file in description.get("inputs", {}).items():
        if "names" in file:
            wanted = tuple(_file(description, indices, one, file["type"]) for one in file["names"])
            gathers[port] = GatherRef(wanted, file["min"], file.get("max"))
        else:
            inputs[port] = _file(description, indices, file, file["type"])

    given = _evaluated(description.get("settings", {}), names, places, "settings")
    types = description.get("setting_types", {})
    for problem in settings.problems(types, given):
        place = _place(places, "/".join(("settings", *problem.keys)))
        raise ExpressionError(f"{'.'.join(problem.keys) or 'settings'}: {problem.message}{place}")
    return Assignment(
        path=path,
        task=description["task"],
        name=text("name") if description.get("name") is not None else None,
        job_name=text("job_name"),
        working_directory=text("working_directory"),
        metadata=names["metadata"],
        given=given,
        settings=settings.complete(types, given),
        inputs=inputs,
        outputs=made(description, indices)[1],
        gathers=gathers,
        shard=scope.shard(loops),
    )


def answer(
    description: Description, indices: Indices, seed: str, requested: list[Any], own: dict[str, Any] | None = None
) -> Answers:
    """Answer the questions of a gate; `own` is the metadata of the gate's own task."""
    values: dict[str, int] = {}
    problems: list[str] = []
    for name, question in description.get("questions", {}).items():
        scope = _Scope(description, indices, requested, seed)
        mine = {asked: own or {} for asked, k in question.get("request", {}).items() if k == "self"}
        try:
            values[name] = _answer(scope, question, mine)
        except ExpressionError as error:
            values[name] = -1
            problems.append(f"{question['place']}: {error}")
    return Answers(values, problems)


def _answer(scope: _Scope, question: dict[str, Any], mine: dict[str, Any]) -> int:
    if question["kind"] == "count":
        loop = question["loop"]
        return scope.count(loop, scope.description["loops"][: loop["at"].count("]") + loop["at"].count("#")], **mine)
    loops = scope.description["loops"]
    path = path_of(question["at"], loops, scope.indices)
    result = _evaluated(question["expression"], scope.names(path, loops, question["request"], **mine))
    if not isinstance(result, bool):
        raise ExpressionError(f"the criterion is {result!r}, not a bool")
    if question["kind"] == "repeat" and result and scope.indices[question["variable"]] >= question["maximum"]:
        raise ExpressionError(f"repeat_criterion is still true after max_iterations = {question['maximum']}")
    return int(result)


def _evaluated(given: Any, names: dict[str, Any], places: dict[str, str] | None = None, where: str = "") -> Any:
    """Return a JSON value with every expression in it replaced by its value."""
    if isinstance(given, str):
        if not expressions.is_expression(given):
            return given
        try:
            return expressions.evaluate(expressions.parse(given), names)
        except ExpressionError as error:
            raise ExpressionError(
                f"{error.message}{_place(places or {}, where)}", error.start, error.length, error.hint
            ) from None
    if isinstance(given, list):
        return [_evaluated(item, names, places, f"{where}/{index}") for index, item in enumerate(given)]
    if isinstance(given, dict):
        return {key: _evaluated(item, names, places, f"{where}/{key}") for key, item in given.items()}
    return given


def _place(places: dict[str, str], where: str) -> str:
    return f" ({places[where]})" if where in places else ""
