"""Pass 5, lower: the linked chain and the templates to a Workflow.

Invariant of the result: what the chain says, in Argo's words. Every task is a step and its gate; every unit is a
sub-DAG whose wrapper waits for all that its inside takes from outside; nothing an author wrote stands outside of
escaped descriptions and percent-encoded keys.
"""

from collections.abc import Iterable, Iterator

from eas_compiler import forms, questions
from eas_compiler.diagnostics import Diagnostics
from eas_compiler.link import Links, Wait
from eas_compiler.names import Pattern
from eas_compiler.parts import (
    Json,
    annotations,
    any_of,
    as_json,
    dag_task,
    dns_name,
    end,
    flag,
    handed,
    handed_on,
    local_name,
    parameters,
    template_name,
)
from eas_compiler.pods import Pods
from eas_compiler.questions import key_of
from eas_compiler.registry import Registry
from eas_compiler.sharing import Alone
from eas_compiler.steps import ENDED, Step, split
from eas_compiler.tree import Branch, Chain, Item, Loop, Question, Repeat, Scope, Sequence, Task, bodies, flat, walk


def lower(chain: Chain, links: Links, registry: Registry, sharing: Alone, seed: str, diagnostics: Diagnostics) -> Json:
    """Return the Workflow as plain data; report what no manifest can carry."""
    templates = sharing.prototypes
    lowering = _Lowering(chain, links, Pods(chain, links, registry, sharing, diagnostics))
    lowering.sequence("chain", chain.body, Scope((), chain.parameters, {}))
    about = {"job_name": chain.job_name, "tags": list(chain.tags), "subject": chain.subject}
    workflow = templates.fill(
        "workflow",
        generate_name=f"{dns_name(chain.job_name)}-",
        labels={"eas/managed": "true"},
        annotations={
            "eas/about": forms.escaped(as_json(about)),
            "eas/source": forms.escaped(as_json(chain.node.source.name)),
        },
        seed=seed,
        templates=lowering.templates,
    )
    if isinstance(workflow["spec"].get("podSpecPatch"), dict):
        workflow["spec"]["podSpecPatch"] = as_json(workflow["spec"]["podSpecPatch"])
    return workflow


