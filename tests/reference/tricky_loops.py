"""The rules of order: tasks, execution_chains and loops."""

from tests.reference.writing import (
    ERROR,
    FAIL,
    Tricky,
    after,
    blocked,
    choose,
    emits,
    error,
    failed,
    group,
    lazy,
    loop,
    make,
    null,
    ok,
    task,
    use,
)

ORDER = [
    Tricky(
        "siblings_without_ties",
        "A closed gate blocks dependants only, never a sibling.",
        [null("a"), null("b")],
        {"/t0": failed(), "/t1": ok()},
        {"a": FAIL},
        failed=True,
    ),
    Tricky(
        "consumer_before_producer",
        "The order in the list does not matter for files.",
        [use("f"), make("f")],
        {"/t0": ok("/t1"), "/t1": ok()},
    ),
    Tricky(
        "metadata_without_file",
        "A task waits for those whose metadata it requests.",
        [null("a"), null("b", "a"), null(None, "b")],
        {"/t0": ok(), "/t1": ok("/t0"), "/t2": ok("/t1")},
    ),
    Tricky(
        "file_and_metadata_of_one_task",
        "A task waited for twice is waited for once.",
        [make("f", "a"), use("f", None, "b", "a")],
        {"/t0": ok(), "/t1": ok("/t0")},
    ),
    Tricky(
        "two_inputs",
        "A task waits for the producers of all its inputs.",
        [make("f"), make("g"), task("use", inputs={"one": "f", "two": "g"})],
        {"/t0": ok(), "/t1": ok(), "/t2": ok("/t0", "/t1")},
    ),
    Tricky(
        "same_file_in_two_ports",
        "One file may be read through two ports.",
        [make("f"), task("use", inputs={"one": "f", "two": "f"})],
        {"/t0": ok(), "/t1": ok("/t0")},
    ),
    Tricky(
        "optional_output_is_read",
        "An optional output that the chain names is a file as any other.",
        [task("make", outputs={"file": "f", "extra": "g"}), use("g")],
        {"/t0": ok(), "/t1": ok("/t0")},
    ),
    Tricky(
        "diamond",
        "What two tasks wait for is waited for by each; what waits for both waits for nothing else.",
        [make("f"), use("f", "g"), use("f", "h"), task("use", inputs={"one": "g", "two": "h"})],
        {"/t0": ok(), "/t1": ok("/t0"), "/t2": failed("/t0"), "/t3": blocked("/t1", "/t2")},
        {"/t2": FAIL},
        failed=True,
    ),
    Tricky(
        "blocked_blocks",
        "A blocked task blocks who waits for it, and does not add to the failure.",
        [null("a"), null("b", "a"), null("c", "b")],
        {"/t0": error(), "/t1": blocked("/t0"), "/t2": blocked("/t1")},
        {"a": ERROR},
        failed=True,
    ),
    Tricky(
        "external_input",
        "A file without a producer in the chain comes from outside and is not waited for.",
        [use("from_outside.gz")],
        {"/t0": ok()},
    ),
    Tricky(
        "other_directory_other_file",
        "A file is a directory and a name.",
        [make("f"), use("f", working_directory="elsewhere")],
        {"/t0": ok(), "/t1": ok()},
    ),
    Tricky(
        "same_name_in_two_directories",
        "Two directories may each have a file of one name.",
        [make("f"), make("f", working_directory="elsewhere"), use("f", working_directory="elsewhere")],
        {"/t0": ok(), "/t1": ok(), "/t2": ok("/t1")},
    ),
    Tricky(
        "inherited_directory",
        "An override of the directory is inherited by everything nested.",
        [
            group(make("f"), group(use("f")), working_directory="elsewhere"),
            use("f", working_directory="elsewhere"),
            use("f"),
        ],
        {"/t0/t0": ok(), "/t0/t1/t0": ok("/t0/t0"), "/t1": ok("/t0/t0"), "/t2": ok()},
    ),
    Tricky(
        "repo_reads_other_directory",
        "`repo://./DIR/FILE` reads a file of another directory of the same run.",
        [make("f", working_directory="else/where"), use("repo://./else/where/f")],
        {"/t0": ok(), "/t1": ok("/t0")},
    ),
    Tricky(
        "repo_of_another_run",
        "`repo://run/dir/file` is outside of the run, whatever its name.",
        [make("f"), use("repo://run/tricky/f")],
        {"/t0": ok(), "/t1": ok()},
    ),
]

