"""Pass 5, lower: the linked chain and the templates to a Workflow.

Invariant of the result: what the chain says, in Argo's words. Every task is a step and its gate; every unit is a sub-DAG whose wrapper waits for all
that its inside takes from outside; nothing an author wrote stands outside of escaped descriptions and percent-encoded keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from eas_compiler import forms, names
from eas_compiler.describe import Describer, Record, table_of
from eas_compiler.diagnostics import Diagnostics
from eas_compiler.link import Links, Wait
from eas_compiler.names import Pattern
from eas_compiler.registry import Registry
from eas_compiler.templates import Templates
from eas_compiler.tree import (
    Branch,
    Chain,
    File,
    Item,
    Loop,
    Question,
    Repeat,
    Scope,
    Sequence,
    Task,
    Variant,
    bodies,
    flat,
    walk,
)

MAX_NAME = 120
MAX_DESCRIPTION = 120_000
"""Bytes; the kernel takes no environment variable of more than 128 KiB."""
MAX_TEMPLATES = 200
"""The most templates, and the most tasks of one DAG, that Argo's full CRDs accept."""
_NODE_LOSSES = 3
_GATE_S = 600
"""The least time for a gate: Argo's clock runs while the node prepares the pod and fetches files."""


class _Step(NamedTuple):
    """A step of a task, for some types or some sets of waits: its name, its type, and where it is the one that runs."""

    name: str
    variant: Variant
    waits: tuple[Wait, ...]
    when: str | None
    where: dict[str, Any] | None


def lower(
    chain: Chain, links: Links, registry: Registry, templates: Templates, seed: str, diagnostics: Diagnostics
) -> dict[str, Any]:
    """Return the Workflow as plain data; report what no manifest can carry."""
    lowering = _Lowering(chain, links, registry, templates, diagnostics)
    lowering.list("chain", chain.body, Scope((), chain.parameters, {}))
    lowering.check_limits()
    about = {"job_name": chain.job_name, "tags": list(chain.tags), "subject": chain.subject}
    return templates.fill(
        "workflow",
        generate_name=f"{_dns_name(chain.job_name)}-",
        labels={"eas/managed": "true"},
        annotations={
            "eas/about": forms.escaped(_json(about)),
            "eas/source": forms.escaped(_json(chain.node.source.name)),
        },
        seed=seed,
        templates=lowering.templates,
    )


