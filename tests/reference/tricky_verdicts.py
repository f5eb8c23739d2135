"""The rules of verdicts, of metadata, of scripts and of expressions."""

from tests.reference.writing import (
    ERROR,
    FAIL,
    NO_WORK,
    WARN,
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
    no_work,
    null,
    ok,
    repeat,
    task,
    use,
    warned,
)

VERDICTS = [
    Tricky(
        "warning_is_open",
        "The gate of a task with a warning is open, and its metadata is there.",
        [make("f", "a"), make("g", None, "a", a="(requested_metadata['a']['x'])")],
        {"/t0": warned(), "/t1": ok("/t0")},
        {"a": {"verdict": "warn", "metadata": {"x": 1.5}}},
    ),
    Tricky(
        "late_setting_without_key",
        "A late expression that fails is an error of the task that asks.",
        [make("f", "a"), make("g", "b", "a", a="(requested_metadata['a']['x'])"), null("c", "b")],
        {"/t0": ok(), "/t1": error("/t0"), "/t2": blocked("/t1")},
        failed=True,
    ),
    Tricky(
        "late_setting_that_breaks_a_unit",
        "An error of an expression closes the unit around it as any other.",
        [
            make("f", "a"),
            loop(
                "i",
                [0, 1],
                make("'g_{i_index}'.format(**metadata)", c="(1 / (metadata['i'] * requested_metadata['a']['n']))"),
                name="l",
                **after("a"),
            ),
            null("c", "l"),
        ],
        {"/t0": ok(), "/t1[i=0]/t0": error(), "/t1[i=1]/t0": ok(), "/t2": blocked("/t1")},
        {"a": emits(n=1)},
        failed=True,
    ),
    Tricky(
        "request_of_an_enclosing_task",
        "Requested metadata is visible in the branches and bodies nested in the task that requested it.",
        [
            make("f", "a"),
            choose(
                "(1 < 2)",
                [repeat("n", "(1 > 2)", make("'g_{n_index}'.format(**metadata)", a="(requested_metadata['a']['x'])"))],
                None,
                **after("a"),
            ),
        ],
        {"/t0": ok(), "/t1?then/t0#1/t0": ok()},
        {"a": emits(x=1.0)},
    ),
    Tricky(
        "criterion_on_an_enclosing_request",
        "An inner criterion may use what an outer task requested, together with an inner index.",
        [
            make("f", "a"),
            loop("i", [1, 2], choose("(metadata['i'] == requested_metadata['a']['n'])", [null()], None), **after("a")),
        ],
        {"/t0": ok(), "/t1[i=1]/t0?then/t0": ok()},
        {"a": emits(n=2)},
    ),
    Tricky(
        "criterion_on_two_tasks",
        "A criterion may ask several tasks.",
        [
            make("f", "a"),
            make("g", "b"),
            choose("(requested_metadata['a']['n'] < requested_metadata['b']['n'])", [null()], None, **after("a", "b")),
        ],
        {"/t0": ok(), "/t1": ok(), "/t2?then/t0": ok()},
        {"a": emits(n=1), "b": emits(n=2)},
    ),
    Tricky(
        "no_work",
        "Without work the gate is closed, but the run succeeds.",
        [lazy("a", "f"), use("f", None, "b"), null("c", "b")],
        {"/t0": no_work(), "/t1": blocked("/t0"), "/t2": blocked("/t1")},
        {"lazy": NO_WORK},
    ),
    Tricky(
        "no_work_in_a_loop",
        "A task without work does not close the unit around it, nor do those that it blocks.",
        [
            loop("i", [1, 2], lazy("a"), null("b", "a")),
            loop("i", [1], lazy("c"), null("d", "c"), name="l"),
            null("e", "l"),
        ],
        {
            "/t0[i=0]/t0": no_work(),
            "/t0[i=0]/t1": blocked("/t0[i=0]/t0"),
            "/t0[i=1]/t0": ok(),
            "/t0[i=1]/t1": ok("/t0[i=1]/t0"),
            "/t1[i=0]/t0": no_work(),
            "/t1[i=0]/t1": blocked("/t1[i=0]/t0"),
            "/t2": ok("/t1"),
        },
        {"/t0[i=0]/t0": NO_WORK, "c": NO_WORK},
    ),
    Tricky(
        "no_work_blocks_a_unit",
        "A unit that needs a task without work is blocked, and who waits for that unit too; nothing has failed.",
        [lazy("a", "f"), loop("i", [1], use("f"), name="l"), null("b", "l")],
        {"/t0": no_work(), "/t2": blocked("/t1")},
        {"a": NO_WORK},
    ),
    Tricky(
        "unit_blocked_by_no_work_in_a_unit",
        "A unit blocked for lack of work does not close the unit around it.",
        [loop("i", [1], lazy("a"), loop("j", [1], null(), **after("a")), name="l"), null("b", "l")],
        {"/t0[i=0]/t0": no_work(), "/t1": ok("/t0")},
        {"a": NO_WORK},
    ),
    Tricky(
        "no_work_in_a_branch",
        "A file of both branches that was not made for lack of work blocks its reader, though the branch is open.",
        [
            choose("(1 < 2)", [lazy("a", "f")], [make("f")], name="c"),
            use("f"),
            null("b", "c"),
        ],
        {"/t0?then/t0": no_work(), "/t1": blocked("/t0?then/t0"), "/t2": ok("/t0")},
        {"a": NO_WORK},
    ),
    Tricky(
        "no_work_in_a_do_while",
        "A body in which a task had no work has ended well.",
        [repeat("n", "(metadata['n_index'] < 2)", lazy("a"), null("b", "a"), name="r"), null("c", "r")],
        {
            "/t0#1/t0": no_work(),
            "/t0#1/t1": blocked("/t0#1/t0"),
            "/t0#2/t0": ok(),
            "/t0#2/t1": ok("/t0#2/t0"),
            "/t1": ok("/t0"),
        },
        {"/t0#1/t0": NO_WORK},
    ),
    Tricky(
        "no_work_of_the_iteration_before",
        "A file that an earlier iteration had no work for blocks its reader, but not the loop.",
        [
            make("f_0"),
            repeat(
                "n",
                "(metadata['n_index'] < 2)",
                use("'f_{}'.format(metadata['n_index'] - 1)"),
                lazy("a", "'f_{}'.format(metadata['n_index'])"),
                name="r",
            ),
            null("b", "r"),
        ],
        {
            "/t0": ok(),
            "/t1#1/t0": ok("/t0"),
            "/t1#1/t1": no_work(),
            "/t1#2/t0": blocked("/t1#1/t1"),
            "/t1#2/t1": no_work(),
            "/t2": ok("/t1"),
        },
        {"a": NO_WORK},
    ),
    Tricky(
        "no_work_and_failure",
        "What is blocked by a failure closes its unit, though a lack of work blocks it too.",
        [lazy("x"), loop("i", [1], lazy("a"), null("b"), null("c", "a", "b"), name="l"), null("d", "l")],
        {
            "/t0": ok(),
            "/t1[i=0]/t0": no_work(),
            "/t1[i=0]/t1": failed(),
            "/t1[i=0]/t2": blocked("/t1[i=0]/t0", "/t1[i=0]/t1"),
            "/t2": blocked("/t1"),
        },
        {"a": NO_WORK, "b": FAIL},
        failed=True,
    ),
    Tricky(
        "no_work_blocks_a_conditional",
        "A conditional that asks a task without work is blocked, and the run succeeds.",
        [
            lazy("a"),
            choose("(requested_metadata['a']['flag'])", [null()], [null()], name="c", **after("a")),
            null("b", "c"),
        ],
        {"/t0": no_work(), "/t2": blocked("/t1")},
        {"a": NO_WORK},
    ),
    Tricky(
        "failure_in_a_branch_not_taken",
        "What is scripted for tasks that never run does nothing.",
        [choose("(1 < 2)", [null("a")], [null("b")])],
        {"/t0?then/t0": ok()},
        {"b": FAIL, "nobody": ERROR},
    ),
    Tricky(
        "gather_after_a_loop",
        "A gather waits for the loops that make its files, and takes those that passed.",
        [
            loop("i", [1, 2], make("'evs_{i_index}'.format(**metadata)"), name="l"),
            task("join", inputs={"files": "evs_*"}),
            null("b", "l"),
        ],
        {"/t0[i=0]/t0": failed(), "/t0[i=1]/t0": ok(), "/t1": ok("/t0"), "/t2": blocked("/t0")},
        {"/t0[i=0]/t0": FAIL},
        failed=True,
    ),
    Tricky(
        "gather_of_what_is_blocked",
        "A gather whose producers are all blocked is blocked.",
        [
            null("a"),
            loop("i", [1], make("'evs_{i_index}'.format(**metadata)"), **after("a")),
            task("join", inputs={"files": "evs_*"}),
        ],
        {"/t0": failed(), "/t2": blocked("/t1")},
        {"a": FAIL},
        failed=True,
    ),
]

