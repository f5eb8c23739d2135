"""Templates of pods: the program of a task, its gate, both in one, and steps that answer questions of flow control."""

from typing import NamedTuple

from eas_compiler import forms
from eas_compiler.describe import Describer
from eas_compiler.diagnostics import Diagnostics
from eas_compiler.link import Links
from eas_compiler.parts import (
    Json,
    annotations,
    artifact,
    as_json,
    family_key,
    file_key,
    indices,
    memory,
    parameters,
    product_key,
    requested,
    resources,
    verdict_key,
)
from eas_compiler.questions import key_of
from eas_compiler.registry import Container, Registry, TaskType
from eas_compiler.steps import Step
from eas_compiler.templates import Templates
from eas_compiler.tree import Chain, File, Item, Question, Scope, Task

MAX_DESCRIPTION = 120_000
"""Bytes; the kernel takes no environment variable of more than 128 KiB."""
_NODE_LOSSES = 3
_GATE_S = 600
"""The least time for a gate: Argo's clock runs while the node prepares the pod and fetches files."""
_LIGHT: Json = {"cpu": 0.1, "gpu": 0, "memory_gb": 0.25}
"""What a pod needs that runs nothing of an author's."""


class _Leaf(NamedTuple):
    """A step of a task, of which the templates are made; `name` is that of its program's, `asked` what it answers."""

    name: str
    task: Task
    kind: TaskType
    describer: Describer
    description: Json
    asked: list[tuple[Item, Question]]

    @property
    def records(self) -> str:
        """The folder of an iteration's records."""
        return forms.records(self.task.common.path, self.task.common.scope)

    @property
    def no_work(self) -> list[Json]:
        """The parameter by which a program says that there was nothing to do, if its type may."""
        value = {"path": "/eas/no_work", "default": "false"}
        return [{"name": "no-work", "valueFrom": value}] if self.kind.no_work else []

    @property
    def answers(self) -> list[Json]:
        """The parameter with the answers, if anything is asked."""
        return [{"name": "answers", "valueFrom": {"path": "/eas/answers"}}] if self.asked else []

    def verdict(self, folder: str) -> list[Json]:
        """Return the records of its quality control, which are in a folder of the attempt, as outputs."""
        return [
            artifact("qc", f"{folder}/qc.json", f"{self.records}/qc.json"),
            artifact("log", f"{folder}/log.jsonl", f"{self.records}/qc-log.jsonl"),
        ]


