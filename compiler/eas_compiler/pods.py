"""Templates of pods: the program of a task, its gate, both in one, and steps that answer questions of flow control."""

import marshal
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

from eas_compiler import forms, names, sharing
from eas_compiler.describe import Describer, Types
from eas_compiler.diagnostics import Diagnostics
from eas_compiler.link import Links
from eas_compiler.parts import (
    Json,
    artifact,
    family_name,
    file_name,
    found_name,
    indices,
    memory,
    parameters,
    requested,
    resources,
    verdict_name,
)
from eas_compiler.questions import key_of
from eas_compiler.registry import Container, Registry, TaskType
from eas_compiler.sharing import Alone, Texts
from eas_compiler.steps import Step
from eas_compiler.tree import Chain, File, Item, Question, Scope, Task

MAX_DESCRIPTION = 120_000
"""Bytes; the kernel takes no environment variable of more than 128 KiB."""
_NODE_LOSSES = 3
_GATE_S = 600
"""The least time for a gate: Argo's clock runs while the node prepares the pod and fetches files."""
_SUFFIXES = {"qc": "-qc", "rescue": "-rescue"}
"""What the names of templates have behind that of the program's step."""
_LIGHT: Json = {"cpu": 0.1, "gpu": 0, "memory_gb": 0.25}
"""What a pod needs that runs nothing of an author's."""


class _Leaf(NamedTuple):
    """A step of a task, of which the templates are made; `name` is that of its program's, `asked` what it answers.

    `names` are those of its files, and of what is known of them, by the files' identity.
    """

    name: str
    task: Task
    kind: TaskType
    describer: Describer
    description: Json
    asked: list[tuple[Item, Question]]
    place: str
    names: dict[int, tuple[str, str]]

    def records(self, texts: Texts) -> str:
        """Return the folder of an iteration's records."""
        return forms.records(texts.path, self.task.common.scope)

    @property
    def no_work(self) -> list[Json]:
        """The parameter by which a program says that there was nothing to do, if its type may."""
        value = {"path": "/eas/no_work", "default": "false"}
        return [{"name": "no-work", "valueFrom": value}] if self.kind.no_work else []

    @property
    def answers(self) -> list[Json]:
        """The parameter with the answers, if anything is asked."""
        return [{"name": "answers", "valueFrom": {"path": "/eas/answers"}}] if self.asked else []

    def verdict(self, folder: str, records: str) -> list[Json]:
        """Return the records of its quality control, which are in a folder of the attempt, as outputs."""
        return [
            artifact("qc", f"{folder}/qc.json", f"{records}/qc.json"),
            artifact("log", f"{folder}/log.jsonl", f"{records}/qc-log.jsonl"),
        ]


