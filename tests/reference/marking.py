"""A short way to write documents with mistakes in them, and where the mistakes are."""

import json
import re
from dataclasses import dataclass

HERE = "▶"  # a mistake begins here
OR_HERE = "▷"  # or here: both places show it


@dataclass(frozen=True)
class Broken:
    """A document, and for each mistake in it a pattern that message and hint together must match, in any case.

    In the text, one sign stands before the key or value that each mistake is about, another before places that are as
    good. Both belong to no document: `source` is without them.
    """

    name: str
    text: str
    messages: tuple[str, ...]

    @property
    def source(self) -> str:
        """The document itself."""
        return self.text.replace(HERE, "").replace(OR_HERE, "")

    @property
    def places(self) -> list[list[tuple[int, int]]]:
        """For each mistake the places, as line and column from 1, that may be shown for it; the first is the best."""
        places: list[list[tuple[int, int]]] = []
        line, column = 1, 1
        for sign in self.text:
            if sign == HERE:
                places.append([(line, column)])
            elif sign == OR_HERE:
                places[-1].append((line, column))
            else:
                line, column = (line + 1, 1) if sign == "\n" else (line, column + 1)
        return places

    def shows(self, mistake: int, line: int, column: int) -> bool:
        """Tell whether a place is right for a mistake; of an expression every part is."""
        return any(
            line == right_line and column - right_column in range(self.width(right_line, right_column))
            for right_line, right_column in self.places[mistake]
        )

    def width(self, line: int, column: int) -> int:
        """Give the length of the expression that begins at a place, and 1 for all else."""
        rest = "".join(self.source.splitlines(keepends=True)[line - 1 :])[column - 1 :]
        if not re.match(r"""["]\s*['"(]""", rest):
            return 1
        return json.JSONDecoder().raw_decode(rest)[1]


def tasks(*texts: str, head: str = "") -> str:
    """Write a document whose task_list has these entries, one a line."""
    return f'{{\n  {head}"task_list": [\n    ' + ",\n    ".join(texts) + "\n  ]\n}\n"


def setting(expression: str, more: str = "") -> str:
    """Write a document with a mistake in one expression of a setting."""
    return tasks(f'{{"task": "make", "outputs": {{"file": "f"}}, "c": ▶"{expression}"{more}}}')


def in_loop(*texts: str, values: str = "[1, 2]") -> str:
    """Write a document with a loop over i around these entries."""
    loop = f'{{"task": "execution_for_loop", "parameter": "i", "values": {values}, "task_list": [\n      '
    return tasks(loop + ",\n      ".join(texts) + "\n    ]}")