class _Lowering:
    """Makes one Argo template after another, from the outside in."""

    def __init__(
        self, chain: Chain, links: Links, registry: Registry, templates: Templates, diagnostics: Diagnostics
    ) -> None:
        self.chain, self.links, self.registry, self.prototypes = chain, links, registry, templates
        self.diagnostics = diagnostics
        self.templates: list[dict[str, Any]] = []
        self.has_no_work = any(
            variant.type.no_work for item in walk(chain.body) if isinstance(item, Task) for variant in item.variants
        )
        self.steps: dict[str, list[_Step]] = {}
        self.questions = _asked(chain.body)
        self.made: dict[Pattern, int] = {}
        self.answering = {id(at): task for task, asked in self.questions.values() for at, _ in asked}

    # ---- lists

    def list(
        self,
        name: str,
        sequence: Sequence,
        scope: Scope,
        exports: tuple[Pattern, ...] = (),
        answers: Iterable[str] = (),
        flags: tuple[str, ...] = (),
    ) -> None:
        """Add the DAG of a task list.

        `exports` are files of it that are waited for outside, one of `answers` is the step that answers for it, `flags` are the parameters
        that say which files earlier iterations have made.
        """
        place = len(self.templates)
        tasks = [
            _dag_task(f"up-{flag}", "open", None, f"{{{{=inputs.parameters['{flag}'] == 'true'}}}}", [])
            for flag in flags
        ]
        for item in flat(sequence):
            local = _local_name(item.common.path)
            if isinstance(item, Task):
                tasks += self._task(item, local, scope)
            elif isinstance(item, Loop):
                tasks += self._loop(item, local, scope)
            elif isinstance(item, Branch):
                tasks += self._branch(item, local, scope)
            elif isinstance(item, Repeat):
                tasks += self._repeat(item, local, scope)
        if not tasks:
            tasks.append(_dag_task("nothing", "open", None, None, []))  # Argo takes no DAG without tasks
        outputs = [self._export(number, pattern, sequence) for number, pattern in enumerate(exports)]
        if answers:
            outputs.append(
                {"name": "answers", "valueFrom": {"expression": f"{forms.given_answers(answers)} ?? '{{}}'"}}
            )
        if any(step.get("template") == "open" for step in tasks) and not any(
            one["name"] == "open" for one in self.templates
        ):
            self.templates.append(self.prototypes.fill("open"))
        parameters = [*_parameters(scope), *({"name": flag} for flag in flags)]
        annotations = {"eas/path": sequence.path or "/"}
        filled = self.prototypes.fill(
            "list", name=name, annotations=annotations, parameters=parameters, exports=outputs or None, tasks=tasks
        )
        self.templates.insert(place, filled)
        if len(tasks) > MAX_TEMPLATES:
            self._too_many(sequence.items[0].common.node, f"{len(tasks)} steps in one list")

    def _export(self, number: int, pattern: Pattern, sequence: Sequence) -> dict[str, Any]:
        """Say whether a file that both branches make was made by this one."""
        steps = [step for item in flat(sequence) for step in self._makers(item, pattern)]
        is_open = " || ".join(f"tasks['{step}'].status == 'Succeeded'" for step in steps)
        return {"name": f"file-{number}", "valueFrom": {"expression": f"{is_open} ? 'true' : 'false'"}}

    def _makers(self, item: Item, pattern: Pattern) -> list[str]:
        local = _local_name(item.common.path)
        if isinstance(item, Task) and any(file.pattern == pattern for file in item.outputs.values()):
            return [f"{step.name}-qc" for step in self.steps[item.common.path]]
        if isinstance(item, Branch) and pattern in self.links.exports.get(item.common.path, ()):
            return [f"{local}-file-{self.links.exports[item.common.path].index(pattern)}"]
        return []

    # ---- what a step waits for

    def _waits(self, item: Item) -> tuple[Wait, ...]:
        return self.links.waits.get(item.common.path, ())

    def _earlier(self, unit: str) -> list[str]:
        """Return what has to hold for a unit that takes files of earlier iterations, which may have had no work."""
        taken = self.links.earlier.get(unit, ()) if self.has_no_work else ()
        return [f"up-{_flag(self.made[one.file], one.distance)}.Succeeded" for one in taken]

    def _depends(self, waits: tuple[Wait, ...], *more: str) -> str | None:
        parts = [self._open(wait) for wait in waits]
        parts = list(dict.fromkeys([*parts, *more]))
        if len(parts) == 1:
            return parts[0]
        return " && ".join(f"({part})" if "||" in part or "&&" in part else part for part in parts) or None

    def _open(self, wait: Wait) -> str:
        """Return what has to hold of the item that is waited for."""
        item = wait.item
        local = _local_name(item.common.path)
        if isinstance(item, Task):
            return " || ".join(f"{step.name}-qc.Succeeded" for step in self.steps_of(item, local))
        if isinstance(item, Repeat):
            return f"{local}.Succeeded"
        if isinstance(item, Loop):
            return f"{local}.Succeeded || {local}.Skipped"
        assert isinstance(item, Branch)
        if wait.file is not None and self.has_no_work:
            return f"{local}-file-{self.links.exports[item.common.path].index(wait.file)}.Succeeded"
        if wait.file is not None:
            return f"{local}-then.Succeeded || {local}-else.Succeeded"
        ended = []
        for name, body in (("then", item.then), ("else", item.otherwise)):
            if body is not None:
                other = (
                    f"{local}-not-{name}.Succeeded" if self.links.waits.get(body.path) else f"{local}-{name}.Skipped"
                )
                ended.append(f"({local}-{name}.Succeeded || {other})")
        return " && ".join(ended) if len(ended) > 1 else ended[0][1:-1]

    # ---- tasks

    def steps_of(self, task: Task, local: str) -> list[_Step]:
        """Return the steps of a task: one for each type, and for each set of tasks that it waits for."""
        if task.common.path not in self.steps:
            self.steps[task.common.path] = _split(task, local, self._waits(task))
        return self.steps[task.common.path]

    def _task(self, task: Task, local: str, scope: Scope) -> list[dict[str, Any]]:
        tasks = []
        for step in self.steps_of(task, local):
            template = _template_name(task.common.path) + step.name.removeprefix(local)
            no_work = step.variant.type.no_work
            self._add_step(task, step, template, scope)
            arguments = [_pass(variable.id) for variable in scope.variables]
            status = {"name": "eas-status", "value": f"{{{{tasks.{step.name}.status}}}}"}
            skip = (
                f"{{{{=(tasks['{step.name}'].outputs?.parameters?.['no-work'] ?? 'false') != 'true'}}}}"
                if no_work
                else None
            )
            always = f"{step.name}.Succeeded || {step.name}.Failed || {step.name}.Errored"
            tasks.append(
                _dag_task(
                    step.name,
                    template,
                    self._depends(step.waits, *self._earlier(task.common.path)),
                    step.when,
                    arguments,
                )
            )
            tasks.append(_dag_task(f"{step.name}-qc", f"{template}-qc", always, skip, [*arguments, status]))
        if any(step.waits != self.steps_of(task, local)[0].waits for step in self.steps_of(task, local)):
            tasks += [_end(f"{step.name}-qc") for step in self.steps_of(task, local)]
        return tasks

    def _add_step(self, task: Task, step: _Step, template: str, scope: Scope) -> None:
        kind = step.variant.type
        describer = Describer(task.common, scope, self.links)
        description = describer.task(task, step.variant)
        if step.where is not None:
            description["here"] = step.where
        limits = description["limits"]
        needs = list(describer.records)
        run = self._text(describer.finish(description, self.chain.parameters), task)
        records = forms.records(task.common.path, scope)
        retry = kind.retry._asdict() | task.overrides.get("retry", {})
        growths, memory = _memory(limits["memory_gb"], retry["memory_factor"], retry["memory_max_gb"])
        common = {
            "annotations": _annotations(task.common.path, task),
            "parameters": _parameters(scope),
            "time_s": int(limits["time_s"]),
            "image": kind.container.image,
            "indices": _indices(scope),
            "resources": _resources(limits),
        }
        inputs = [_input(f"in-{port}", f"in/{port}", _file_key(file, scope)) for port, file in task.inputs.items()]
        inputs += [
            _input(f"product-{port}", f"in/.products/{port}", _product_key(file, scope))
            for port, file in task.inputs.items()
        ]
        outputs = [_output(f"out-{port}", f"out/{port}", _file_key(file, scope)) for port, file in task.outputs.items()]
        outputs += [
            _output(f"product-{port}", f"products/{port}", _product_key(file, scope))
            for port, file in task.outputs.items()
        ]
        outputs.append(_output("records", "records", f"{records}/attempt-{{{{retries}}}}"))
        no_work = (
            [{"name": "no-work", "valueFrom": {"path": "/eas/no_work", "default": "false"}}] if kind.no_work else None
        )
        filled = self.prototypes.fill(
            "task",
            name=template,
            **common,
            inputs=[*inputs, *map(_requested, needs)] or None,
            no_work=no_work,
            outputs=outputs,
            retries=_NODE_LOSSES + growths + retry["limit"],
            growths=growths,
            limit=retry["limit"],
            memory=memory,
            description=run,
        )
        self.templates.append(filled)
        self._add_gate(task, template, scope, description, describer, common, records)

    def _add_gate(
        self,
        task: Task,
        template: str,
        scope: Scope,
        description: dict[str, Any],
        describer: Describer,
        common: dict[str, Any],
        records: str,
    ) -> None:
        _, asked = self.questions.get(id(task), (task, []))
        questions = {_key_of(at): describer.question(_key_of(at), question, at, task) for at, question in asked}
        text = self._text(describer.finish(describer.gate(description, questions), self.chain.parameters), task)
        inputs = [_input(f"in-{port}", f"in/{port}", _file_key(file, scope)) for port, file in task.inputs.items()]
        inputs += [
            _input(f"product-{port}", f"in/.products/{port}", _product_key(file, scope))
            for port, file in task.inputs.items()
        ]
        inputs += [
            _input(f"out-{port}", f"in/.out/{port}", _file_key(file, scope)) for port, file in task.outputs.items()
        ]
        inputs += [
            _input(f"made-{port}", f"in/.out-products/{port}", _product_key(file, scope))
            for port, file in task.outputs.items()
        ]
        inputs.append(_input("attempts", "in/.attempts", records))
        outputs = [
            _output("qc", "records/qc.json", f"{records}/qc.json"),
            _output("log", "records/log.jsonl", f"{records}/qc-log.jsonl"),
        ]
        filled = self.prototypes.fill(
            "qc",
            name=f"{template}-qc",
            **common
            | {"parameters": [*_parameters(scope), {"name": "eas-status"}], "time_s": max(common["time_s"], _GATE_S)},
            inputs=[*inputs, *map(_requested, describer.records)],
            answers=[{"name": "answers", "valueFrom": {"path": "/eas/answers"}}] if questions else None,
            outputs=outputs,
            description=text,
        )
        self.templates.append(filled)

    def _text(self, description: dict[str, Any], task: Item) -> str:
        text = forms.escaped(_json(description))
        if len(text) > MAX_DESCRIPTION:
            message = f"the description of this task has {len(text)} bytes; at most {MAX_DESCRIPTION} can be handed to a program"
            self.diagnostics.error("too-large", task.common.node, message, "put large values in a file")
        return text

    # ---- flow control

    def _source(
        self, item: Item, question: Question, local: str, scope: Scope
    ) -> tuple[str, list[dict[str, Any]], str | None]:
        """Return the expression of an answer, the steps that it needs, and what the steps after them depend on."""
        if question.table is not None and -1 not in question.table.entries.values():
            return forms.lookup(question.table, scope), [], None
        step = f"{local}-ask"
        template = f"{_template_name(item.common.path)}-ask"
        self._add_ask(item, question, template, scope)
        arguments = [_pass(variable.id) for variable in scope.variables]
        gates = self._gates(item)
        if gates is None:
            ask = _dag_task(step, template, self._depends(self._waits(item)), None, arguments)
            return forms.answer([step], _key_of(item)), [ask], f"{step}.Succeeded"
        answer = forms.answer(gates, _key_of(item))
        ask = _dag_task(step, template, self._depends(self._waits(item)), forms.equals(answer, -1), arguments)
        return answer, [ask], f"{step}.Skipped"

    def _gates(self, item: Item) -> list[str] | None:
        """Return the gates of the list that answer a question of it; None when it needs a step of its own."""
        task = self.answering.get(id(item))
        if task is None:
            return None
        return [f"{step.name}-qc" for step in self.steps_of(task, _local_name(task.common.path))]

    def _add_ask(self, item: Item, question: Question, template: str, scope: Scope) -> None:
        describer = Describer(item.common, scope, self.links)
        questions = {_key_of(item): describer.question(_key_of(item), question, item, None)}
        description = describer.base(item.common.path, item.common.node) | {"task": "ask", "questions": questions}
        container = self.registry.first_container(self.diagnostics)
        filled = self.prototypes.fill(
            "ask",
            name=template,
            annotations=_annotations(item.common.path, item),
            parameters=_parameters(scope),
            inputs=[_requested(one) for one in describer.records] or None,
            outputs=[_output("ask", "records/ask.json", f"{forms.records(item.common.path, scope)}/ask.json")],
            image=container.image if container else "",
            description=self._text(describer.finish(description, self.chain.parameters), item),
            indices=_indices(scope),
            resources=_resources({"cpu": 0.1, "gpu": 0, "memory_gb": 0.25}),
        )
        self.templates.append(filled)

    def _loop(self, item: Loop, local: str, scope: Scope) -> list[dict[str, Any]]:
        answer, steps, after = self._source(item, item.count, local, scope)
        template = _template_name(item.common.path)
        arguments = [
            *(_pass(variable.id) for variable in scope.variables),
            {"name": item.variable.id, "value": "{{item}}"},
        ]
        step = _dag_task(
            local,
            template,
            self._depends(self._waits(item), *self._earlier(item.common.path), *([after] if after else [])),
            None,
            arguments,
        )
        step["withSequence"] = {"count": forms.count(answer)}
        body = (
            item.body if item.variable.domain.size != 0 else Sequence(item.body.path, ())
        )  # of which nothing ever runs
        self.list(template, body, scope._replace(variables=(*scope.variables, item.variable)))
        return [*steps, step]

    def _branch(self, item: Branch, local: str, scope: Scope) -> list[dict[str, Any]]:
        answer, steps, after = self._source(item, item.criterion, local, scope)
        arguments = [_pass(variable.id) for variable in scope.variables]
        exports = self.links.exports.get(item.common.path, ()) if self.has_no_work else ()
        for name, body, value in (("then", item.then, 1), ("else", item.otherwise, 0)):
            if body is not None:
                template = f"{_template_name(item.common.path)}-{name}"
                more = [after] if after else []
                own = self.links.waits.get(body.path, ())
                earlier = [*self._earlier(item.common.path), *self._earlier(body.path)]
                depends = self._depends((*self._waits(item), *own), *earlier, *more)
                steps.append(_dag_task(f"{local}-{name}", template, depends, forms.equals(answer, value), arguments))
                if (
                    own
                ):  # it may be blocked although it is not taken: who waits for the conditional must be able to tell
                    depends = self._depends(self._waits(item), *more)
                    steps.append(_dag_task(f"{local}-not-{name}", "open", depends, forms.equals(answer, 1 - value), []))
                    steps.append(_end(f"{local}-{name}"))
                self.list(template, body, scope, exports)
        for number, _ in enumerate(exports):
            given = " ?? ".join(
                f"tasks['{local}-{name}'].outputs?.parameters?.['file-{number}']" for name in ("then", "else")
            )
            when = f"{{{{=({given} ?? 'false') == 'true'}}}}"
            depends = f"{local}-then.Succeeded || {local}-else.Succeeded"
            steps.append(_dag_task(f"{local}-file-{number}", "open", depends, when, []))
        return steps

    def _repeat(self, item: Repeat, local: str, scope: Scope) -> list[dict[str, Any]]:
        template = _template_name(item.common.path)
        loop = item.variable.id
        inner = scope._replace(variables=(*scope.variables, item.variable))
        files, flags = self._flags(item)
        outer = [_pass(variable.id) for variable in scope.variables]
        first = [*outer, {"name": loop, "value": "1"}, *({"name": flag, "value": "true"} for flag in flags)]
        earlier = self._earlier(item.common.path)
        start = _dag_task(local, template, self._depends(self._waits(item), *earlier), None, first)
        body = _dag_task("body", f"{template}-body", None, None, [*outer, _pass(loop), *map(_pass, flags)])
        steps, answer, after = self._asked_again(item, template, inner, [*outer, _pass(loop)])
        more = [*outer, {"name": loop, "value": forms.plus_one(loop)}, *_handed_on(flags)]
        again = _dag_task("again", template, after, forms.equals(answer, 1), more)
        parameters = [*_parameters(inner), *({"name": flag} for flag in flags)]
        annotations = _annotations(item.common.path, item)
        tasks = [body, *steps, again]
        self.templates.append(
            self.prototypes.fill("repeat", name=template, annotations=annotations, parameters=parameters, tasks=tasks)
        )
        gates = self._gates(item)
        self.list(f"{template}-body", item.body, inner, files, gates or (), flags)
        return [start]

    def _asked_again(
        self, item: Repeat, template: str, scope: Scope, here: list[dict[str, Any]]
    ) -> tuple[list[dict[str, Any]], str, str]:
        """Return the steps that ask whether to go on, the expression of the answer, and what going on depends on."""
        gates = self._gates(item)
        table = item.criterion.table
        if table is not None:
            answer, asks = forms.lookup(table, scope), -1 in table.entries.values()
        elif gates is not None:
            answer, asks = f"(fromJSON(tasks['body'].outputs.parameters.answers)['{_key_of(item)}'] ?? 0)", True
        else:
            answer, asks = forms.answer(["ask"], _key_of(item)), True
        if not asks:
            return [], answer, "body.Succeeded"
        self._add_ask(item, item.criterion, f"{template}-ask", scope)
        always = table is None and gates is None
        step = _dag_task("ask", f"{template}-ask", "body.Succeeded", None if always else forms.equals(answer, -1), here)
        return [step], answer, "ask.Succeeded" if always else "body.Succeeded && ask.Skipped"

    def _flags(self, item: Repeat) -> tuple[tuple[Pattern, ...], tuple[str, ...]]:
        """Return the files of a body that later iterations read, and the parameters that say which of them were made."""
        distances: dict[Pattern, int] = {}
        units = [one.common.path for one in flat(item.body)] + [
            body.path for one in flat(item.body) for body in bodies(one)
        ]
        for one in (one for unit in units for one in self.links.earlier.get(unit, ()) if self.has_no_work):
            distances[one.file] = max(distances.get(one.file, 0), one.distance)
        for number, file in enumerate(distances):
            self.made[file] = number
        flags = [_flag(self.made[file], at) for file, most in distances.items() for at in range(1, most + 1)]
        return tuple(distances), tuple(flags)

    # ---- limits

    def check_limits(self) -> None:
        """Warn of what Argo's CRDs refuse."""
        if len(self.templates) > MAX_TEMPLATES:
            self._too_many(self.chain.node, f"{len(self.templates)} templates")

    def _too_many(self, node: Any, what: str) -> None:
        message = f"{what}; the full CRDs of Argo accept at most {MAX_TEMPLATES}"
        at = node._replace(end=node.start + 1)
        self.diagnostics.warning(
            "crd-limit", at, message, "it runs on this machine, and where the minimal CRDs are installed"
        )


