"""Small chains, each of which shows one rule of the language, with what must become of their tasks.

What is expected was written by hand from the language. It is reduced to state, verdict and the tasks waited for.
"""

from tests.reference.tricky_branches import BRANCHES, REPEATS
from tests.reference.tricky_inline import INLINE
from tests.reference.tricky_loops import CHAINS, LOOPS, ORDER
from tests.reference.tricky_verdicts import EXPRESSIONS, SCRIPTS, VERDICTS
from tests.reference.writing import Tricky

__all__ = ["TRICKY", "Tricky"]

TRICKY: list[Tricky] = [*ORDER, *CHAINS, *LOOPS, *BRANCHES, *REPEATS, *VERDICTS, *SCRIPTS, *EXPRESSIONS, *INLINE]