class Pods:
    """Makes the templates of pods from the prototypes; `sharing` says which pods have one of their own."""

    def __init__(
        self, chain: Chain, links: Links, registry: Registry, sharing: Alone, diagnostics: Diagnostics
    ) -> None:
        self.chain, self.links, self.registry, self.sharing = chain, links, registry, sharing
        self.diagnostics, self.types = diagnostics, Types()

    def leaf(self, name: str, task: Task, step: Step, asked: list[tuple[Item, Question]]) -> list[Json]:
        """Return the templates of a step's pods that there are not yet; the pod that judges answers what is asked."""
        describer = Describer(task.common, task.common.scope, self.links, self.types)
        description = describer.task(task, step.variant)
        if step.where is not None:
            description["here"] = step.where
        place = description["source"].removeprefix(f"{task.common.node.source.name}:")
        leaf = _Leaf(name, task, step.variant.type, describer, description, asked, place, {})
        makers = {"task": self._program, "qc": self._gate, "inline": self._inline, "rescue": self._rescue}

        def make() -> list[Json]:
            return [template for prototype in step.pods for template in makers[prototype](leaf)]

        files = (*task.inputs.values(), *task.outputs.values())
        kept = [one for file in files for one in self._names(leaf, file)]
        form = self._form(leaf, step, kept)
        path, report = task.common.path, self._limit(task)
        return self.sharing.all(sharing.Wanted(name, path, place, description, kept, form, report, make))

    def _form(self, leaf: _Leaf, step: Step, kept: list[str]) -> Hashable | None:
        """Return what the templates of a step's pods follow from, but for its own texts; None when that is more."""
        task, common, description = leaf.task, leaf.task.common, leaf.description
        made = (self.links.families.of(file.pattern) for file in task.outputs.values())
        if leaf.asked or leaf.describer.sources or task.gathers or any(family is not None for family in made):
            return None
        first: dict[str, int] = {}
        return (
            step.pods,
            leaf.kind.name,
            marshal.dumps(task.overrides, 2),
            tuple((port, file.many) for port, file in task.inputs.items()),
            tuple((port, file.many) for port, file in task.outputs.items()),
            tuple(first.setdefault(name, len(first)) for name in kept),
            tuple(key for key, value in description.items() if value),
            id(description["setting_types"]),
            common.job_name,
            common.directory,
            id(common.scope.variables),
            leaf.describer.parameters,
            common.node.source.name,
        )

    def ask(self, name: str, item: Item, question: Question, scope: Scope) -> list[Json]:
        """Return the template of a step that answers a question and does nothing else, if there is none yet."""
        describer = Describer(item.common, scope, self.links, self.types)
        questions = {key_of(item): describer.question(question, item, None)}
        description = describer.base(item.common.path, item.common.node) | {"task": "ask", "questions": questions}
        container = self.registry.first_container(self.diagnostics)
        node = item.common.node
        texts = self.sharing.texts(item.common.path, description["source"].removeprefix(f"{node.source.name}:"))
        return self.sharing.templates(
            "ask",
            name,
            texts,
            describer.finish(description, self.chain.parameters),
            self._limit(item),
            parameters=parameters(scope),
            inputs=[requested(one, texts.name) for one in describer.records] or None,
            outputs=[artifact("ask", "records/ask.json", f"{forms.records(texts.path, scope)}/ask.json")],
            **_placed(container),
            indices=indices(scope),
            resources=resources(_LIGHT),
        )

    def _program(self, leaf: _Leaf) -> list[Json]:
        texts = self._texts(leaf)
        return self._running("task", leaf, texts, leaf.description, leaf.no_work, [])

    def _inline(self, leaf: _Leaf) -> list[Json]:
        description = leaf.description | {"questions": _questions(leaf)}
        if leaf.kind.no_work:
            description["no_work"] = True
        closed = {"name": "closed", "valueFrom": {"path": "/eas/closed", "default": "false"}}
        results = [*leaf.no_work, closed, *leaf.answers]
        texts = self._texts(leaf)
        records = leaf.verdict("qc", leaf.records(texts)) + self._verdicts(leaf.task, texts)
        return self._running("inline", leaf, texts, description, results, records)

    def _running(
        self, prototype: str, leaf: _Leaf, texts: Texts, description: Json, results: list[Json], records: list[Json]
    ) -> list[Json]:
        """Return the template of a pod that runs a program, and does what `description` says beside."""
        task, limits = leaf.task, leaf.description["limits"]
        retry = leaf.kind.retry._asdict() | task.overrides.get("retry", {})
        growths, patch = memory(limits["memory_gb"], retry["memory_factor"], retry["memory_max_gb"])
        outputs = self._made(leaf, texts, ("out", "out"), ("product", "products"))
        outputs.append(artifact("records", "records", f"{leaf.records(texts)}/attempt-{{{{retries}}}}"))
        return self._templates(
            prototype,
            leaf,
            texts,
            description,
            parameters=parameters(task.common.scope),
            time_s=int(limits["time_s"]),
            inputs=[*self._inputs(leaf, texts), *self._requested(leaf, texts)] or None,
            results=results or None,
            outputs=[*outputs, *records],
            resources=resources(limits),
            retries=_NODE_LOSSES + growths + retry["limit"],
            growths=growths,
            limit=retry["limit"],
            memory=patch,
        )

    def _gate(self, leaf: _Leaf) -> list[Json]:
        limits = leaf.description["limits"]
        description = leaf.describer.gate(leaf.description, _questions(leaf))
        texts = self._texts(leaf)
        inputs = self._inputs(leaf, texts)
        inputs += self._made(leaf, texts, ("out", "in/.out"), ("made", "in/.out-products"))
        return self._templates(
            "qc",
            leaf,
            texts,
            description,
            **self._judging(leaf, texts, inputs),
            time_s=max(int(limits["time_s"]), _GATE_S),
            answers=leaf.answers or None,
            resources=resources(limits),
        )

    def _rescue(self, leaf: _Leaf) -> list[Json]:
        texts = self._texts(leaf)
        return self._templates(
            "rescue",
            leaf,
            texts,
            leaf.describer.gate(leaf.description, {}),
            **self._judging(leaf, texts, []),  # what a program that broke has made is not looked at
            time_s=_GATE_S,
            resources=resources(_LIGHT),
        )

    def _texts(self, leaf: _Leaf) -> Texts:
        return self.sharing.texts(leaf.task.common.path, leaf.place)

    def _templates(self, prototype: str, leaf: _Leaf, texts: Texts, description: Json, **values: Any) -> list[Json]:
        """Return the template of a pod, unless there is one for pods like it."""
        return self.sharing.templates(
            prototype,
            f"{leaf.name}{_SUFFIXES.get(prototype, '')}",
            texts,
            leaf.describer.finish(description, self.chain.parameters),
            self._limit(leaf.task),
            **_placed(leaf.kind.container),
            indices=indices(leaf.task.common.scope),
            **values,
        )

    def _keys(self, leaf: _Leaf, file: File, texts: Texts) -> tuple[str, str]:
        """Return the keys of a file, and of what is known of it."""
        name, known = self._names(leaf, file)
        product = f"{forms.RUN}/.products/{texts.name(known)}"
        return f"{forms.RUN}/{texts.name(name)}", product if file.many else f"{product}.json"

    def _names(self, leaf: _Leaf, file: File) -> tuple[str, str]:
        """Return where in a run a file is kept, and what is known of it."""
        both = leaf.names.get(id(file))
        if both is None:
            scope, family = leaf.task.common.scope, self.links.families.of(file.pattern)
            plain = file_name(file, scope)
            kept = plain if family is None else file_name(file, scope, family)
            both = leaf.names[id(file)] = kept, forms.key(file.directory, scope) if file.many else plain
        return both

    def _made(self, leaf: _Leaf, texts: Texts, files: tuple[str, str], known: tuple[str, str]) -> list[Json]:
        """Return the files that a task makes, and what is known of them, each with the beginning of names and paths."""
        keys = {port: self._keys(leaf, one, texts) for port, one in leaf.task.outputs.items()}
        return [
            artifact(f"{name}-{port}", f"{path}/{port}", key[number])
            for number, (name, path) in enumerate((files, known))
            for port, key in keys.items()
            if name != "made" or not leaf.task.outputs[port].many  # it is the folder of all that is known of files
        ]

    def _inputs(self, leaf: _Leaf, texts: Texts) -> list[Json]:
        """Return the files that a task reads, and what is known of them."""
        files, known = [], []
        task = leaf.task

        def add(name: str, path: str, file: File) -> None:
            key, product = self._keys(leaf, file, texts)
            files.append(artifact(f"in-{name}", f"in/{path}", key))
            known.append(artifact(f"product-{name}", f"in/.products/{path}", product))

        for port, one in task.inputs.items():
            add(port, port, one)
        for port in task.gathers:
            for number, source in enumerate(self.links.gathered[task.common.path, port].sources):
                name, path = f"{port}-{number}", f"{port}/{number}"
                if source.family is not None:
                    where = texts.name(family_name(source.directory, task.common.scope, source.family))
                    files.append(artifact(f"in-{name}", f"in/{path}", f"{forms.RUN}/{where}"))
                elif source.file is not None and names.has_wildcards(source.file.name):
                    where = texts.name(found_name(source.file, task.common.scope))
                    files.append(artifact(f"in-{name}", f"in/{path}", f"{forms.RUN}/{where}"))
                elif source.file is not None:
                    add(name, path, source.file)
        return files + known

    def _requested(self, leaf: _Leaf, texts: Texts) -> list[Json]:
        """Return the records of other tasks that a task, or what is asked of it, needs."""
        return [requested(one, texts.name) for one in leaf.describer.records]

    def _verdicts(self, task: Task, texts: Texts) -> list[Json]:
        """Return what the files that somebody gathers are worth, as outputs of who judges them."""
        scope, found = task.common.scope, []
        for port, file in task.outputs.items():
            family = self.links.families.of(file.pattern)
            if family is not None:
                name = texts.name(verdict_name(file, scope, family))
                found.append(artifact(f"verdict-{port}", f"verdicts/{port}", f"{forms.RUN}/{name}"))
        return found

    def _judging(self, leaf: _Leaf, texts: Texts, inputs: list[Json]) -> Json:
        """Return what fills holes of the templates that judge what a program has left, with what they need beside."""
        records = leaf.records(texts)
        return {
            "parameters": [*parameters(leaf.task.common.scope), {"name": "eas-status"}],
            "inputs": [*inputs, artifact("attempts", "in/.attempts", records), *self._requested(leaf, texts)],
            "outputs": leaf.verdict("records", records) + self._verdicts(leaf.task, texts),
        }

    def _limit(self, item: Item) -> Callable[[int], None]:
        """Return what reports a description with too many bytes."""

        def report(length: int) -> None:
            if length > MAX_DESCRIPTION:
                message = f"this task has more to say than the {MAX_DESCRIPTION} bytes that can be handed to a program"
                self.diagnostics.error("too-large", item.common.node, message, "put large values in a file")

        return report


def _placed(container: Container | None) -> Json:
    """Return what the image of a pod is, and what says on which nodes it may run."""
    return {"image": container.reference, **container.placement._asdict()} if container else {}


def _questions(leaf: _Leaf) -> Json:
    """Return what is asked, as descriptions carry it; what the answers need is among the records from then on."""
    return {key_of(at): leaf.describer.question(question, at, leaf.task) for at, question in leaf.asked}
