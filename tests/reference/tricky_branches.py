"""The rules of conditionals and do-while loops."""

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
    repeat,
    task,
    use,
)

BRANCHES = [
    Tricky(
        "static_criterion",
        "A criterion may be known at once; the branch not taken is not there.",
        [choose("(constants.month == 28)", [null("a")], [null("b")])],
        {"/t0?then/t0": ok()},
    ),
    Tricky(
        "bool_as_criterion",
        "A criterion may be a plain bool.",
        [choose(False, [null("a")], [null("b")])],
        {"/t0?else/t0": ok()},
    ),
    Tricky(
        "indexed_criterion",
        "A criterion may differ from iteration to iteration.",
        [loop("i", [1, 2], choose("(metadata['i_index'] == 0)", [null()], [null(), null()]))],
        {"/t0[i=0]/t0?then/t0": ok(), "/t0[i=1]/t0?else/t0": ok(), "/t0[i=1]/t0?else/t1": ok()},
    ),
    Tricky(
        "late_criterion",
        "A criterion may ask a task of the list; what is nested does not wait for that task itself.",
        [make("f", "a"), choose("(requested_metadata['a']['flag'])", [null()], [null(), null()], **after("a"))],
        {"/t0": ok(), "/t1?else/t0": ok(), "/t1?else/t1": ok()},
        {"a": emits(flag=False)},
    ),
    Tricky(
        "conditional_is_blocked",
        "A conditional whose metadata nobody gives is blocked: no branch of it is begun.",
        [
            make("f", "a"),
            choose("(requested_metadata['a']['flag'])", [null()], [null()], name="c", **after("a")),
            null("b", "c"),
        ],
        {"/t0": failed(), "/t2": blocked("/t1")},
        {"a": {"metadata": {"flag": True}, "verdict": "fail"}},
        failed=True,
    ),
    Tricky(
        "late_criterion_is_no_bool",
        "A criterion must be a bool: an error of the conditional, which blocks who waits for it.",
        [
            make("f", "a"),
            choose("(requested_metadata['a']['flag'])", [null()], [null()], name="c", **after("a")),
            null("b", "c"),
        ],
        {"/t0": ok(), "/t2": blocked("/t1")},
        {"a": emits(flag=1)},
        failed=True,
    ),
    Tricky(
        "late_criterion_without_key",
        "A key that is not there is an error of the conditional that asks for it.",
        [make("f", "a"), choose("(requested_metadata['a']['flag'])", [null()], [null()], **after("a")), null("b")],
        {"/t0": ok(), "/t2": ok()},
        failed=True,
    ),
    Tricky(
        "no_branch_to_take",
        "Waiting for a conditional of which no branch was taken goes on, with metadata {}.",
        [
            choose("(1 > 2)", [null("a")], None, name="c"),
            choose("(len(requested_metadata['c']) == 0)", [null()], None, **after("c")),
        ],
        {"/t1?then/t0": ok()},
    ),
    Tricky(
        "conditional_without_then",
        "A conditional may lack either branch.",
        [choose("(1 < 2)", None, [null("a")], name="c"), null("b", "c")],
        {"/t1": ok("/t0")},
    ),
    Tricky(
        "metadata_of_a_conditional",
        "A conditional gives the metadata of the branch taken, by task name.",
        [
            choose("(1 < 2)", [lazy("a")], [lazy("a")], name="c"),
            choose("(requested_metadata['c']['a']['n'] == 1)", [null()], None, **after("c")),
        ],
        {"/t0?then/t0": ok(), "/t1?then/t0": ok()},
        {"*?then/t0": emits(n=1), "*?else/t0": emits(n=2)},
    ),
    Tricky(
        "branch_starts_as_a_whole",
        "A branch is one unit: a closed gate that any task of it needs blocks all of it.",
        [make("f"), choose("(1 < 2)", [null(), use("f")], [null()], name="c"), null("b", "c")],
        {"/t0": failed(), "/t2": blocked("/t1")},
        {"make": FAIL},
        failed=True,
    ),
    Tricky(
        "other_branch_needs_nothing",
        "Each branch is a unit of its own: what only the other one takes does not block it.",
        [make("f"), choose("(1 > 2)", [use("f")], [null()])],
        {"/t0": failed(), "/t1?else/t0": ok()},
        {"make": FAIL},
        failed=True,
    ),
    Tricky(
        "failure_in_a_branch",
        "A branch with a failure closes its conditional.",
        [choose("(1 < 2)", [null("a"), null("b")], None, name="c"), null("d", "c")],
        {"/t0?then/t0": failed(), "/t0?then/t1": ok(), "/t1": blocked("/t0")},
        {"a": FAIL},
        failed=True,
    ),
    Tricky(
        "file_of_both_branches",
        "A file that both branches make is a file of the list around; the one that made it is waited for.",
        [
            loop(
                "i",
                [1, 2],
                choose(
                    "(metadata['i'] == 1)",
                    [make("'f_{i_index}'.format(**metadata)")],
                    [null(), make("'f_{i_index}'.format(**metadata)")],
                ),
                use("'f_{i_index}'.format(**metadata)"),
            )
        ],
        {
            "/t0[i=0]/t0?then/t0": ok(),
            "/t0[i=0]/t1": ok("/t0[i=0]/t0?then/t0"),
            "/t0[i=1]/t0?else/t0": ok(),
            "/t0[i=1]/t0?else/t1": ok(),
            "/t0[i=1]/t1": ok("/t0[i=1]/t0?else/t1"),
        },
    ),
    Tricky(
        "file_of_both_branches_of_both_branches",
        "A file that both branches of a nested conditional make is one of the branch around, and so on.",
        [
            choose("(1 > 2)", [make("f")], [choose("(1 < 2)", [group(make("f"))], [make("f")])]),
            use("f"),
        ],
        {"/t0?else/t0?then/t0/t0": ok(), "/t1": ok("/t0?else/t0?then/t0/t0")},
    ),
    Tricky(
        "maker_in_a_branch_fails",
        "The one that should have made the file of both branches is waited for.",
        [choose("(1 < 2)", [make("f")], [make("f")]), use("f")],
        {"/t0?then/t0": error(), "/t1": blocked("/t0?then/t0")},
        {"make": ERROR},
        failed=True,
    ),
    Tricky(
        "file_of_a_branch_inside_it",
        "A file of one branch is seen inside that branch, also deeper.",
        [choose("(1 < 2)", [make("f"), loop("i", [1], use("f"))], None)],
        {"/t0?then/t0": ok(), "/t0?then/t1[i=0]/t0": ok("/t0?then/t0")},
    ),
    Tricky(
        "unit_that_waits_for_a_branch",
        "A unit may need the file that both branches make.",
        [choose("(1 < 2)", [make("f")], [make("f")]), loop("i", [1], use("f"), null())],
        {"/t0?then/t0": failed()},
        {"make": FAIL},
        failed=True,
    ),
]

