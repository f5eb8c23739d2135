"""Two chains with scripts, which hold every construct. In one all goes well, in the other nothing does.

Both are there a second time, with every task judged in the pod of its program.
"""

from dataclasses import dataclass, replace
from hashlib import sha256
from json import dumps
from typing import Any

from tests.reference.tricky_inline import inline
from tests.reference.writing import (
    ERROR,
    FAIL,
    NO_WORK,
    Node,
    after,
    choose,
    emits,
    lazy,
    loop,
    make,
    repeat,
    task,
    use,
)


@dataclass(frozen=True)
class Scenario:
    """A chain, what its tasks do, and how the run ends.

    Beside what `eas simulate` takes, an entry of the script may say that so many tries raise (`raises`), that the
    program (`run`) or its gate (`qc`) is `killed`, or that the program takes so many `megabytes`.
    """

    name: str
    task_list: list[Node]
    script: Node
    phase: str


def checked(value: Any) -> Node:
    """Return the settings of a task that fails when its value has changed on its way."""
    return {"value": value, "sha256": sha256(dumps(value).encode()).hexdigest()}


def flag(name: str) -> str:
    """Return the criterion that a task emitted a true flag."""
    return f"(requested_metadata['{name}']['flag'])"


AWKWARD = [
    "{{workflow.name}}",
    "{{=1 + 1}}",
    "{{tasks.t0.outputs.parameters.x}}",
    "}} {{",
    "{\\u007b",
    "$(EAS_RUN)",
    "${a}",
    "`id`",
    "a \"q\" 's'",
    "two\nlines\ttab\r",
    "nul\0del\x7f\x85",
    "\U0001f600 é \u2028 \ufeff",
    "-",
    "",
    "null",
    "yes",
]
AWKWARD_NAME = "a b%é'{{x}}$(EAS_RUN).gz"
INDEXED = "'{}_{{}}.gz'.format(metadata['{}_index'])"
LATE = "(requested_metadata['start']['items'])"

OPEN = Scenario(
    "open",
    [
        make("start.gz", "start"),
        loop(
            "i",
            LATE,
            make(INDEXED.format("part", "i"), "part"),
            choose(flag("part"), [use(INDEXED.format("part", "i"))], [task("make")], **after("part")),
            **after("start"),
        ),
        loop(
            "kind",
            ["x", "y"],
            task("'make_{kind}'.format(**metadata)", "first", outputs={"file": "'{kind}_0.gz'.format(**metadata)"}),
            repeat(
                "N",
                flag("step"),
                task(
                    "'make_{kind}'.format(**metadata)",
                    "step",
                    inputs={"one": "'{}_{}.gz'.format(metadata['kind'], metadata['N_index'] - 1)"},
                    outputs={"file": "'{}_{}.gz'.format(metadata['kind'], metadata['N_index'])"},
                ),
                child=["step"],
                name="steps",
            ),
            task("make", None, "steps", **checked(7) | {"value": "(requested_metadata['steps']['step']['n'])"}),
            name="kinds",
        ),
        choose(flag("start"), [lazy(None, "either.gz")], [make("either.gz")], **after("start")),
        use("either.gz"),
        task("stubborn"),
        make(AWKWARD_NAME, **checked(AWKWARD)),
        use(AWKWARD_NAME),
    ],
    {
        "start": emits(flag=True, items=[3, 4]),
        "/t1[i=0]/t0": emits(flag=True),
        "/t1[i=1]/t0": emits(flag=False) | {"verdict": "warn"},
        "/t2[kind=0]/*/t0": emits(flag=False, n=7),
        "/t2[kind=1]/*/t0": {"metadata": [{"flag": True}, {"flag": False, "n": 7}]},
        "lazy": NO_WORK,
        "stubborn": {"raises": 1, "megabytes": 8},
    },
    "Succeeded",
)

