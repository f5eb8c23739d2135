"""The rules of tasks that are judged in the pod of their program: they are those of all others."""

from tests.reference.writing import (
    ERROR,
    FAIL,
    NO_WORK,
    WARN,
    Node,
    Tricky,
    after,
    blocked,
    choose,
    emits,
    error,
    failed,
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


def inline(node: Node) -> Node:
    """Have a task, or every task inside a flow-control task, judged where it runs."""
    lists: Node = {
        key: [inline(inner) for inner in node[key]] for key in ("task_list", "else_task_list") if key in node
    }
    return {**node, **lists} if lists else {**node, "qc": "inline"}


INLINE = [
    Tricky(
        "inline_is_open",
        "Pass and warn open the way, and metadata are there.",
        [inline(make("f", "a")), inline(make("g", "b", "a", a="(requested_metadata['a']['x'])")), null(None, "b")],
        {"/t0": warned(), "/t1": ok("/t0"), "/t2": ok("/t1")},
        {"a": WARN | emits(x=1.5)},
    ),
    Tricky(
        "inline_is_closed",
        "Fail and error close the way, for those who wait alone; neither is tried away or hidden.",
        [
            inline(make("f", "a")),
            use("f", None, "b"),
            inline(make("g", "c")),
            inline(null("d", "c")),
            inline(null("e")),
        ],
        {"/t0": failed(), "/t1": blocked("/t0"), "/t2": error(), "/t3": blocked("/t2"), "/t4": ok()},
        {"a": FAIL, "c": ERROR},
        failed=True,
    ),
    Tricky(
        "inline_with_a_failing_setting",
        "A late expression that fails is an error of the task that asks.",
        [make("f", "a"), inline(make("g", "b", "a", a="(requested_metadata['a']['x'])")), null(None, "b")],
        {"/t0": ok(), "/t1": error("/t0"), "/t2": blocked("/t1")},
        failed=True,
    ),
    Tricky(
        "inline_in_a_loop",
        "One iteration that fails closes the loop, when all of it has ended.",
        [
            loop("i", [1, 2, 3], inline(null("a")), inline(null("b", "a")), name="l"),
            inline(null("c", "l")),
            loop("i", [1, 2], inline(null("d")), name="m"),
            null("e", "m"),
        ],
        {
            "/t0[i=0]/t0": ok(),
            "/t0[i=0]/t1": ok("/t0[i=0]/t0"),
            "/t0[i=1]/t0": failed(),
            "/t0[i=1]/t1": blocked("/t0[i=1]/t0"),
            "/t0[i=2]/t0": error(),
            "/t0[i=2]/t1": blocked("/t0[i=2]/t0"),
            "/t1": blocked("/t0"),
            "/t2[i=0]/t0": ok(),
            "/t2[i=1]/t0": ok(),
            "/t3": ok("/t2"),
        },
        {"/t0[i=1]/t0": FAIL, "/t0[i=2]/t0": ERROR},
        failed=True,
    ),
    Tricky(
        "inline_answers",
        "Ranges, criteria and repeat conditions are answered by the task itself.",
        [
            inline(make("f", "a")),
            loop("i", "(requested_metadata['a']['items'])", inline(null()), **after("a")),
            choose("(requested_metadata['a']['flag'])", [inline(null())], [null()], **after("a")),
            repeat(
                "n",
                "(requested_metadata['d']['flag'])",
                inline(make("'g_{n_index}'.format(**metadata)", "d")),
                child=["d"],
            ),
        ],
        {
            "/t0": ok(),
            "/t1[i=0]/t0": ok(),
            "/t1[i=1]/t0": ok(),
            "/t2?else/t0": ok(),
            "/t3#1/t0": ok(),
            "/t3#2/t0": ok(),
        },
        {"a": emits(items=[5, 6], flag=False), "d": {"metadata": [{"flag": True}, {"flag": False}]}},
    ),
    Tricky(
        "inline_answers_that_fail",
        "A question without an answer is a failure of who asks, not of the task.",
        [
            inline(make("f", "a")),
            choose("(requested_metadata['a']['flag'])", [null()], [null()], name="b", **after("a")),
            null("c", "b"),
            inline(null("d", "a")),
        ],
        {"/t0": ok(), "/t2": blocked("/t1"), "/t3": ok("/t0")},
        failed=True,
    ),
    Tricky(
        "inline_asked_together_with_another",
        "A question over several tasks is asked of both forms alike.",
        [
            inline(make("f", "a")),
            make("g", "b"),
            choose("(requested_metadata['a']['n'] < requested_metadata['b']['n'])", [null()], None, **after("a", "b")),
        ],
        {"/t0": ok(), "/t1": ok(), "/t2?then/t0": ok()},
        {"a": emits(n=1), "b": emits(n=2)},
    ),
    Tricky(
        "inline_without_work",
        "Without work the way is closed, but the run succeeds, and so does the unit around it.",
        [
            inline(lazy("a", "f")),
            inline(use("f", None, "b")),
            loop("i", [1, 2], inline(lazy("c")), inline(null("d", "c")), name="l"),
            inline(null("e", "l")),
        ],
        {
            "/t0": no_work(),
            "/t1": blocked("/t0"),
            "/t2[i=0]/t0": no_work(),
            "/t2[i=0]/t1": blocked("/t2[i=0]/t0"),
            "/t2[i=1]/t0": ok(),
            "/t2[i=1]/t1": ok("/t2[i=1]/t0"),
            "/t3": ok("/t2"),
        },
        {"a": NO_WORK, "/t2[i=0]/t0": NO_WORK},
    ),
    Tricky(
        "inline_type_that_may_have_no_work_breaks",
        "What broke had no lack of work: it is an error, and closes the unit.",
        [loop("i", [1, 2], inline(lazy("a")), null("b", "a"), name="l"), null("c", "l")],
        {
            "/t0[i=0]/t0": error(),
            "/t0[i=0]/t1": blocked("/t0[i=0]/t0"),
            "/t0[i=1]/t0": failed(),
            "/t0[i=1]/t1": blocked("/t0[i=1]/t0"),
            "/t1": blocked("/t0"),
        },
        {"/t0[i=0]/t0": ERROR, "/t0[i=1]/t0": FAIL},
        failed=True,
    ),
    Tricky(
        "inline_file_of_both_branches",
        "A file of both branches was made or not by whichever branch was taken.",
        [
            loop(
                "i",
                [1, 2, 3],
                choose(
                    "(metadata['i'] < 3)",
                    [inline(lazy("a", "'f_{i_index}'.format(**metadata)"))],
                    [inline(make("'f_{i_index}'.format(**metadata)"))],
                ),
                inline(use("'f_{i_index}'.format(**metadata)")),
            )
        ],
        {
            "/t0[i=0]/t0?then/t0": no_work(),
            "/t0[i=0]/t1": blocked("/t0[i=0]/t0?then/t0"),
            "/t0[i=1]/t0?then/t0": ok(),
            "/t0[i=1]/t1": ok("/t0[i=1]/t0?then/t0"),
            "/t0[i=2]/t0?else/t0": ok(),
            "/t0[i=2]/t1": ok("/t0[i=2]/t0?else/t0"),
        },
        {"/t0[i=0]*": NO_WORK},
    ),
    Tricky(
        "inline_type_by_index",
        "Of several types, some of which may have no work, each is judged in its own way.",
        [
            loop(
                "i",
                ["make", "lazy", "lazy", "make"],
                inline(task("(metadata['i'])", "a", outputs={"file": "'f_{i_index}'.format(**metadata)"})),
                inline(use("'f_{i_index}'.format(**metadata)")),
            )
        ],
        {
            "/t0[i=0]/t0": ok(),
            "/t0[i=0]/t1": ok("/t0[i=0]/t0"),
            "/t0[i=1]/t0": no_work(),
            "/t0[i=1]/t1": blocked("/t0[i=1]/t0"),
            "/t0[i=2]/t0": ok(),
            "/t0[i=2]/t1": ok("/t0[i=2]/t0"),
            "/t0[i=3]/t0": failed(),
            "/t0[i=3]/t1": blocked("/t0[i=3]/t0"),
        },
        {"/t0[i=1]/t0": NO_WORK, "/t0[i=3]/t0": FAIL},
        failed=True,
    ),
    Tricky(
        "inline_that_waits_for_others_by_index",
        "What somebody waits for in one iteration alone does not hide its failure in another.",
        [
            loop(
                "i",
                [1, 2],
                inline(make("'f_{i_index}'.format(**metadata)")),
                inline(make("'g_{i_index}'.format(**metadata)")),
                inline(use("(['f_0', 'g_1'][metadata['i_index']])", None, "a")),
                inline(null("b", "a")),
                name="l",
            ),
            null("c", "l"),
        ],
        {
            "/t0[i=0]/t0": ok(),
            "/t0[i=0]/t1": ok(),
            "/t0[i=0]/t2": ok("/t0[i=0]/t0"),
            "/t0[i=0]/t3": ok("/t0[i=0]/t2"),
            "/t0[i=1]/t0": failed(),
            "/t0[i=1]/t1": ok(),
            "/t0[i=1]/t2": ok("/t0[i=1]/t1"),
            "/t0[i=1]/t3": ok("/t0[i=1]/t2"),
            "/t1": blocked("/t0"),
        },
        {"/t0[i=1]/t0": FAIL},
        failed=True,
    ),
    Tricky(
        "inline_in_a_do_while_without_work",
        "Files of earlier iterations, one of which had no work, are waited for.",
        [
            make("f_0"),
            repeat(
                "n",
                "(metadata['n_index'] < 3)",
                inline(
                    task(
                        "lazy",
                        inputs={"one": "'f_{}'.format(metadata['n_index'] - 1)"},
                        outputs={"file": "'f_{n_index}'.format(**metadata)"},
                    )
                ),
            ),
        ],
        {"/t0": ok(), "/t1#1/t0": ok("/t0"), "/t1#2/t0": no_work("/t1#1/t0"), "/t1#3/t0": blocked("/t1#2/t0")},
        {"/t1#2/t0": NO_WORK},
    ),
    Tricky(
        "inline_in_a_do_while_that_fails",
        "A failure ends the loop, which has then failed.",
        [
            repeat(
                "n",
                "(requested_metadata['a']['flag'])",
                inline(make("'f_{n_index}'.format(**metadata)", "a")),
                child=["a"],
                name="r",
            ),
            null("b", "r"),
        ],
        {"/t0#1/t0": ok(), "/t0#2/t0": error(), "/t1": blocked("/t0")},
        {"a": emits(flag=True), "/t0#2/t0": ERROR},
        failed=True,
    ),
    Tricky(
        "inline_metadata_of_a_loop",
        "The metadata of a loop are those of its iterations, in whichever form their tasks ran.",
        [
            loop("i", [1, 2], inline(make("'f_{i_index}'.format(**metadata)", "a")), name="l"),
            inline(make("g", "b", "l", a="(requested_metadata['l'][1]['a']['n'])")),
        ],
        {"/t0[i=0]/t0": ok(), "/t0[i=1]/t0": ok(), "/t1": ok("/t0")},
        {"a": emits(n=7)},
    ),
]