REPEATS = [
    Tricky(
        "body_runs_once",
        "The body of a do-while runs at least once; its iterations count from 1.",
        [repeat("n", "(1 > 2)", null(), name="r"), null("b", "r")],
        {"/t0#1/t0": ok(), "/t1": ok("/t0")},
    ),
    Tricky(
        "counted_repetition",
        "A criterion may depend on the number of the iteration.",
        [repeat("n", "(metadata['n_index'] < 3)", null())],
        {"/t0#1/t0": ok(), "/t0#2/t0": ok(), "/t0#3/t0": ok()},
    ),
    Tricky(
        "file_of_the_iteration_before",
        "A task sees the files of earlier iterations, and for the first one what was made before the loop.",
        [
            make("f_0"),
            repeat(
                "n",
                "(metadata['n_index'] < 2)",
                use("'f_{}'.format(metadata['n_index'] - 1)", "'f_{}'.format(metadata['n_index'])"),
            ),
        ],
        {"/t0": ok(), "/t1#1/t0": ok("/t0"), "/t1#2/t0": ok("/t1#1/t0")},
    ),
    Tricky(
        "files_of_two_iterations_before",
        "All earlier iterations are seen, not the last one only.",
        [
            make("f_0"),
            make("f_-1"),
            repeat(
                "n",
                "(metadata['n_index'] < 3)",
                task(
                    "use",
                    inputs={
                        "one": "'f_{}'.format(metadata['n_index'] - 1)",
                        "two": "'f_{}'.format(metadata['n_index'] - 2)",
                    },
                    outputs={"file": "'f_{}'.format(metadata['n_index'])"},
                ),
            ),
        ],
        {
            "/t0": ok(),
            "/t1": ok(),
            "/t2#1/t0": ok("/t0", "/t1"),
            "/t2#2/t0": ok("/t2#1/t0", "/t0"),
            "/t2#3/t0": ok("/t2#2/t0", "/t2#1/t0"),
        },
    ),
    Tricky(
        "file_of_the_iteration_before_in_a_loop",
        "Units in the body see earlier iterations as tasks do.",
        [
            make("f_0"),
            repeat(
                "n",
                "(metadata['n_index'] < 2)",
                loop("i", [1], use("'f_{}'.format(metadata['n_index'] - 1)")),
                make("'f_{}'.format(metadata['n_index'])"),
            ),
        ],
        {
            "/t0": ok(),
            "/t1#1/t0[i=0]/t0": ok("/t0"),
            "/t1#1/t1": ok(),
            "/t1#2/t0[i=0]/t0": ok("/t1#1/t1"),
            "/t1#2/t1": ok(),
        },
    ),
    Tricky(
        "do_while_is_blocked_as_a_whole",
        "What only the first iteration takes from outside blocks the loop.",
        [
            make("f_0"),
            repeat(
                "n",
                "(metadata['n_index'] < 2)",
                null(),
                use("'f_{}'.format(metadata['n_index'] - 1)", "'f_{}'.format(metadata['n_index'])"),
            ),
        ],
        {"/t0": failed()},
        {"make": FAIL},
        failed=True,
    ),
    Tricky(
        "repetition_by_metadata",
        "The criterion sees the metadata of the body's tasks of this iteration.",
        [repeat("n", "(requested_metadata['a']['flag'])", lazy("a"), child=["a"])],
        {"/t0#1/t0": ok(), "/t0#2/t0": ok(), "/t0#3/t0": ok()},
        {"a": {"metadata": [{"flag": True}, {"flag": True}, {"flag": False}]}},
    ),
    Tricky(
        "last_scripted_metadata_stays",
        "Iterations beyond the scripted list take its last element.",
        [
            repeat(
                "n",
                "(requested_metadata['a']['n'] == 1 or metadata['n_index'] < 4 and requested_metadata['a']['n'] == 2)",
                lazy("a"),
                child=["a"],
            )
        ],
        {f"/t0#{n}/t0": ok() for n in (1, 2, 3, 4)},
        {"a": {"metadata": [{"n": 1}, {"n": 2}]}},
    ),
    Tricky(
        "failure_ends_a_do_while",
        "A failure in the body ends the loop, which has then failed; the rest of that iteration still runs.",
        [repeat("n", "(metadata['n_index'] < 3)", null("a"), null("b"), name="r"), null("c", "r")],
        {
            "/t0#1/t0": ok(),
            "/t0#1/t1": ok(),
            "/t0#2/t0": failed(),
            "/t0#2/t1": ok(),
            "/t1": blocked("/t0"),
        },
        {"/t0#2/t0": FAIL},
        failed=True,
    ),
    Tricky(
        "max_iterations_is_a_failure",
        "Still true after max_iterations is a failure, which blocks who waits for the loop.",
        [repeat("n", "(1 < 2)", null(), name="r", max_iterations=2), null("c", "r"), null()],
        {"/t0#1/t0": ok(), "/t0#2/t0": ok(), "/t1": blocked("/t0"), "/t2": ok()},
        failed=True,
    ),
    Tricky(
        "max_iterations_just_reached",
        "A criterion that is false after the last iteration allowed is none.",
        [repeat("n", "(metadata['n_index'] < 2)", null(), name="r", max_iterations=2), null("c", "r")],
        {"/t0#1/t0": ok(), "/t0#2/t0": ok(), "/t1": ok("/t0")},
    ),
    Tricky(
        "repeat_criterion_without_key",
        "A criterion that fails is an error of the loop.",
        [repeat("n", "(requested_metadata['a']['flag'])", lazy("a"), child=["a"], name="r"), null("c", "r")],
        {"/t0#1/t0": ok(), "/t0#2/t0": ok(), "/t1": blocked("/t0")},
        {"a": {"metadata": [{"flag": True}, {}]}},
        failed=True,
    ),
    Tricky(
        "repeat_criterion_is_no_bool",
        "A criterion must be a bool.",
        [repeat("n", "(requested_metadata['a']['flag'])", lazy("a"), child=["a"])],
        {"/t0#1/t0": ok()},
        {"a": emits(flag=0)},
        failed=True,
    ),
    Tricky(
        "metadata_of_a_do_while",
        "A do-while gives the metadata of its last iteration.",
        [
            repeat("n", "(metadata['n_index'] < 2)", lazy("a"), name="r"),
            choose("(requested_metadata['r']['a']['n'] == 2)", [null()], None, **after("r")),
        ],
        {"/t0#1/t0": ok(), "/t0#2/t0": ok(), "/t1?then/t0": ok()},
        {"a": {"metadata": [{"n": 1}, {"n": 2}]}},
    ),
    Tricky(
        "do_while_in_a_loop",
        "Every iteration of a loop has its own do-while.",
        [
            loop("i", [1, 2], repeat("n", "(metadata['n_index'] < metadata['i'])", null()), name="l"),
            null("b", "l"),
        ],
        {"/t0[i=0]/t0#1/t0": ok(), "/t0[i=1]/t0#1/t0": ok(), "/t0[i=1]/t0#2/t0": ok(), "/t1": ok("/t0")},
    ),
    Tricky(
        "innermost_do_while_counts_metadata",
        "The scripted list is counted by the innermost do-while around.",
        [
            repeat(
                "m",
                "(metadata['m_index'] < 2)",
                repeat("n", "(requested_metadata['a']['flag'])", lazy("a"), child=["a"], max_iterations=3),
            )
        ],
        {"/t0#1/t0#1/t0": ok(), "/t0#1/t0#2/t0": ok(), "/t0#2/t0#1/t0": ok(), "/t0#2/t0#2/t0": ok()},
        {"a": {"metadata": [{"flag": True}, {"flag": False}]}},
    ),
    Tricky(
        "outer_iteration_before_in_inner_do_while",
        "An inner do-while sees the earlier iterations of the outer one.",
        [
            make("g_0"),
            repeat(
                "m",
                "(metadata['m_index'] < 2)",
                repeat(
                    "n", "(metadata['n_index'] < 2)", use("'g_{}'.format(metadata['m_index'] - 1)"), max_iterations=3
                ),
                make("'g_{}'.format(metadata['m_index'])"),
            ),
        ],
        {
            "/t0": ok(),
            "/t1#1/t0#1/t0": ok("/t0"),
            "/t1#1/t0#2/t0": ok("/t0"),
            "/t1#1/t1": ok(),
            "/t1#2/t0#1/t0": ok("/t1#1/t1"),
            "/t1#2/t0#2/t0": ok("/t1#1/t1"),
            "/t1#2/t1": ok(),
        },
    ),
    Tricky(
        "branches_of_iterations",
        "A conditional in a do-while decides anew in every iteration.",
        [
            repeat(
                "n",
                "(metadata['n_index'] < 2)",
                choose("(metadata['n_index'] % 2 == 0)", [loop("i", [1], null())], [null()]),
            )
        ],
        {"/t0#1/t0?else/t0": ok(), "/t0#2/t0?then/t0[i=0]/t0": ok()},
    ),
    Tricky(
        "metadata_of_a_loop_in_a_do_while",
        "A do-while gives the metadata of its last iteration, that of the loops in it too.",
        [
            repeat(
                "n",
                "(metadata['n_index'] < 2)",
                lazy("a"),
                loop("m", [1, 2], lazy("b"), name="l"),
                name="r",
                max_iterations=3,
            ),
            make(
                "f", "c", "r", b="(requested_metadata['r']['a']['text'] + requested_metadata['r']['l'][1]['b']['text'])"
            ),
        ],
        {
            "/t0#1/t0": ok(),
            "/t0#1/t1[m=0]/t0": ok(),
            "/t0#1/t1[m=1]/t0": ok(),
            "/t0#2/t0": ok(),
            "/t0#2/t1[m=0]/t0": ok(),
            "/t0#2/t1[m=1]/t0": ok(),
            "/t1": ok("/t0"),
        },
        {"lazy": {"metadata": {"text": "T"}}},
    ),
    Tricky(
        "names_of_loop_variables_by_index",
        "The name of a loop variable may depend on loops around it.",
        [
            loop(
                "a",
                ["x", "y"],
                loop(
                    "'p_{a}'.format(**metadata)",
                    [1],
                    make("'f_{a_index}'.format(**metadata)", b="('p_' + metadata['a'])"),
                ),
                repeat("'n_{a}'.format(**metadata)", "(False)", null()),
            )
        ],
        {
            "/t0[a=0]/t0[p_x=0]/t0": ok(),
            "/t0[a=0]/t1#1/t0": ok(),
            "/t0[a=1]/t0[p_y=0]/t0": ok(),
            "/t0[a=1]/t1#1/t0": ok(),
        },
    ),
]
