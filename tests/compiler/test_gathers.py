"""Which tasks a port gathers from, what waits for what, and where the files are kept."""

import json

import pytest

from eas_compiler.compile import Options, check
from tests.compiler.compiling import (
    REGISTRY,
    Json,
    checked,
    choose,
    codes,
    compiled,
    loop,
    make,
    repeat,
    steps,
    templates,
    told,
)

HEAD = "'f_{i_index}"
INDEXED = f"{HEAD}'.format(**metadata)"


def join(files: str | list[str], **fields: object) -> Json:
    """Write a task that gathers."""
    return {"task": "join", "inputs": {"files": files}, **fields}


def keys(workflow: Json, template: str, side: str) -> dict[str, str]:
    """Return the keys of a template's artifacts by name, without that of the run."""
    artifacts = templates(workflow)[template][side]["artifacts"]
    return {one["name"]: one["s3"]["key"].partition("uid}}/")[2] for one in artifacts}


def test_a_family_that_is_gathered_has_a_folder() -> None:
    """Files and their verdicts lie in the folder of their family, which is all that the reader is brought."""
    workflow = compiled(loop("i", [1, 2], make(INDEXED)), join("f_*"))
    assert keys(workflow, "t0-t0", "outputs")["out-file"] == "chain/f_{i}/f_{{inputs.parameters.i}}"
    verdict = "chain/f_{i}/{verdicts}/f_{{inputs.parameters.i}}"
    assert keys(workflow, "t0-t0-qc", "outputs")["verdict-file"] == verdict
    assert keys(workflow, "t1", "inputs") == {"in-files-0": "chain/f_{i}"}


def test_a_family_that_nobody_gathers_has_none() -> None:
    """Files that are read one by one lie where they always do."""
    workflow = compiled(loop("i", [1, 2], make(INDEXED)), make("g"), join(["g"]))
    assert keys(workflow, "t0-t0", "outputs")["out-file"] == "chain/f_{{inputs.parameters.i}}"


def test_each_iteration_around_a_gather_has_its_own_folder() -> None:
    """Within a loop, only the files of its own iteration are brought."""
    name = "'f_{i_index}_{j_index}'.format(**metadata)"
    inner = loop("j", [1, 2], make(name))
    workflow = compiled(loop("i", [1, 2], inner, join("'f_{i_index}_*'.format(**metadata)")))
    assert keys(workflow, "t0-t1", "inputs") == {"in-files-0": "chain/f_{i}_{j}/{{inputs.parameters.i}}"}


def test_who_reads_one_file_of_a_family_finds_it() -> None:
    """What several names may mean in turn is kept together."""
    read = {"one": "'f_{}'.format(metadata['n_index'] - 1)"}
    made = {"file": "'f_{n_index}'.format(**metadata)"}
    step = {"task": "use", "inputs": read, "outputs": made}
    workflow = compiled(make("f_0"), repeat("n", "(metadata['n_index'] < 3)", step), join("f_[1-9]"))
    assert keys(workflow, "t0", "outputs")["out-file"] == "chain/f_{n}/f_0"
    assert keys(workflow, "t1-body-t0" if "t1-body-t0" in templates(workflow) else "t1-t0", "inputs")[
        "in-one"
    ].startswith("chain/f_{n}/f_")


@pytest.mark.parametrize(
    ("maker", "depends"),
    [
        (make("f_0"), "t0-qc.Succeeded || t0-qc.Failed || t0-qc.Errored || t0-qc.Skipped"),
        (make("f_0", qc="inline"), "t0.Succeeded || t0.Failed || t0.Errored"),
        (loop("i", [1], make(INDEXED)), "t0.Succeeded || t0.Failed || t0.Errored || t0.Skipped"),
        (
            choose("(1 < 2)", [make("f_0")]),
            "t0-then.Succeeded || t0-then.Failed || t0-then.Errored || t0-then.Skipped",
        ),
    ],
)
def test_a_gather_waits_however_its_makers_end(maker: Json, depends: str) -> None:
    """Only when all that may make its files was blocked, a gather is blocked as well."""
    assert steps(compiled(maker, join("f_*")))["t1"]["depends"] == depends