CHAINS = [
    Tricky(
        "chain_is_no_unit",
        "The tasks of an execution_chain stand in the list around it: each waits for its own ties only.",
        [null("a"), group(null("b", "a"), null("c"))],
        {"/t0": failed(), "/t1/t0": blocked("/t0"), "/t1/t1": ok()},
        {"a": FAIL},
        failed=True,
    ),
    Tricky(
        "files_of_a_chain",
        "Files of an execution_chain are seen from outside it.",
        [group(group(make("f"))), use("f")],
        {"/t0/t0/t0": ok(), "/t1": ok("/t0/t0/t0")},
    ),
    Tricky(
        "chain_reads_from_outside",
        "A task of an execution_chain sees the files around it, those made later in the list among them.",
        [group(use("f")), make("f")],
        {"/t0/t0": ok("/t1"), "/t1": ok()},
    ),
    Tricky(
        "in_and_out_of_a_chain",
        "As a chain is no unit, going out of it and back is no circle.",
        [group(make("f"), use("g")), use("f", "g")],
        {"/t0/t0": ok(), "/t0/t1": ok("/t1"), "/t1": ok("/t0/t0")},
    ),
    Tricky(
        "waiting_for_a_chain",
        "Naming an execution_chain waits for all of it; its own path is the one reported.",
        [group(null("a"), null("b"), name="g"), null("c", "g")],
        {"/t0/t0": ok(), "/t0/t1": failed(), "/t1": blocked("/t0")},
        {"b": FAIL},
        failed=True,
    ),
    Tricky(
        "metadata_of_a_chain",
        "The metadata of a named chain is that of its tasks by name.",
        [group(make("f", "a"), name="g"), make("h", None, "g", a="(requested_metadata['g']['a']['x'])")],
        {"/t0/t0": ok(), "/t1": ok("/t0")},
        {"a": emits(x=0.5)},
    ),
    Tricky(
        "enclosing_names_in_a_chain",
        "A task may name earlier tasks of an enclosing list.",
        [null("a"), group(null("b", "a"))],
        {"/t0": ok(), "/t1/t0": ok("/t0")},
    ),
]