# --------------------------------------------------------------------------------------------------------------------
# Which gate answers which question


_Asked = dict[int, tuple[Task, list[tuple[Item, Question]]]]


def _asked(body: Sequence) -> _Asked:
    """Return the questions that need the metadata of a single task of the same list, by that task's identity."""
    found: _Asked = {}
    for sequence in _lists(body):
        here = {id(item): item for item in flat(sequence)}
        for item in here.values():
            if isinstance(item, Repeat):
                requested = item.common.scope.requested | {one.text: one.item for one in item.children}
                _attribute(item, item.criterion, requested, {id(one) for one in flat(item.body)}, found)
            elif isinstance(item, (Loop, Branch)):
                question = item.count if isinstance(item, Loop) else item.criterion
                _attribute(item, question, item.common.scope.requested, set(here), found)
    return found


def _attribute(item: Item, question: Question, requested: dict[str, Item], here: set[int], found: _Asked) -> None:
    if question.table is not None or len(question.names) != 1:
        return
    target = requested[next(iter(question.names))]
    if isinstance(target, Task) and id(target) in here:
        found.setdefault(id(target), (target, []))[1].append((item, question))


def _lists(body: Sequence) -> list[Sequence]:
    """Return the chain's list and those of all units."""
    found = [body]
    for item in walk(body):
        if isinstance(item, (Loop, Repeat)):
            found.append(item.body)
        elif isinstance(item, Branch):
            found += [branch for branch in (item.then, item.otherwise) if branch is not None]
    return found