def test_failures_are_not_masked() -> None:
    """What others go on without has a leaf that inherits its failure; one judged in its pod has its rescue."""
    found = steps(compiled(make("f_0"), loop("i", [1], make("f_1")), make("f_2", qc="inline"), join("f_*")))
    assert {name for name in found if name.endswith("-end")} == {"t0-qc-end", "t1-end"}
    assert found["t1-end"] == {
        "name": "t1-end", "template": "open", "depends": "t1.Succeeded || t1.Skipped", "when": "false",
    }  # fmt: skip


def test_several_makers_must_all_be_over_and_not_all_blocked() -> None:
    """The ends of all are waited for, and that one of them was not blocked."""
    depends = steps(compiled(make("f_0"), make("f_1"), join("f_*")))["t2"]["depends"]
    over = "(t{0}-qc.Succeeded || t{0}-qc.Failed || t{0}-qc.Errored || t{0}-qc.Skipped || t{0}-qc.Omitted)"
    begun = " || ".join(f"t{at}-qc.{how}" for at in (0, 1) for how in ("Succeeded", "Failed", "Errored", "Skipped"))
    assert depends == f"{over.format(0)} && {over.format(1)} && ({begun})"


def test_a_unit_waits_for_what_is_gathered_in_it() -> None:
    """What is made outside of a unit, the unit as a whole waits for."""
    found = steps(compiled(make("f_0"), loop("i", [1, 2], join("f_*"))))
    assert found["t1"]["depends"] == "t0-qc.Succeeded || t0-qc.Failed || t0-qc.Errored || t0-qc.Skipped"


def test_what_it_makes_itself_a_task_does_not_wait_for() -> None:
    """A glob that matches a task's own output means the others."""
    workflow = compiled(make("f_0"), join("f_*", outputs={"file": "f_all"}))
    assert "t1-qc" not in steps(workflow)["t1"]["depends"]


def test_files_of_a_list_may_come_from_outside() -> None:
    """A name that nothing makes is an external input, beside others that are gathered."""
    found = checked(make("f_0"), join(["f_0", "outside.gz"]))
    assert not found.diagnostics.errors
    assert found.links is not None
    assert [one.file.node.value for one in found.links.externals] == ["outside.gz"]


@pytest.mark.parametrize(
    ("tasks", "want"),
    [
        ([make("g_0"), join("f_*")], "nothing-to-gather: no task of the chain makes a file that matches 'f_*'"),
        ([join([])], "file-count: files takes at least 1 files, not 0"),
        ([{"task": "use", "inputs": {"one": ["f", "g"]}}], "type: one takes one file name, not a list"),
        (
            [loop("i", [1, 2], make(INDEXED), join("f_*"))],
            "out-of-reach: 'f_*' also matches files of other iterations of the loop over 'i'",
        ),
        (
            [loop("i", [0] * 12, make(f"{HEAD}_a'.format(**metadata)"), join(f"{HEAD}*'.format(**metadata)"))],
            "out-of-reach: 'f_{i_index}*' also matches files of other iterations of the loop over 'i'",
        ),
    ],
)  # fmt: skip
def test_mistakes_are_told(tasks: list[Json], want: str) -> None:
    """What cannot be gathered is refused at its place."""
    assert told(checked(*tasks).diagnostics) == [want]


def test_a_circle_through_a_gather_is_told() -> None:
    """Who makes what is gathered cannot wait for who gathers it."""
    reader = join("f_*", outputs={"file": "all"})
    assert codes(
        checked(reader, {"task": "use", "inputs": {"one": "all"}, "outputs": {"file": "f_0"}}).diagnostics
    ) == ["circle"]


def test_types_are_checked_for_what_is_gathered() -> None:
    """A pattern must not match files of another type than the port takes, and who is gathered is read."""
    chain = {
        "task_list": [
            {"task": "synthesis_batman", "outputs": {"lightcurve": "f_0"}},
            {"task": "tabulate", "inputs": {"lightcurves": "f_0"}, "outputs": {"table": "f_1"}},
            {"task": "tabulate", "inputs": {"lightcurves": "f_[01]"}, "outputs": {"table": "all"}},
        ]
    }
    found = check("chain.json", json.dumps(chain).encode(), Options(registry=REGISTRY.parents[2] / "registry.yaml"))
    assert told(found.diagnostics) == [
        "file-type: lightcurves takes a file of type lightcurve, but 'f_1' is of type table"
    ]
