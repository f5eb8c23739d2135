"""Expressions of all three times of evaluation, and the things they speak of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]

PARAMETERS = {"p": 2, "q": "(parameters['p'] + 1)", "t": "tt", "yes": True}


@dataclass(frozen=True, eq=False)
class Variable:
    """A variable of a loop; two loops may give theirs the same name, and the inner one shadows the other."""

    name: str
    late: bool = False  # only the run knows how often, or a do-while does
    has_value: bool = True  # a do-while sets an index only
    letters: bool = False  # its values are "x" and "y"
    is_rank: bool = False  # of a task's shards, whose rank is the value and the index

    @property
    def index(self) -> str:
        """The expression of its index."""
        return f"metadata['{self.key}']"

    @property
    def key(self) -> str:
        """What it is called in `metadata`."""
        return self.name if self.is_rank else f"{self.name}_index"


@dataclass(frozen=True)
class File:
    """A family of files: one for each combination of the indices of the loops around its producer."""

    stem: str
    directory: str
    variables: tuple[Variable, ...] = ()
    before: Variable | None = None  # the do-while loop whose last iteration made it
    first: bool = False  # made before that loop, for its first iteration

    @property
    def indices(self) -> list[str]:
        """The expressions of its indices."""
        return [f"{v.index} - 1" if v is self.before else v.index for v in self.variables]

    def name(self, draw: Draw) -> str:
        """Write its name in one of many ways, all of which are equal."""
        tail = "_0.gz" if self.first else ".gz"
        if not self.variables:
            return self.stem + tail
        holes = "_{}" * len(self.variables)
        ways = [
            f"'{self.stem}{holes}{tail}'.format({', '.join(self.indices)})",
            f"('{self.stem}{holes.replace('{}', '%d')}{tail}' % ({', '.join(self.indices)},))",
            '(f"' + self.stem + "".join(f"_{{{index}}}" for index in self.indices) + tail + '")',
            f"('{self.stem}' + " + " + ".join(f"'_' + str({index})" for index in self.indices) + f" + '{tail}')",
        ]
        if self.before is None:
            plain = "".join(f"_{{{variable.key}}}" for variable in self.variables)
            ways.insert(0, f"'{self.stem}{plain}{tail}'.format(**metadata)")
        return str(draw(st.sampled_from(ways)))

    def reference(self, draw: Draw, directory: str) -> str:
        """Write its name as a task of a directory has to."""
        name = self.name(draw)
        if directory == self.directory:
            return name
        return f"('repo://./{self.directory}/' + {name})" if self.variables else f"repo://./{self.directory}/{name}"

    def glob(self, draw: Draw, seen: "Frame") -> str:
        """Write a glob for all of its files that a task can gather, or for those of this iteration of a do-while."""
        shared = 0
        while shared < min(len(self.variables), len(seen.variables)) and (
            self.variables[shared] is seen.variables[shared]
        ):
            shared += 1
        holes = [
            "*" if at >= shared or (not variable.has_value and draw(st.booleans())) else f"{{{variable.index}}}"
            for at, variable in enumerate(self.variables)
        ]
        name = self.stem + "".join(f"_{hole}" for hole in holes) + ("_0.gz" if self.first else ".gz")
        directory = f"repo://./{self.directory}/" if self.directory != seen.directory else ""
        return f'(f"{directory}{name}")' if "{" in name else directory + name


@dataclass(frozen=True)
class Named:
    """A task, or flow control, that later ones may request metadata from."""

    name: str
    kind: str = "task"
    inner: tuple[str, ...] = ()  # of flow control: the tasks in its list that emit something

    def given(self, key: str) -> list[str]:
        """Expressions for a key of its metadata, or of that of the tasks in it."""
        asked = f"requested_metadata['{self.name}']"
        steps = {"task": [""], "shards": ["[0]"], "execution_for_loop": [f"[0]['{n}']" for n in self.inner]}
        return [f"{asked}{step}['{key}']" for step in steps.get(self.kind, [f"['{n}']" for n in self.inner])]


@dataclass
class Frame:
    """What is in sight while a list is written."""

    directory: str
    variables: tuple[Variable, ...] = ()
    files: list[File] = field(default_factory=list)
    names: dict[str, Named] = field(default_factory=dict)
    requested: dict[str, Named] = field(default_factory=dict)
    times: int = 1  # how often the list is run
    depth: int = 0

    @property
    def visible_variables(self) -> list[Variable]:
        """Variables that no inner one shadows."""
        return [variable for variable in self.variables if self.variable(variable.name) is variable]

    @property
    def shadows(self) -> bool:
        """Whether some index is out of sight, so that no file name made here could be unique."""
        return len(self.visible_variables) < len(self.variables)

    @property
    def visible_files(self) -> list[File]:
        """Files whose indices are all in sight."""
        seen = self.visible_variables
        return [file for file in self.files if all(variable in seen for variable in file.variables)]

    def variable(self, name: str) -> Variable:
        """Find the innermost variable of a name."""
        return next(variable for variable in reversed(self.variables) if variable.name == name)

    def inside(self, times: int = 1, **changes: Any) -> "Frame":
        """Go into a nested list, whose files and names stay there."""
        known = {
            "directory": self.directory,
            "variables": self.variables,
            "files": list(self.files),
            "names": dict(self.names),
            "requested": dict(self.requested),
        }
        return Frame(**(known | changes), times=self.times * times, depth=self.depth + 1)


def late(frame: Frame, key: str) -> list[str]:
    """Expressions for a key of whatever metadata has been requested."""
    return [expression for named in frame.requested.values() for expression in named.given(key)]


def numbers(frame: Frame) -> st.SearchStrategy[Any]:
    """Numbers of all times."""
    known = [1, 2.5, "(constants.year / 2)", "(parameters['q'] * 2)", "(round(sqrt(2), 3))", "(random.randint(4, 4))"]
    indexed = [f"({variable.index} + 1)" for variable in frame.visible_variables]
    loops = [named.name for named in frame.requested.values() if named.kind in {"execution_for_loop", "shards"}]
    counts = [f"(len(requested_metadata['{name}']))" for name in loops]
    both = [f"({asked} + {v.index})" for asked in late(frame, "n") for v in frame.visible_variables]
    lates = [f"({asked})" for key in ("n", "x") for asked in late(frame, key)]
    return st.one_of(*(st.sampled_from(group) for group in (known, indexed, lates, counts, both) if group))


def texts(frame: Frame) -> st.SearchStrategy[Any]:
    """Texts of all times."""
    known = [
        "plain",
        "12",
        "a (b)",
        "'quoted'",
        "(parameters['t'].upper())",
        "('%05.1f' % pi)",
        "(random.choice(['r']))",
    ]
    indexed = [f"'{{{variable.name}_index}}'.format(**metadata)" for variable in frame.visible_variables]
    lates = [f"({asked} + '!')" for asked in late(frame, "text")]
    return st.one_of(*(st.sampled_from(group) for group in (known, indexed, lates) if group))


def anything(frame: Frame) -> st.SearchStrategy[Any]:
    """Values of all types, plain or nested."""
    known = [True, "(1 < 2)", "([n ** 2 for n in range(3)])", "({'k': [1, 'two', None]})", [], {}]
    values = [f"(metadata['{variable.name}'])" for variable in frame.visible_variables if variable.has_value]
    lates = [f"({asked})" for key in ("items", "flag") for asked in late(frame, key)]
    plain = [st.sampled_from(group) for group in (known, values, lates) if group]
    leaf = st.one_of(*plain, numbers(frame), texts(frame))
    return st.one_of(
        leaf,
        st.lists(leaf, max_size=2),
        st.dictionaries(st.sampled_from(["k", "(1 + 1)", "'quoted'"]), leaf, max_size=2),
    )


def criteria(frame: Frame) -> st.SearchStrategy[Any]:
    """Bools of all times."""
    known = [True, False, "(1 < 2)", "(parameters['p'] > 2)", "(parameters['yes'])", "(random.random() < 0)"]
    indexed = [f"({variable.index} {sign} 1)" for variable in frame.visible_variables for sign in ("<", ">=")]
    values = [f"(metadata['{variable.name}'] == 1)" for variable in frame.visible_variables if variable.has_value]
    lates = [f"({asked})" for asked in late(frame, "flag")] + [f"({asked} > 1)" for asked in late(frame, "n")]
    both = [f"({asked} > {v.index})" for asked in late(frame, "n") for v in frame.visible_variables]
    two = [f"({one} <= {other})" for one in late(frame, "n") for other in late(frame, "n") if one != other]
    groups: list[list[Any]] = [known, indexed, values, lates, lates, both, two]
    return st.one_of(*(st.sampled_from(group) for group in groups if group))