CLOSED = Scenario(
    "closed",
    [
        make("start.gz", "start"),
        loop(
            "i",
            LATE,
            make(INDEXED.format("part", "i"), "part"),
            use(INDEXED.format("part", "i")),
            name="parts",
            **after("start"),
        ),
        task("make", None, "parts"),
        choose(flag("start"), [make("either.gz", "raising")], [make("either.gz")], **after("start")),
        use("either.gz"),
        task("make", "silent"),
        choose(
            f"({flag('start')} and {flag('silent')})",
            [task("make")],
            [task("make")],
            name="unanswered",
            **after("start", "silent"),
        ),
        task("make", None, "unanswered"),
        repeat("N", flag("step"), task("make", "step"), child=["step"], name="endless", max_iterations=2),
        task("make", None, "endless"),
        loop(
            "kind",
            ["x", "y"],
            task("'make_{kind}'.format(**metadata)", "first"),
            choose(flag("first"), [task("make")], [], **after("first")),
        ),
        task("make", "killed"),
        choose(flag("killed"), [task("make")], [], **after("killed")),
        task("make", "hopeless", outputs={"file": "hopeless.gz"}),
        use("hopeless.gz"),
    ],
    {
        "start": emits(flag=True, items=[3, 4, 5]),
        "/t1[i=1]/t0": FAIL,
        "raising": ERROR,
        "step": emits(flag=True),
        "make_x": emits(flag=True) | FAIL,
        "make_y": emits(flag=True),
        "killed": emits(flag=True) | ERROR | {"killed": "qc"},
        "hopeless": ERROR | {"killed": "run"},
    },
    "Failed",
)

LOST = Scenario(
    "lost",
    [
        inline(task("stubborn", "grows")),
        task("make", None, "grows"),
        inline(task("stubborn", "bursts")),
        task("make", None, "bursts"),
        inline(task("short", "slow")),
        task("make", None, "slow"),
        inline(task("make", "killed")),
        choose(flag("killed"), [task("make")], [], **after("killed")),
    ],
    {
        "grows": {"megabytes": 90},
        "bursts": ERROR | {"megabytes": 400},
        "slow": ERROR | {"seconds": 60},
        "killed": emits(flag=True) | ERROR | {"killed": "qc"},
    },
    "Failed",
)
"""Pods that end before they have judged: for want of memory, for want of time, and while they judge."""

NAMES = ["part_0.gz", "part_2.gz"]
GATHERED = Scenario(
    "gathered",
    [
        make("start.gz", "start"),
        loop("i", LATE, make(INDEXED.format("part", "i"), "part"), **after("start")),
        task("join", "parts", inputs={"files": "part_*.gz"}, outputs={"file": "parts.gz"}),
        use("parts.gz"),
        repeat("N", flag("step"), make(INDEXED.format("step", "N"), "step"), child=["step"]),
        choose(flag("start"), [make("branch.gz")], None, **after("start")),
        task("join", "mixed", inputs={"files": ["branch.gz", "step_*.gz", "start.gz"]}),
        loop(
            "i",
            [1, 2],
            loop("j", [1, 2, 3], make("'{}_{}.gz'.format(metadata['i_index'], metadata['j_index'])")),
            task("join", "row", inputs={"files": "'{}_*.gz'.format(metadata['i_index'])"}),
        ),
        task("make", "silent"),
        loop("i", [1], make(INDEXED.format("never", "i")), **after("silent")),
        task("join", inputs={"files": "never_*.gz"}),
    ],
    {
        "start": emits(flag=True, items=[3, 4, 5]),
        "/t1[i=1]/t0": FAIL,
        "parts": {"gathers": NAMES},
        "step": {"metadata": [{"flag": True}, {"flag": False}]},
        "mixed": {"gathers": ["branch.gz", "step_1.gz", "step_2.gz", "start.gz"]},
        "/t7[i=1]/t0[j=0]/t0": ERROR,
        "/t7[i=1]/t0[j=1]/t0": FAIL,
        "silent": FAIL,
    },
    "Failed",
)
"""Gathering over a loop, a do-while and a branch; too few; and what was never made."""

SCENARIOS = [OPEN, CLOSED, LOST, GATHERED]
SCENARIOS += [
    replace(scenario, name=f"{scenario.name}_inline", task_list=[inline(node) for node in scenario.task_list])
    for scenario in (OPEN, CLOSED, GATHERED)
]