SCRIPTS = [
    Tricky(
        "path_before_pattern_before_name_before_type",
        "The path counts first, then a pattern of it, then the name, then the type; entries are not merged.",
        [null("a"), null("b"), null("c"), null()],
        {"/t0": ok(), "/t1": warned(), "/t2": failed(), "/t3": error()},
        {"null": ERROR, "a": FAIL, "b": FAIL, "c": FAIL, "/*1": WARN, "/t0": {"metadata": {"n": 1}}},
        failed=True,
    ),
    Tricky(
        "first_pattern_counts",
        "Of several patterns the first in the file counts.",
        [null("a"), null("b")],
        {"/t0": warned(), "/t1": failed()},
        {"/?0": WARN, "/t*": FAIL},
        failed=True,
    ),
    Tricky(
        "brackets_stand_for_themselves",
        "In a pattern `*` is any text, `/` included, `?` any one character, and brackets are brackets.",
        [loop("i", [1, 2], null(), group(null()))],
        {"/t0[i=0]/t0": ok(), "/t0[i=0]/t1/t0": ok(), "/t0[i=1]/t0": warned(), "/t0[i=1]/t1/t0": warned()},
        {"/t0[i=01]/*": FAIL, "/t0?i=1?*": WARN},
    ),
    Tricky(
        "pattern_of_the_whole_path",
        "A pattern has to match the path from end to end.",
        [null("a")],
        {"/t0": ok()},
        {"t0*": FAIL, "/t?0": FAIL, "*/": FAIL},
    ),
    Tricky(
        "paths_with_question_marks",
        "A path that names a branch stands for itself, letter by letter.",
        [choose("(1 < 2)", [null("a"), null("b")], None)],
        {"/t0?then/t0": warned(), "/t0?then/t1": failed()},
        {"a": ERROR, "/t0*": FAIL, "/t0?then/t0": WARN},
        failed=True,
    ),
]