LOOPS = [
    Tricky(
        "loop_is_blocked_as_a_whole",
        "A loop is one unit: a closed gate that any task of it needs blocks all of it.",
        [make("f"), loop("i", [1, 2], use("f"), null("independent"))],
        {"/t0": failed()},
        {"make": FAIL},
        failed=True,
    ),
    Tricky(
        "loop_needs_every_file_of_its_iterations",
        "A loop starts when what all its iterations take is there.",
        [make("x_0"), make("x_1"), loop("i", [5, 6], use("'x_{}'.format(metadata['i_index'])"))],
        {"/t0": ok(), "/t1": failed()},
        {"/t1": FAIL},
        failed=True,
    ),
    Tricky(
        "loop_takes_a_file_in_one_branch_only",
        "What its inside takes is taken in whatever branch it stands.",
        [make("f"), loop("i", [1], null(), choose("(metadata['i'] > 1)", [use("f")], [null()]))],
        {"/t0": failed()},
        {"make": FAIL},
        failed=True,
    ),
    Tricky(
        "loop_needs_metadata_for_its_inside",
        "Metadata that is requested deep inside a unit is waited for by the unit.",
        [null("a"), loop("i", [1], loop("j", [1], null("b", "a")), null("c"))],
        {"/t0": error()},
        {"a": ERROR},
        failed=True,
    ),
    Tricky(
        "after_of_a_task_in_a_loop",
        "A task reports what it waits for itself, also when its unit has waited for that.",
        [make("f", "a"), loop("i", [1, 2], use("f", None, "b", "a"), null())],
        {
            "/t0": ok(),
            "/t1[i=0]/t0": ok("/t0"),
            "/t1[i=0]/t1": ok(),
            "/t1[i=1]/t0": ok("/t0"),
            "/t1[i=1]/t1": ok(),
        },
    ),
    Tricky(
        "waiting_for_a_loop",
        "Naming a loop waits for all of it; its own path is the one reported.",
        [loop("i", [1, 2], null("a"), name="l"), null("b", "l")],
        {"/t0[i=0]/t0": ok(), "/t0[i=1]/t0": ok(), "/t1": ok("/t0")},
    ),
    Tricky(
        "one_iteration_fails",
        "Iterations do not block each other, but the loop is closed when one has failed.",
        [loop("i", [1, 2, 3], null("a"), null("b", "a"), name="l"), null("c", "l")],
        {
            "/t0[i=0]/t0": ok(),
            "/t0[i=0]/t1": ok("/t0[i=0]/t0"),
            "/t0[i=1]/t0": failed(),
            "/t0[i=1]/t1": blocked("/t0[i=1]/t0"),
            "/t0[i=2]/t0": ok(),
            "/t0[i=2]/t1": ok("/t0[i=2]/t0"),
            "/t1": blocked("/t0"),
        },
        {"/t0[i=1]/t0": FAIL},
        failed=True,
    ),
    Tricky(
        "blocked_loop_blocks",
        "Who waits for a blocked unit is blocked.",
        [null("a"), loop("i", [1], null(), name="l", **after("a")), null("b", "l")],
        {"/t0": failed(), "/t2": blocked("/t1")},
        {"a": FAIL},
        failed=True,
    ),
    Tricky(
        "loop_of_zero_iterations",
        "Waiting for a loop of zero iterations goes on.",
        [loop("i", [], null(), name="l"), null("b", "l")],
        {"/t1": ok("/t0")},
    ),
    Tricky(
        "late_loop_of_zero_iterations",
        "An empty list is a range also when the run makes it.",
        [
            make("f", "a"),
            loop("i", "(requested_metadata['a']['items'])", null(), name="l", **after("a")),
            null("b", "l"),
        ],
        {"/t0": ok(), "/t2": ok("/t1")},
        {"a": emits(items=[])},
    ),
    Tricky(
        "late_range",
        "The number of iterations may be known from metadata only.",
        [
            make("f", "a"),
            loop("i", [0, 1, "(requested_metadata['a']['n'])"], null(), kind="linear_range", **after("a")),
        ],
        {"/t0": ok(), "/t1[i=0]/t0": ok(), "/t1[i=1]/t0": ok(), "/t1[i=2]/t0": ok()},
        {"a": emits(n=3)},
    ),
    Tricky(
        "late_range_of_an_enclosing_request",
        "Requested metadata is visible in the loops nested in the task that requested it.",
        [
            make("f", "a"),
            loop("i", [1, 2], loop("j", "(requested_metadata['a']['items'])", null()), **after("a")),
        ],
        {"/t0": ok(), "/t1[i=0]/t0[j=0]/t0": ok(), "/t1[i=1]/t0[j=0]/t0": ok()},
        {"a": emits(items=["x"])},
    ),
    Tricky(
        "late_range_of_an_inner_task",
        "A loop may ask a task of the same iteration for its range.",
        [
            loop(
                "i",
                [1, 2],
                task("lazy", "a"),
                loop("j", "(requested_metadata['a']['items'])", null(), **after("a")),
            )
        ],
        {
            "/t0[i=0]/t0": ok(),
            "/t0[i=0]/t1[j=0]/t0": ok(),
            "/t0[i=0]/t1[j=1]/t0": ok(),
            "/t0[i=1]/t0": ok(),
            "/t0[i=1]/t1[j=0]/t0": ok(),
        },
        {"/t0[i=0]/t0": emits(items=[1, 2]), "a": emits(items=[True])},
    ),
    Tricky(
        "late_count_below_one",
        "A late range that fails is an error of the loop: nothing of it is begun, who waits is blocked, the run fails.",
        [
            make("f", "a"),
            loop("i", [1, 10, "(requested_metadata['a']['n'])"], null(), kind="log_range", name="l", **after("a")),
            null("b", "l"),
            null("c"),
        ],
        {"/t0": ok(), "/t2": blocked("/t1"), "/t3": ok()},
        {"a": emits(n=0)},
        failed=True,
    ),
    Tricky(
        "late_text_is_no_list",
        "A text is no list of values.",
        [make("f", "a"), loop("i", "(requested_metadata['a']['items'])", null(), **after("a"))],
        {"/t0": ok()},
        {"a": emits(items="abc")},
        failed=True,
    ),
    Tricky(
        "late_count_that_is_no_integer",
        "The number of values is an int, and a bool is none.",
        [
            make("f", "a"),
            loop("i", [0, 1, "(requested_metadata['a']['n'])"], null(), kind="linear_range", **after("a")),
        ],
        {"/t0": ok()},
        {"a": emits(n=True)},
        failed=True,
    ),
    Tricky(
        "range_of_an_outer_index",
        "An inner range may depend on an outer loop.",
        [loop("i", [1, 2], loop("j", [0, 1, "(metadata['i'])"], null(), kind="linear_range"))],
        {"/t0[i=0]/t0[j=0]/t0": ok(), "/t0[i=1]/t0[j=0]/t0": ok(), "/t0[i=1]/t0[j=1]/t0": ok()},
    ),
    Tricky(
        "inner_loop_variable_shadows",
        "Loop variables may shadow outer ones.",
        [
            loop(
                "i",
                [1, 2],
                loop("i", [7], choose("(metadata['i'] == 7 and metadata['i_index'] == 0)", [null()], None)),
                choose("(metadata['i'] == 2)", [null()], None),
            )
        ],
        {
            "/t0[i=0]/t0[i=0]/t0?then/t0": ok(),
            "/t0[i=1]/t0[i=0]/t0?then/t0": ok(),
            "/t0[i=1]/t1?then/t0": ok(),
        },
    ),
    Tricky(
        "range_of_one",
        "A range of one value is its first end.",
        [loop("i", [2, 5, 1], choose("(metadata['i'] == 2)", [null()], None), kind="linear_range")],
        {"/t0[i=0]/t0?then/t0": ok()},
    ),
    Tricky(
        "ends_are_exact",
        "Ranges hold both their ends, and their values are floats also when whole.",
        [
            loop(
                "i",
                [1, 1000, 4],
                choose("(str(metadata['i']) in ['1.0', '1000.0'])", [null()], None),
                kind="log_range",
            )
        ],
        {"/t0[i=0]/t0?then/t0": ok(), "/t0[i=3]/t0?then/t0": ok()},
    ),
    Tricky(
        "values_keep_their_type",
        "Values keep their JSON type: a bool is a bool, a text of digits is text, an int is no float.",
        [
            loop(
                "v",
                [True, "12", 12, 12.0],
                choose(
                    "(str(metadata['v']) + str(len(str(metadata['v']))) in ['True4', '122', '12.04'])", [null()], None
                ),
            )
        ],
        {f"/t0[v={i}]/t0?then/t0": ok() for i in range(4)},
    ),
    Tricky(
        "names_belong_to_an_iteration",
        "Names are per list instance: an iteration waits for its own tasks only.",
        [loop("i", [1, 2], null("a"), null("b", "a"))],
        {
            "/t0[i=0]/t0": failed(),
            "/t0[i=0]/t1": blocked("/t0[i=0]/t0"),
            "/t0[i=1]/t0": ok(),
            "/t0[i=1]/t1": ok("/t0[i=1]/t0"),
        },
        {"/t0[i=0]/t0": FAIL},
        failed=True,
    ),
    Tricky(
        "nearest_name_counts",
        "A name is looked for in the task's own list first.",
        [null("a"), loop("i", [1], null("a"), null("b", "a"))],
        {"/t0": failed(), "/t1[i=0]/t0": ok(), "/t1[i=0]/t1": ok("/t1[i=0]/t0")},
        {"/t0": FAIL},
        failed=True,
    ),
    Tricky(
        "metadata_of_a_loop",
        "A loop gives the list of its iterations' metadata by task name.",
        [
            loop("i", [1, 2], lazy("a"), name="l"),
            choose("(requested_metadata['l'][1]['a']['n'] == 5)", [null()], None, **after("l")),
        ],
        {"/t0[i=0]/t0": ok(), "/t0[i=1]/t0": ok(), "/t1?then/t0": ok()},
        {"/t0[i=0]/t0": emits(n=4), "/t0[i=1]/t0": emits(n=5)},
    ),
    Tricky(
        "failure_in_an_inner_loop",
        "A failure deep inside closes every unit around it, but no sibling in any of them.",
        [
            loop("i", [1], loop("j", [1, 2], null("a"), name="inner"), null("b", "inner"), null("c"), name="outer"),
            null("d", "outer"),
            null("e"),
        ],
        {
            "/t0[i=0]/t0[j=0]/t0": ok(),
            "/t0[i=0]/t0[j=1]/t0": error(),
            "/t0[i=0]/t1": blocked("/t0[i=0]/t0"),
            "/t0[i=0]/t2": ok(),
            "/t1": blocked("/t0"),
            "/t2": ok(),
        },
        {"*[j=1]/t0": ERROR},
        failed=True,
    ),
    Tricky(
        "dynamic_types",
        "The type of a task may depend on an index; the script knows it by the type that it has.",
        [
            loop(
                "k",
                ["x", "y"],
                task(
                    "'make_{k}'.format(**metadata)",
                    outputs={"file": "'f_{k_index}'.format(**metadata)"},
                ),
                use("'f_{k_index}'.format(**metadata)"),
            )
        ],
        {
            "/t0[k=0]/t0": ok(),
            "/t0[k=0]/t1": ok("/t0[k=0]/t0"),
            "/t0[k=1]/t0": failed(),
            "/t0[k=1]/t1": blocked("/t0[k=1]/t0"),
        },
        {"make_y": FAIL},
        failed=True,
    ),
    Tricky(
        "random_is_late",
        "`random` is there for every late expression.",
        [choose("(0 <= random.random() < 1 and random.randint(3, 3) == 3)", [null()], None)],
        {"/t0?then/t0": ok()},
    ),
]
