"""Named, counted criteria: what a quality control program says about the outputs of a task."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from eas_worker.context import BaseContext
from eas_worker.records import Criterion
from eas_worker.views import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eas_worker.attempt import Attempt
    from eas_worker.context import InputFile
    from eas_worker.logs import LogStream

SEVERITIES = ("fail", "warn")


class Verdict(NamedTuple):
    """What quality control says: pass, warn, fail or error; and why, in one line or several."""

    verdict: str
    reason: str


def bounds_of(description: Mapping[str, Any]) -> dict[str, Any]:
    """Return the bounds of criteria that a chain has moved."""
    overrides = description.get("qc")
    return overrides if isinstance(overrides, dict) else {}


class QualityContext(BaseContext):
    """What a quality control program works with, beside what `BaseContext` has.

    Attributes
    ----------
    inputs : View
        `InputFile` by port, a tuple of them for a port that takes several: what the program read, as far as it can
        still be had.
    outputs : View
        `InputFile` by port, a tuple of them for a port that makes many: what the program made; optional outputs that it
        did not make are not there.
    metadata : dict
        What the program emitted, and what was added here by `emit`.
    usage : dict
        What the program took, as in its record: ``wall_s``, ``cpu_s``, ``cpu_children_s``, ``peak_memory_bytes`` and
        others.
    criteria : list of Criterion
        What was checked so far.
    """

    def __init__(
        self,
        attempt: Attempt,
        stream: LogStream,
        outputs: Mapping[str, InputFile | tuple[InputFile, ...]],
        record: Mapping[str, Any],
    ) -> None:
        super().__init__(attempt, stream)
        self.inputs = View("input", attempt.show_inputs(required=False))
        self.outputs = View("output", outputs)
        self.metadata: dict[str, Any] = dict(record["metadata"])
        self.usage: dict[str, Any] = dict(record.get("usage") or {})
        self.criteria: list[Criterion] = []
        self._overrides = bounds_of(attempt.description)

    def check(  # noqa: PLR0913 - a criterion has that many sides
        self,
        name: str,
        value: object,
        *,
        minimum: float | None = None,
        maximum: float | None = None,
        severity: str = "fail",
        unit: str = "",
        quantity: str = "",
    ) -> bool:
        """Judge one thing, and return whether it is as it should be.

        Without bounds the value must be true. A value that is no finite number is never within bounds.

        Parameters
        ----------
        name : str
            Short name. A chain can override the bounds by it: with a number where there is one bound, else with an
            object of ``minimum`` and ``maximum``; null takes a bound away.
        value : float or bool
            What was measured.
        minimum, maximum : float, optional
            Bounds, themselves allowed.
        severity : str
            ``"fail"`` or ``"warn"``: the verdict when it is not as it should be.
        unit : str
            Unit of value and bounds.
        quantity : str
            What was measured, in words; default the name.
        """
        if severity not in SEVERITIES or name in self._names():
            raise ValueError(
                f"criterion {name!r}: severity must be one of {SEVERITIES}, and the name one that is not yet used"
            )
        given = {"minimum": minimum, "maximum": maximum}
        bound = _bound(name, {key: limit for key, limit in given.items() if limit is not None}, self._overrides)
        plain = _plain(value)
        result = "pass" if _is_met(plain, bound) else severity
        self.criteria.append(Criterion(name, quantity or name, plain, bound, unit, severity, result))
        return result == "pass"

    def verdict(self) -> Verdict:
        """Return the verdict of all criteria together."""
        reasons = [
            (criterion.result, _sentence(criterion)) for criterion in self.criteria if criterion.result != "pass"
        ]
        unknown = [name for name in self._overrides if name not in self._names()]
        if unknown:
            checked = ", ".join(self._names()) or "nothing"
            reasons.append(("warn", f"qc names {', '.join(unknown)}, but what was checked is {checked}"))
        if not reasons:
            return Verdict("pass", f"pass: {len(self.criteria)} criteria")
        reasons.sort(key=lambda reason: SEVERITIES.index(reason[0]))
        return Verdict(reasons[0][0], "\n".join(f"{result}: {sentence}" for result, sentence in reasons))

    def _names(self) -> list[str]:
        return [criterion.name for criterion in self.criteria]


def _bound(name: str, bound: dict[str, float], overrides: Mapping[str, Any]) -> dict[str, float | bool]:
    """Return the bounds of a criterion after what the chain says about them."""
    override = overrides.get(name, {})
    if isinstance(override, (int, float)) and not isinstance(override, bool) and len(bound) == 1:
        override = dict.fromkeys(bound, override)
    if not isinstance(override, dict) or (override and (not bound or not set(override) <= {"minimum", "maximum"})):
        raise ValueError(f"qc: {override!r} is no bound for {name!r}, which has {', '.join(bound) or 'none'}")
    merged = {key: limit for key, limit in {**bound, **override}.items() if limit is not None}
    return merged if bound else {"equals": True}


def _plain(value: object) -> float | bool | None:
    """Return a number or bool as plain Python; None for whatever is no finite number."""
    plain = value.tolist() if hasattr(value, "tolist") else value  # numpy's scalars
    if isinstance(plain, (bool, int)):
        return plain
    return float(plain) if isinstance(plain, float) and math.isfinite(plain) else None


def _is_met(value: float | bool | None, bound: Mapping[str, float | bool]) -> bool:  # noqa: FBT001 - a value, no switch
    if value is None:
        return False
    if "equals" in bound:
        return value is bound["equals"]
    return bound.get("minimum", -math.inf) <= value <= bound.get("maximum", math.inf)


def _sentence(criterion: Criterion) -> str:
    """Say what is wrong in one line."""
    value, bound = criterion.value, criterion.bound
    unit = f" {criterion.unit}" if criterion.unit else ""
    if "equals" in bound:
        return f"{criterion.name}: {criterion.quantity} is not so"
    if value is None:
        return f"{criterion.name}: {criterion.quantity} is no finite number"
    words = {"minimum": "at least", "maximum": "at most"}
    limits = " and ".join(f"{word} {bound[key]:.6g}{unit}" for key, word in words.items() if key in bound)
    return f"{criterion.name}: {criterion.quantity} is {value:.6g}{unit}, must be {limits}"