EXPRESSIONS = [
    Tricky(
        "parameters_refer_to_each_other",
        "Parameters may be static expressions and refer to each other, in any order.",
        [choose("(parameters['b'] == 3)", [null()], None)],
        {"/t0?then/t0": ok()},
        fields={"parameters": {"b": "(parameters['a'] + 1)", "a": 2}},
    ),
    Tricky(
        "blanks_before_an_expression",
        "An expression is told by its first character that is no blank.",
        [choose(" \t (1 < 2)", [null()], None)],
        {"/t0?then/t0": ok()},
    ),
    Tricky(
        "text_with_brackets_inside",
        "Any other text is literal.",
        [loop("v", ["1 (2)", "(1 + 2)"], choose("(metadata['v'] in ['1 (2)', 3])", [null()], None))],
        {"/t0[v=0]/t0?then/t0": ok(), "/t0[v=1]/t0?then/t0": ok()},
    ),
    Tricky(
        "whole_subset",
        "Slices, comprehensions, f-strings, `%`, methods of texts, conditional and chained operators are there.",
        [
            choose(
                "('{:>3}|%s'.format(f'{1 + 1:02d}'[::-1]) % 'x'.upper() == ' 20|X'"
                " and sum(n ** 2 for n in range(4) if n % 2) == 10 and not [] and (1 if 0 < 1 <= 1 else 2) == 1"
                " and {k: v for k, v in zip('ab', [1, 2])}['b'] == 2 and None is None)",
                [null()],
                None,
            )
        ],
        {"/t0?then/t0": ok()},
    ),
    Tricky(
        "value_of_a_list_by_index",
        "A file name may come from a table that is looked up by an index.",
        [
            loop(
                "i",
                [1, 2],
                make("(['left', 'right'][metadata['i_index']] + '.gz')"),
                use("(['left', 'right'][metadata['i_index']] + '.gz')"),
            )
        ],
        {
            "/t0[i=0]/t0": ok(),
            "/t0[i=0]/t1": ok("/t0[i=0]/t0"),
            "/t0[i=1]/t0": ok(),
            "/t0[i=1]/t1": ok("/t0[i=1]/t0"),
        },
    ),
    Tricky(
        "indices_are_integers",
        "An index in a file name is written without a fraction, also when the values are floats.",
        [loop("i", [0, 1, 2], make("'f_{}'.format(metadata['i_index'])"), kind="linear_range"), use("f_0.0")],
        {"/t0[i=0]/t0": ok(), "/t0[i=1]/t0": ok(), "/t1": ok()},
    ),
]
