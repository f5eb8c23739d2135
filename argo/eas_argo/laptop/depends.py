"""`depends`: which steps have to be there, and how they must have ended.

The grammar is::

    depends = all { "||" all }
    all     = one { "&&" one }
    one     = "(" depends ")" | step "." result
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from eas_argo.laptop.forms import UnsupportedError

_TOKEN = re.compile(r"\s*(?:([A-Za-z0-9][\w-]*)\.(\w+)|(\|\||&&|\(|\)))")
_PHASES = {"Succeeded": "Succeeded", "Failed": "Failed", "Errored": "Error", "Skipped": "Skipped", "Omitted": "Omitted"}

Test = Callable[[Mapping[str, str]], bool]


class Depends(NamedTuple):
    """The steps that are waited for, and the test of their phases."""

    steps: frozenset[str]
    test: Test


def _always(_: Mapping[str, str]) -> bool:
    return True


NONE = Depends(frozenset(), _always)


@lru_cache(maxsize=4096)
def parse(text: str) -> Depends:
    """Return what a `depends` says; raise `UnsupportedError` for anything outside of the grammar."""
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.steps = text, set[str]()
        self.tokens: list[re.Match[str]] = []
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._unknown()
            self.tokens.append(match)
            at = match.end()
        self.at = 0

    def whole(self) -> Depends:
        test = self._any()
        if self.at < len(self.tokens):
            raise self._unknown()
        return Depends(frozenset(self.steps), test)

    def _unknown(self) -> UnsupportedError:
        return UnsupportedError(f"the dependence {self.text!r} is not known to the embedded engine")

    def _sign(self) -> str | None:
        return self.tokens[self.at][3] if self.at < len(self.tokens) else None

    def _any(self) -> Test:
        tests = [self._all()]
        while self._sign() == "||":
            self.at += 1
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda phases: any(test(phases) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._sign() == "&&":
            self.at += 1
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda phases: all(test(phases) for test in tests)

    def _one(self) -> Test:
        if self.at >= len(self.tokens):
            raise self._unknown()
        token = self.tokens[self.at]
        self.at += 1
        if token[3] == "(":
            inner = self._any()
            if self._sign() != ")":
                raise self._unknown()
            self.at += 1
            return inner
        if token[2] not in _PHASES:
            raise self._unknown()
        step, phase = token[1], _PHASES[token[2]]
        self.steps.add(step)
        return lambda phases: phases[step] == phase