class _Lowering:
    """Makes one Argo template after another, from the outside in."""

    def __init__(self, chain: Chain, links: Links, pods: Pods) -> None:
        self.chain, self.links, self.pods = chain, links, pods
        self.prototypes, self.handing = pods.sharing.prototypes, pods.sharing.handing
        self.templates: list[Json] = []
        tasks = [item for item in walk(chain.body) if isinstance(item, Task)]
        self.has_no_work = any(variant.type.no_work for task in tasks for variant in task.variants)
        self.questions = questions.asked(chain.body)
        self.answering = {id(at): task for task, asked in self.questions.values() for at, _ in asked}
        self.gathered = {id(wait.item) for waits in links.waits.values() for wait in waits if wait.gather is not None}
        self._steps: dict[str, list[Step]] = {}
        self._made: dict[Pattern, int] = {}
        self._opening: dict[tuple[int, Pattern | None], str] = {}

    # ---- lists

    def sequence(
        self,
        name: str,
        sequence: Sequence,
        scope: Scope,
        exports: tuple[Pattern, ...] = (),
        answers: Iterable[str] = (),
        flags: tuple[str, ...] = (),
    ) -> None:
        """Add the DAG of a task list.

        `exports` are files of it that are waited for outside, one of `answers` is the step that answers for it, `flags`
        are the parameters that say which files earlier iterations have made.
        """
        place = len(self.templates)
        tasks = [
            dag_task(f"up-{one}", "open", None, f"{{{{=inputs.parameters['{one}'] == 'true'}}}}", []) for one in flags
        ]
        for item in flat(sequence):
            tasks += self._item(item, local_name(item.common.path), scope)
        if not tasks:
            tasks.append(dag_task("nothing", "open", None, None, []))  # Argo takes no DAG without tasks
        outputs = [self._export(number, pattern, sequence) for number, pattern in enumerate(exports)]
        if answers:
            given = f"{forms.given_answers(answers)} ?? '{{}}'"
            outputs.append({"name": "answers", "valueFrom": {"expression": given}})
        has_open = any(one["name"] == "open" for one in self.templates)
        if not has_open and any(step["template"] == "open" for step in tasks):
            self.templates.append(self.prototypes.fill("open"))
        filled = self.prototypes.fill(
            "list",
            name=name,
            annotations={"eas/path": sequence.path or "/"},
            parameters=[*parameters(scope), *({"name": one} for one in flags)],
            exports=outputs or None,
            tasks=[self.handing(step) for step in tasks],
        )
        self.templates.insert(place, filled)

    def _item(self, item: Item, local: str, scope: Scope) -> list[Json]:
        """Add the templates of an item; return its steps in the DAG of its list."""
        if isinstance(item, Task):
            return self._task(item, local)
        if isinstance(item, Loop):
            return self._loop(item, local, scope)
        if isinstance(item, Branch):
            return self._branch(item, local, scope)
        assert isinstance(item, Repeat), "groups stand in the list around them"
        return self._repeat(item, local, scope)

    def _export(self, number: int, pattern: Pattern, sequence: Sequence) -> Json:
        """Say whether a file that both branches make was made by this one."""
        steps = [step for item in flat(sequence) for step in self._makers(item, pattern)]
        is_open = " || ".join(f"tasks['{step}'].status == 'Succeeded'" for step in steps)
        return {"name": f"file-{number}", "valueFrom": {"expression": f"{is_open} ? 'true' : 'false'"}}

    def _makers(self, item: Item, pattern: Pattern) -> list[str]:
        local = local_name(item.common.path)
        if isinstance(item, Task) and any(file.pattern == pattern for file in item.outputs.values()):
            return [step.gate for step in self.steps_of(item)]
        if isinstance(item, Branch) and pattern in self.links.exports.get(item.common.path, ()):
            return [f"{local}-file-{self.links.exports[item.common.path].index(pattern)}"]
        return []

    # ---- what a step waits for

    def _waits(self, item: Item) -> tuple[Wait, ...]:
        return self.links.waits.get(item.common.path, ())

    def _earlier(self, unit: str) -> list[str]:
        """Return what has to hold for a unit that takes files of earlier iterations, which may have had no work."""
        taken = self.links.earlier.get(unit, ()) if self.has_no_work else ()
        return [f"up-{flag(self._made[one.file], one.distance)}.Succeeded" for one in taken]

    def _depends(self, waits: tuple[Wait, ...], *more: str) -> str | None:
        plain = [wait for wait in waits if wait.gather is None]
        parts = list(dict.fromkeys([*map(self._open, plain), *self._over(waits), *more]))
        if len(parts) == 1:
            return parts[0]
        return " && ".join(f"({part})" if "||" in part or "&&" in part else part for part in parts) or None

    def _over(self, waits: tuple[Wait, ...]) -> Iterator[str]:
        """Yield what has to hold of items whose files are gathered: all are over, and not all were blocked."""
        ports: dict[str, list[Item]] = {}
        for wait in waits:
            if wait.gather is not None:
                ports.setdefault(wait.gather, []).append(wait.item)
        for port, items in ports.items():
            results = [one for item in items for one in self._results(item)]
            begun = any_of(results)
            if not port or len(results) > 1:
                yield from (any_of([(step, (*ENDED, "Skipped", "Omitted"))]) for step, _ in results)
            if port:
                yield begun

    def _results(self, item: Item) -> list[tuple[str, tuple[str, ...]]]:
        """Return the steps of an item, each with the results that it can have only if the item was not blocked."""
        local = local_name(item.common.path)
        if isinstance(item, Task):
            return [step.results for step in self.steps_of(item)]
        if not isinstance(item, Branch):
            return [(local, (*ENDED, "Skipped"))]  # a loop without iterations is skipped
        branches = [name for name, body in (("then", item.then), ("else", item.otherwise)) if body is not None]
        alone = ("Skipped",) if len(branches) == 1 else ()  # of two, one is taken
        return [(f"{local}-{name}", (*ENDED, *alone)) for name in branches]

    def _ends(self, item: Item) -> list[Json]:
        """Return the leaves that inherit the failures of an item that others go on without."""
        if isinstance(item, Task) and item.is_inline:
            return []  # nobody waits for its rescue, which inherits them
        return [end(step) for step, _ in self._results(item)] if id(item) in self.gathered else []

    def _open(self, wait: Wait) -> str:
        """Return what has to hold of the item that is waited for."""
        at = id(wait.item), wait.file
        if at not in self._opening:
            self._opening[at] = self._opens(wait)
        return self._opening[at]

    def _opens(self, wait: Wait) -> str:
        item = wait.item
        local = local_name(item.common.path)
        if isinstance(item, Task):
            return " || ".join(f"{step.gate}.Succeeded" for step in self.steps_of(item))
        if isinstance(item, Repeat):
            return f"{local}.Succeeded"
        if isinstance(item, Loop):
            return f"{local}.Succeeded || {local}.Skipped"
        assert isinstance(item, Branch)
        if wait.file is None:
            return self._ended(item, local)
        if self.has_no_work:
            return f"{local}-file-{self.links.exports[item.common.path].index(wait.file)}.Succeeded"
        return f"{local}-then.Succeeded || {local}-else.Succeeded"

    def _ended(self, item: Branch, local: str) -> str:
        """Return what holds when a conditional is over: each of its branches has ended well, or was not taken."""
        ended = []
        for name, body in (("then", item.then), ("else", item.otherwise)):
            if body is not None:
                waits = self.links.waits.get(body.path)
                other = f"{local}-not-{name}.Succeeded" if waits else f"{local}-{name}.Skipped"
                ended.append(f"{local}-{name}.Succeeded || {other}")
        return " && ".join(f"({one})" for one in ended) if len(ended) > 1 else ended[0]

    # ---- tasks

    def steps_of(self, task: Task) -> list[Step]:
        """Return the steps of a task: one for each type, and for each set of tasks that it waits for."""
        path = task.common.path
        if path not in self._steps:
            self._steps[path] = split(task, local_name(path), self._waits(task))
        return self._steps[path]

    def _task(self, task: Task, local: str) -> list[Json]:
        tasks = []
        steps = self.steps_of(task)
        _, asked = self.questions.get(id(task), (task, []))
        arguments = [handed(variable.id) for variable in task.common.scope.variables]
        for step in steps:
            template = template_name(task.common.path) + step.name.removeprefix(local)
            self.templates += self.pods.leaf(template, task, step, asked)
            depends = self._depends(step.waits, *self._earlier(task.common.path))
            tasks += step.lowered(template, depends, arguments)
        if any(step.waits != steps[0].waits for step in steps):
            return tasks + [end(step.gate) for step in steps]
        return tasks + self._ends(task)

    # ---- flow control

    def _source(self, item: Item, question: Question, local: str, scope: Scope) -> tuple[str, list[Json], list[str]]:
        """Return the expression of an answer, the steps that it needs, and what the steps after them depend on."""
        if question.table is not None and -1 not in question.table.entries.values():
            return forms.lookup(question.table, scope), [], []
        step = f"{local}-ask"
        template = f"{template_name(item.common.path)}-ask"
        self.templates += self.pods.ask(template, item, question, scope)
        arguments = [handed(variable.id) for variable in scope.variables]
        depends = self._depends(self._waits(item))
        gates = self._gates(item)
        if gates is None:
            ask = dag_task(step, template, depends, None, arguments)
            return forms.answer([step], key_of(item)), [ask], [f"{step}.Succeeded"]
        answer = forms.answer(gates, key_of(item))
        return answer, [dag_task(step, template, depends, forms.equals(answer, -1), arguments)], [f"{step}.Skipped"]

    def _gates(self, item: Item) -> list[str] | None:
        """Return the steps of the list that answer a question of it; None when it needs a step of its own."""
        task = self.answering.get(id(item))
        return None if task is None else [step.answering for step in self.steps_of(task)]

    def _loop(self, item: Loop, local: str, scope: Scope) -> list[Json]:
        answer, steps, after = self._source(item, item.number, local, scope)
        template = template_name(item.common.path)
        index = {"name": item.variable.id, "value": "{{item}}"}
        arguments = [*(handed(variable.id) for variable in scope.variables), index]
        depends = self._depends(self._waits(item), *self._earlier(item.common.path), *after)
        step = dag_task(local, template, depends, None, arguments)
        step["withSequence"] = {"count": forms.count(answer)}
        never = Sequence(item.body.path, ())  # stands for the body of a loop without iterations
        body = item.body if item.variable.domain.size != 0 else never
        self.sequence(template, body, scope._replace(variables=(*scope.variables, item.variable)))
        return [*steps, step, *self._ends(item)]

    def _branch(self, item: Branch, local: str, scope: Scope) -> list[Json]:
        answer, steps, after = self._source(item, item.criterion, local, scope)
        arguments = [handed(variable.id) for variable in scope.variables]
        exports = self.links.exports.get(item.common.path, ()) if self.has_no_work else ()
        for name, body, value in (("then", item.then, 1), ("else", item.otherwise, 0)):
            if body is None:
                continue
            template = f"{template_name(item.common.path)}-{name}"
            own = self.links.waits.get(body.path, ())
            earlier = [*self._earlier(item.common.path), *self._earlier(body.path)]
            depends = self._depends((*self._waits(item), *own), *earlier, *after)
            steps.append(dag_task(f"{local}-{name}", template, depends, forms.equals(answer, value), arguments))
            if own:  # it may be blocked although it is not taken: who waits for the conditional must be able to tell
                depends = self._depends(self._waits(item), *after)
                steps.append(dag_task(f"{local}-not-{name}", "open", depends, forms.equals(answer, 1 - value), []))
                steps.append(end(f"{local}-{name}"))
            self.sequence(template, body, scope, exports)
        steps += [leaf for leaf in self._ends(item) if leaf not in steps]
        return steps + [_exported(local, number) for number, _ in enumerate(exports)]

    def _repeat(self, item: Repeat, local: str, scope: Scope) -> list[Json]:
        template = template_name(item.common.path)
        loop = item.variable.id
        inner = scope._replace(variables=(*scope.variables, item.variable))
        files, flags = self._flags(item)
        outer = [handed(variable.id) for variable in scope.variables]
        first = [*outer, {"name": loop, "value": "1"}, *({"name": one, "value": "true"} for one in flags)]
        depends = self._depends(self._waits(item), *self._earlier(item.common.path))
        body = dag_task("body", f"{template}-body", None, None, [*outer, handed(loop), *map(handed, flags)])
        steps, answer, after = self._asked_again(item, template, inner, [*outer, handed(loop)])
        more = [*outer, {"name": loop, "value": forms.plus_one(loop)}, *handed_on(flags)]
        filled = self.prototypes.fill(
            "repeat",
            name=template,
            annotations=annotations(item.common.path, item),
            parameters=[*parameters(inner), *({"name": one} for one in flags)],
            tasks=[body, *map(self.handing, steps), dag_task("again", template, after, forms.equals(answer, 1), more)],
        )
        self.templates.append(filled)
        self.sequence(f"{template}-body", item.body, inner, files, self._gates(item) or (), flags)
        return [dag_task(local, template, depends, None, first), *self._ends(item)]

    def _asked_again(self, item: Repeat, template: str, scope: Scope, here: list[Json]) -> tuple[list[Json], str, str]:
        """Return the steps that ask whether to go on, the expression of the answer, and what going on depends on."""
        gates = self._gates(item)
        table = item.criterion.table
        if table is not None:
            answer, asks = forms.lookup(table, scope), -1 in table.entries.values()
        elif gates is not None:
            answer, asks = f"(fromJSON(tasks['body'].outputs.parameters.answers)['{key_of(item)}'] ?? 0)", True
        else:
            answer, asks = forms.answer(["ask"], key_of(item)), True
        if not asks:
            return [], answer, "body.Succeeded"
        self.templates += self.pods.ask(f"{template}-ask", item, item.criterion, scope)
        always = table is None and gates is None
        step = dag_task("ask", f"{template}-ask", "body.Succeeded", None if always else forms.equals(answer, -1), here)
        return [step], answer, "ask.Succeeded" if always else "body.Succeeded && ask.Skipped"

    def _flags(self, item: Repeat) -> tuple[tuple[Pattern, ...], tuple[str, ...]]:
        """Return the files of a body that later iterations read, and the parameters that say which were made."""
        if not self.has_no_work:
            return (), ()
        distances: dict[Pattern, int] = {}
        inside = list(flat(item.body))
        units = [*(one.common.path for one in inside), *(body.path for one in inside for body in bodies(one))]
        for taken in (taken for unit in units for taken in self.links.earlier.get(unit, ())):
            distances[taken.file] = max(distances.get(taken.file, 0), taken.distance)
        for number, file in enumerate(distances):
            self._made[file] = number
        flags = [flag(self._made[file], at) for file, most in distances.items() for at in range(1, most + 1)]
        return tuple(distances), tuple(flags)


def _exported(local: str, number: int) -> Json:
    """Return the step that is open when the branch that was taken has made a file of both."""
    outputs = (f"tasks['{local}-{name}'].outputs?.parameters?.['file-{number}']" for name in ("then", "else"))
    when = f"{{{{=({' ?? '.join(outputs)} ?? 'false') == 'true'}}}}"
    depends = f"{local}-then.Succeeded || {local}-else.Succeeded"
    return dag_task(f"{local}-file-{number}", "open", depends, when, [])
