"""Templates of pods: the program of a task, its gate, and steps that answer questions of flow control."""

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
    file_key,
    indices,
    memory,
    parameters,
    product_key,
    requested,
    resources,
)
from eas_compiler.questions import key_of
from eas_compiler.registry import Registry, TaskType
from eas_compiler.steps import Step
from eas_compiler.templates import Templates
from eas_compiler.tree import Chain, Item, Question, Scope, Task

MAX_DESCRIPTION = 120_000
"""Bytes; the kernel takes no environment variable of more than 128 KiB."""
_NODE_LOSSES = 3
_GATE_S = 600
"""The least time for a gate: Argo's clock runs while the node prepares the pod and fetches files."""


class _Pair(NamedTuple):
    """A program and its gate, of which both templates are made; `name` is that of the program's."""

    name: str
    task: Task
    kind: TaskType
    describer: Describer
    description: Json

    @property
    def records(self) -> str:
        """The folder of an iteration's records."""
        return forms.records(self.task.common.path, self.task.common.scope)


class Pods:
    """Makes the templates of pods from the prototypes."""

    def __init__(
        self, chain: Chain, links: Links, registry: Registry, prototypes: Templates, diagnostics: Diagnostics
    ) -> None:
        self.chain, self.links, self.registry, self.prototypes = chain, links, registry, prototypes
        self.diagnostics = diagnostics

    def pair(self, name: str, task: Task, step: Step, asked: list[tuple[Item, Question]]) -> tuple[Json, Json]:
        """Return the templates of a program and of its gate, which answers what is asked."""
        describer = Describer(task.common, task.common.scope, self.links)
        description = describer.task(task, step.variant)
        if step.where is not None:
            description["here"] = step.where
        pair = _Pair(name, task, step.variant.type, describer, description)
        return self._program(pair), self._gate(pair, asked)

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
            image=container.image if container else "",
            description=self._text(describer, description, item),
            indices=indices(scope),
            resources=resources({"cpu": 0.1, "gpu": 0, "memory_gb": 0.25}),
        )

    def _program(self, pair: _Pair) -> Json:
        task, kind, limits = pair.task, pair.kind, pair.description["limits"]
        scope = task.common.scope
        retry = kind.retry._asdict() | task.overrides.get("retry", {})
        growths, patch = memory(limits["memory_gb"], retry["memory_factor"], retry["memory_max_gb"])
        no_work = {"name": "no-work", "valueFrom": {"path": "/eas/no_work", "default": "false"}}
        outputs = [artifact(f"out-{port}", f"out/{port}", file_key(one, scope)) for port, one in task.outputs.items()]
        outputs += [
            artifact(f"product-{port}", f"products/{port}", product_key(one, scope))
            for port, one in task.outputs.items()
        ]
        outputs.append(artifact("records", "records", f"{pair.records}/attempt-{{{{retries}}}}"))
        return self.prototypes.fill(
            "task",
            name=pair.name,
            **_common(pair),
            parameters=parameters(scope),
            time_s=int(limits["time_s"]),
            inputs=[*_inputs(task), *map(requested, pair.describer.records)] or None,
            no_work=[no_work] if kind.no_work else None,
            outputs=outputs,
            retries=_NODE_LOSSES + growths + retry["limit"],
            growths=growths,
            limit=retry["limit"],
            memory=patch,
            description=self._text(pair.describer, pair.description, task),
        )

    def _gate(self, pair: _Pair, asked: list[tuple[Item, Question]]) -> Json:
        task, describer = pair.task, pair.describer
        scope = task.common.scope
        questions = {key_of(at): describer.question(question, at, task) for at, question in asked}
        description = describer.gate(pair.description, questions)
        inputs = _inputs(task)
        inputs += [
            artifact(f"out-{port}", f"in/.out/{port}", file_key(one, scope)) for port, one in task.outputs.items()
        ]
        inputs += [
            artifact(f"made-{port}", f"in/.out-products/{port}", product_key(one, scope))
            for port, one in task.outputs.items()
        ]
        inputs.append(artifact("attempts", "in/.attempts", pair.records))
        return self.prototypes.fill(
            "qc",
            name=f"{pair.name}-qc",
            **_common(pair),
            parameters=[*parameters(scope), {"name": "eas-status"}],
            time_s=max(int(pair.description["limits"]["time_s"]), _GATE_S),
            inputs=[*inputs, *map(requested, describer.records)],
            answers=[{"name": "answers", "valueFrom": {"path": "/eas/answers"}}] if questions else None,
            outputs=[
                artifact("qc", "records/qc.json", f"{pair.records}/qc.json"),
                artifact("log", "records/log.jsonl", f"{pair.records}/qc-log.jsonl"),
            ],
            description=self._text(describer, description, task),
        )

    def _text(self, describer: Describer, description: Json, item: Item) -> str:
        text = forms.escaped(as_json(describer.finish(description, self.chain.parameters)))
        if len(text) > MAX_DESCRIPTION:
            message = f"this task has more to say than the {MAX_DESCRIPTION} bytes that can be handed to a program"
            self.diagnostics.error("too-large", item.common.node, message, "put large values in a file")
        return text


def _common(pair: _Pair) -> Json:
    """Return what fills holes of a program's template and of its gate's."""
    return {
        "annotations": annotations(pair.task.common.path, pair.task),
        "image": pair.kind.container.image,
        "indices": indices(pair.task.common.scope),
        "resources": resources(pair.description["limits"]),
    }


def _inputs(task: Task) -> list[Json]:
    """Return the files that a task reads, and what is known of them."""
    scope = task.common.scope
    files = [artifact(f"in-{port}", f"in/{port}", file_key(one, scope)) for port, one in task.inputs.items()]
    return files + [
        artifact(f"product-{port}", f"in/.products/{port}", product_key(one, scope))
        for port, one in task.inputs.items()
    ]
