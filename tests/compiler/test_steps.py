"""The two forms of a step: with a gate of its own, and judged where it ran."""

from tests.compiler.compiling import Json, choose, compiled, description, loop, make, repeat, steps, templates, use

ASKED = "(requested_metadata['a']['flag'])"
BROKEN = "t0.Failed || t0.Errored"


def inline(task: Json) -> Json:
    """Write a task that is judged where it ran."""
    return {**task, "qc": "inline"}


def unless(parameter: str, step: str = "t0") -> str:
    """Write the condition that a step did not say `true`."""
    return f"{{{{=(tasks['{step}'].outputs?.parameters?.['{parameter}'] ?? 'false') != 'true'}}}}"


def test_dependants_wait_for_the_program_itself() -> None:
    """One pod runs and judges; another one runs only when there is no verdict, and nothing waits for it."""
    workflow = compiled(inline(make("f")), use("f"))
    found = steps(workflow)
    assert found.keys() == {"t0", "t0-rescue", "t1", "t1-qc"}
    assert found["t1"]["depends"] == "t0.Succeeded"
    assert (found["t0-rescue"]["depends"], found["t0-rescue"]["when"]) == (BROKEN, unless("closed"))
    verbs = {name: one["container"]["command"][-1] for name, one in templates(workflow).items() if "container" in one}
    assert verbs == {"t0": "inline", "t0-rescue": "rescue", "t1": "run", "t1-qc": "qc"}


def test_no_work_has_an_open_step() -> None:
    """A type that may have no work opens the way by a step without a pod."""
    workflow = compiled(inline({"task": "lazy", "outputs": {"file": "f"}}), use("f"))
    found = steps(workflow)
    assert (found["t0-open"]["depends"], found["t0-open"]["when"]) == ("t0.Succeeded", unless("no-work"))
    assert (found["t0-open"]["template"], found["t1"]["depends"]) == ("open", "t0-open.Succeeded")
    assert description(workflow, "t0")["no_work"] is True
    assert [one["name"] for one in templates(workflow)["t0"]["outputs"]["parameters"]] == ["no-work", "closed"]


def test_it_answers_itself() -> None:
    """Questions of flow control go to the program's step; the answers have no default."""
    workflow = compiled(inline(make("f", "a")), choose(ASKED, [{"task": "null"}], requires_metadata_from=["a"]))
    assert steps(workflow)["t1-then"]["when"] == "{{=fromJSON(tasks['t0'].outputs.parameters.answers)['t1'] == 1}}"
    assert steps(workflow)["t1-then"]["depends"] == "t0.Succeeded && t1-ask.Skipped"
    answers = templates(workflow)["t0"]["outputs"]["parameters"][-1]
    assert answers == {"name": "answers", "valueFrom": {"path": "/eas/answers"}}
    assert "t1" in description(workflow, "t0")["questions"]
    assert "questions" not in description(workflow, "t0-rescue")
    assert "parameters" not in templates(workflow)["t0-rescue"]["outputs"]


def test_the_body_of_a_do_while_hands_on_the_answers() -> None:
    """The iteration is repeated by what the task in it answered."""
    body = inline(make("'f_{n_index}'.format(**metadata)", "a"))
    workflow = compiled(repeat("n", ASKED, body, requires_metadata_from_child=["a"]))
    export = templates(workflow)["t0-body"]["outputs"]["parameters"][0]["valueFrom"]["expression"]
    assert export == "tasks['t0'].outputs?.parameters?.['answers'] ?? '{}'"


def test_each_type_opens_in_its_way() -> None:
    """Of a task of several types each step is its own gate, or has an open step when there may be no work."""
    task = {"task": "(metadata['i'])", "outputs": {"file": "'f_{i_index}'.format(**metadata)"}}
    workflow = compiled(loop("i", ["make", "lazy"], inline(task), use("'f_{i_index}'.format(**metadata)")))
    found = steps(workflow, "t0")
    assert found["t1"]["depends"] == "t0-make.Succeeded || t0-lazy-open.Succeeded"
    assert {"t0-make-rescue", "t0-lazy-rescue"} < found.keys()


def test_the_rescue_needs_little() -> None:
    """It reads records alone, and no program runs in it."""
    rescue = templates(compiled(inline(make("f", resources={"cpu": 8, "memory_gb": 64}))))["t0-rescue"]
    assert [one["name"] for one in rescue["inputs"]["artifacts"]] == ["attempts"]
    assert rescue["container"]["resources"]["limits"] == {"cpu": "0.1", "memory": "250M"}


def test_records_are_where_those_of_a_gate_are() -> None:
    """Who reads metadata and verdicts need not know in which form a task ran."""
    apart, within = (templates(compiled(one)) for one in (make("f"), inline(make("f"))))

    def keys(template: Json) -> dict[str, str]:
        return {one["name"]: one["s3"]["key"] for one in template["outputs"]["artifacts"]}

    assert keys(within["t0"]) == keys(apart["t0"]) | keys(apart["t0-qc"])
    assert keys(within["t0-rescue"]) == keys(apart["t0-qc"])
