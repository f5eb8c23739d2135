"""Small documents, each with mistakes that the language calls errors, the places to be shown and what is to be said."""

from tests.reference.broken_documents import DOCUMENT, LOOPS, NAMES, SYNTAX, TASKS
from tests.reference.broken_meaning import CIRCLES, EXPRESSIONS, FILES, HOSTILE, MANY, PARAMETERS, SEVERAL
from tests.reference.marking import Broken

__all__ = ["BROKEN", "SYNTAX", "Broken"]

BROKEN: list[Broken] = [
    *SYNTAX,
    *DOCUMENT,
    *TASKS,
    *NAMES,
    *LOOPS,
    *EXPRESSIONS,
    *HOSTILE,
    *FILES,
    *CIRCLES,
    *PARAMETERS,
    *MANY,
    *SEVERAL,
]