# --------------------------------------------------------------------------------------------------------------------
# Steps for types and waits that depend on indices


def _split(task: Task, local: str, waits: tuple[Wait, ...]) -> list[_Step]:
    """Return a step for each type and set of waits, with the `when` that is true at its indices."""
    scope = task.common.scope
    conditional = [wait for wait in waits if wait.where is not None]
    ids = [
        variable.id
        for variable in scope.variables
        if any(variable.id in one.ids for one in (*task.variants, *conditional))
    ]
    if not ids:
        return [_Step(local, variant, waits, None, None) for variant in task.variants[:1]]
    groups: dict[tuple[int, frozenset[int]], list[tuple[int, ...]]] = {}
    for indices in names.combinations(ids, scope.domains):
        kind = next((number for number, one in enumerate(task.variants) if _holds(one.ids, one.where, indices)), None)
        if kind is not None:
            needed = frozenset(number for number, one in enumerate(waits) if _holds(one.ids, one.where, indices))
            groups.setdefault((kind, needed), []).append(tuple(indices.values()))
    steps = []
    single = len(groups) == 1
    for number, ((kind, needed), places) in enumerate(groups.items()):
        entries = dict.fromkeys(places, "true")
        when = None if single else f"{{{{={forms.nested(entries, tuple(ids), scope, 'false')}}}}}"
        where = None if single else table_of(names.Table(tuple(ids), entries), scope)
        variant = task.variants[kind]
        suffix = (
            "" if single else f"-{_dns_name(variant.type.name)}" if len(groups) == len(task.variants) else f"-v{number}"
        )
        steps.append(
            _Step(f"{local}{suffix}", variant, tuple(one for at, one in enumerate(waits) if at in needed), when, where)
        )
    return steps