class Pods:
    """Makes the templates of pods from the prototypes."""

    def __init__(
        self, chain: Chain, links: Links, registry: Registry, prototypes: Templates, diagnostics: Diagnostics
    ) -> None:
        self.chain, self.links, self.registry, self.prototypes = chain, links, registry, prototypes
        self.diagnostics = diagnostics

    def leaf(self, name: str, task: Task, step: Step, asked: list[tuple[Item, Question]]) -> list[Json]:
        """Return the templates of a step's pods; the one that judges answers what is asked."""
        describer = Describer(task.common, task.common.scope, self.links)
        description = describer.task(task, step.variant)
        if step.where is not None:
            description["here"] = step.where
        leaf = _Leaf(name, task, step.variant.type, describer, description, asked)
        makers = {"task": self._program, "qc": self._gate, "inline": self._inline, "rescue": self._rescue}
        return [makers[prototype](leaf) for prototype in step.pods]

    def ask(self, name: str, item: Item, question: Question, scope: Scope) -> Json:
        """Return the template of a step that answers a question and does nothing else."""
        describer = Describer(item.common, scope, self.links)
        questions = {key_of(item): describer.question(question, item, None)}
        description = describer.base(item.common.path, item.common.node) | {"task": "ask", "questions": questions}
        container = self.registry.first_container(self.diagnostics)
        records = forms.records(item.common.path, scope)
        return self.prototypes.fill(
            "ask",
            name=name,
            annotations=annotations(item.common.path, item),
            parameters=parameters(scope),
            inputs=[requested(one) for one in describer.records] or None,
            outputs=[artifact("ask", "records/ask.json", f"{records}/ask.json")],
            **(_placed(container) if container else {}),
            description=self._text(describer, description, item),
            indices=indices(scope),
            resources=resources(_LIGHT),
        )

    def _program(self, leaf: _Leaf) -> Json:
        return self._running("task", leaf, leaf.description, leaf.no_work, [])

    def _inline(self, leaf: _Leaf) -> Json:
        description = leaf.description | {"questions": _questions(leaf)}
        if leaf.kind.no_work:
            description["no_work"] = True
        closed = {"name": "closed", "valueFrom": {"path": "/eas/closed", "default": "false"}}
        results = [*leaf.no_work, closed, *leaf.answers]
        return self._running("inline", leaf, description, results, leaf.verdict("qc") + self._verdicts(leaf.task))

    def _running(
        self, prototype: str, leaf: _Leaf, description: Json, results: list[Json], records: list[Json]
    ) -> Json:
        """Return the template of a pod that runs a program, and does what `description` says beside."""
        task, limits = leaf.task, leaf.description["limits"]
        scope = task.common.scope
        retry = leaf.kind.retry._asdict() | task.overrides.get("retry", {})
        growths, patch = memory(limits["memory_gb"], retry["memory_factor"], retry["memory_max_gb"])
        outputs = [artifact(f"out-{port}", f"out/{port}", self._key(one, scope)) for port, one in task.outputs.items()]
        outputs += [
            artifact(f"product-{port}", f"products/{port}", product_key(one, scope))
            for port, one in task.outputs.items()
        ]
        outputs.append(artifact("records", "records", f"{leaf.records}/attempt-{{{{retries}}}}"))
        return self.prototypes.fill(
            prototype,
            name=leaf.name,
            **_common(leaf),
            parameters=parameters(scope),
            time_s=int(limits["time_s"]),
            inputs=[*self._inputs(task), *map(requested, leaf.describer.records)] or None,
            results=results or None,
            outputs=[*outputs, *records],
            resources=resources(limits),
            retries=_NODE_LOSSES + growths + retry["limit"],
            growths=growths,
            limit=retry["limit"],
            memory=patch,
            description=self._text(leaf.describer, description, task),
        )

    def _gate(self, leaf: _Leaf) -> Json:
        task, describer, limits = leaf.task, leaf.describer, leaf.description["limits"]
        scope = task.common.scope
        description = describer.gate(leaf.description, _questions(leaf))
        inputs = self._inputs(task)
        inputs += [
            artifact(f"out-{port}", f"in/.out/{port}", self._key(one, scope)) for port, one in task.outputs.items()
        ]
        inputs += [
            artifact(f"made-{port}", f"in/.out-products/{port}", product_key(one, scope))
            for port, one in task.outputs.items()
        ]
        return self.prototypes.fill(
            "qc",
            name=f"{leaf.name}-qc",
            **_common(leaf),
            **self._judging(leaf, inputs),
            time_s=max(int(limits["time_s"]), _GATE_S),
            answers=leaf.answers or None,
            resources=resources(limits),
            description=self._text(describer, description, task),
        )

    def _rescue(self, leaf: _Leaf) -> Json:
        description = leaf.describer.gate(leaf.description, {})
        return self.prototypes.fill(
            "rescue",
            name=f"{leaf.name}-rescue",
            **_common(leaf),
            **self._judging(leaf, []),  # what a program that broke has made is not looked at
            time_s=_GATE_S,
            resources=resources(_LIGHT),
            description=self._text(leaf.describer, description, leaf.task),
        )

    def _key(self, file: File, scope: Scope) -> str:
        return file_key(file, scope, self.links.families.of(file.pattern))

    def _inputs(self, task: Task) -> list[Json]:
        """Return the files that a task reads, and what is known of them."""
        scope = task.common.scope
        files = [artifact(f"in-{port}", f"in/{port}", self._key(one, scope)) for port, one in task.inputs.items()]
        known = [
            artifact(f"product-{port}", f"in/.products/{port}", product_key(one, scope))
            for port, one in task.inputs.items()
        ]
        for port in task.gathers:
            for number, source in enumerate(self.links.gathered[task.common.path, port].sources):
                name, path = f"{port}-{number}", f"{port}/{number}"
                if source.family is not None:
                    key = family_key(source.directory, scope, source.family)
                    files.append(artifact(f"in-{name}", f"in/{path}", key))
                elif source.file is not None:
                    files.append(artifact(f"in-{name}", f"in/{path}", self._key(source.file, scope)))
                    known.append(artifact(f"product-{name}", f"in/.products/{path}", product_key(source.file, scope)))
        return files + known

    def _verdicts(self, task: Task) -> list[Json]:
        """Return what the files that somebody gathers are worth, as outputs of who judges them."""
        scope, found = task.common.scope, []
        for port, file in task.outputs.items():
            family = self.links.families.of(file.pattern)
            if family is not None:
                found.append(artifact(f"verdict-{port}", f"verdicts/{port}", verdict_key(file, scope, family)))
        return found

    def _judging(self, leaf: _Leaf, inputs: list[Json]) -> Json:
        """Return what fills holes of the templates that judge what a program has left, with what they need beside."""
        attempts = artifact("attempts", "in/.attempts", leaf.records)
        return {
            "parameters": [*parameters(leaf.task.common.scope), {"name": "eas-status"}],
            "inputs": [*inputs, attempts, *map(requested, leaf.describer.records)],
            "outputs": leaf.verdict("records") + self._verdicts(leaf.task),
        }

    def _text(self, describer: Describer, description: Json, item: Item) -> str:
        text = forms.escaped(as_json(describer.finish(description, self.chain.parameters)))
        if len(text) > MAX_DESCRIPTION:
            message = f"this task has more to say than the {MAX_DESCRIPTION} bytes that can be handed to a program"
            self.diagnostics.error("too-large", item.common.node, message, "put large values in a file")
        return text


def _common(leaf: _Leaf) -> Json:
    """Return what fills holes of all templates of a step."""
    return {
        "annotations": annotations(leaf.task.common.path, leaf.task),
        **_placed(leaf.kind.container),
        "indices": indices(leaf.task.common.scope),
    }


def _placed(container: Container) -> Json:
    """Return what the image of a pod is, and what says on which nodes it may run."""
    return {"image": container.reference, **container.placement._asdict()}


def _questions(leaf: _Leaf) -> Json:
    """Return what is asked, as descriptions carry it; what the answers need is among the records from then on."""
    return {key_of(at): leaf.describer.question(question, at, leaf.task) for at, question in leaf.asked}