def _holds(ids: tuple[str, ...], where: frozenset[tuple[int, ...]] | None, indices: names.Indices) -> bool:
    return where is None or tuple(indices[name] for name in ids) in where


# --------------------------------------------------------------------------------------------------------------------
# Parts of templates


def _dag_task(
    name: str, template: str, depends: str | None, when: str | None, arguments: list[dict[str, Any]]
) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "template": template}
    if depends:
        found["depends"] = depends
    if when:
        found["when"] = when
    if arguments:
        found["arguments"] = {"parameters": arguments}
    return found


def _flag(number: int, distance: int) -> str:
    """Name the parameter that says whether file `number` was made `distance` iterations ago."""
    return f"eas-made-{number}-{distance}"


def _handed_on(flags: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the flags for the next iteration: what the body has made now, and what was known before, one further back."""
    arguments = []
    for flag in flags:
        number, distance = map(int, flag.removeprefix("eas-made-").split("-"))
        now = f"{{{{tasks.body.outputs.parameters.file-{number}}}}}"
        arguments.append(
            {"name": flag, "value": now if distance == 1 else forms.parameter(_flag(number, distance - 1))}
        )
    return arguments


def _end(name: str) -> dict[str, Any]:
    """Return a leaf that never runs, and so inherits the failure of a step that others go on without."""
    return _dag_task(f"{name}-end", "open", f"{name}.Succeeded || {name}.Skipped", "false", [])


def _pass(name: str) -> dict[str, Any]:
    return {"name": name, "value": forms.parameter(name)}


def _parameters(scope: Scope) -> list[dict[str, Any]]:
    return [{"name": variable.id} for variable in scope.variables]


def _indices(scope: Scope) -> str:
    return " ".join(f"{variable.id}={forms.parameter(variable.id)}" for variable in scope.variables)


def _input(name: str, path: str, key: str) -> dict[str, Any]:
    """Return an artifact that may be missing: Argo tries a pod without an input again, and in vain; the worker says what is not there."""
    return {"name": name, "path": f"/eas/{path}", "optional": True, "archive": {"none": {}}, "s3": {"key": key}}


_output = _input


def _requested(record: Record) -> dict[str, Any]:
    if record.is_folder:
        key = f"{forms.RUN}/.records{record.path}"
    else:
        key = f"{forms.records(record.path, record.scope)}/qc.json"
    return _input(f"requested-{record.k}", f"in/.requested/{record.k}", key)


def _file_key(file: File, scope: Scope) -> str:
    return f"{forms.RUN}/{forms.key(file.pattern, scope)}"


def _product_key(file: File, scope: Scope) -> str:
    return f"{forms.RUN}/.products/{forms.key(file.pattern, scope)}.json"


def _resources(limits: dict[str, Any]) -> dict[str, Any]:
    """Return what a step asks for and gets, which are the same."""
    amounts = {"cpu": f"{limits['cpu']:g}", "memory": _megabytes(limits["memory_gb"])}
    if limits["gpu"]:
        amounts["nvidia.com/gpu"] = str(limits["gpu"])
    return {"requests": dict(amounts), "limits": dict(amounts)}


def _megabytes(gigabytes: float) -> str:
    return f"{round(gigabytes * 1000)}M"


def _memory(start_gb: float, factor: float, maximum_gb: float | None) -> tuple[int, str | None]:
    """Return how often memory may grow, and the patch that makes it."""
    if maximum_gb is None or maximum_gb <= start_gb or factor <= 1:
        return 0, None
    start, most = round(start_gb * 1000), round(maximum_gb * 1000)
    growths, memory = 0, float(start)
    while memory < most:
        memory, growths = memory * factor, growths + 1
    grown = f"min({most}, {start} * {factor:g} ** asInt(retries))"
    now = f"{{{{=string(int(lastRetry.message contains 'OOMKilled' ? {grown} : {start}))}}}}M"
    amounts = {"limits": {"memory": now}, "requests": {"memory": now}}
    return growths, _json({"containers": [{"name": "main", "resources": amounts}]})


def _annotations(path: str, item: Item) -> dict[str, str]:
    line, column = item.common.node.source.location(item.common.node.start)
    return {"eas/path": path, "eas/source": f"{line}:{column}"}


def _template_name(path: str) -> str:
    """Return `t0-t1-then` for `/t0[tda]/t1?then`."""
    name = "-".join(re.sub(r"\[.*\]|#", "", part).replace("?", "-") for part in path.split("/")[1:])
    if len(name) <= MAX_NAME:
        return name
    import hashlib

    return f"{name[: MAX_NAME - 20]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _local_name(path: str) -> str:
    """Return an item's name in the DAG of its list: groups stand in the list around them."""
    parts = path.split("/")
    start = len(parts) - 1
    while start > 1 and not parts[start - 1].endswith(("]", "#")) and "?" not in parts[start - 1]:
        start -= 1
    return "-".join(parts[start:])


def _key_of(item: Item) -> str:
    """Name the question of an item among those that a gate answers."""
    return "again" if isinstance(item, Repeat) else _local_name(item.common.path)


def _dns_name(text: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return name[:40].strip("-") or "chain"


def _json(value: Any) -> str:
    return _ENCODER.encode(value)


_ENCODER = json.JSONEncoder(separators=(",", ":"))
