"""Compare what the engine makes of a chain with what the reference interpreter makes of it."""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eas.simulate import Simulation
from eas_argo.laptop.stubs import Entry, Script
from eas_compiler import render
from eas_compiler.compile import Options, compile_chain
from eas_compiler.fit import Limits
from tests.reference.interpreter import Line, Outcome, lines_by_path

USUAL = Limits()
REGISTRY = Path(__file__).parents[1] / "property/registry.yaml"


def compiled(chain: Mapping[str, Any], limits: Limits = USUAL) -> dict[str, Any]:
    """Compile a chain with the registry of the tests."""
    options = Options(registry=REGISTRY, limits=limits)
    workflow, checked = compile_chain("chain.json", json.dumps(chain).encode(), options)
    assert workflow is not None, "".join(map(render.as_text, checked.diagnostics))
    return workflow


def simulate(chain: Mapping[str, Any], script: Mapping[str, Any], limits: Limits = USUAL) -> Simulation:
    """Compile a chain, and run it with scripted stubs."""
    entries = {key: Entry(said.get("metadata", {}), said.get("verdict", "pass")) for key, said in script.items()}
    return Simulation(compiled(chain, limits), Script(entries))


def differences(want: Outcome, simulation: Simulation) -> Iterator[str]:
    """Say where a simulation differs: in its lines, in whether the run failed, or in the phase of the workflow."""
    wanted = lines_by_path(want.lines)
    got = lines_by_path(json.loads(json.dumps(simulation.lines())))
    for path in wanted.keys() ^ got.keys():
        yield f"{path} is printed by the {'reference' if path in wanted else 'engine'} alone"
    for path in wanted.keys() & got.keys():
        for key in differing_fields(wanted[path], got[path]):
            yield f"{path}, {key}: {wanted[path].get(key)!r} became {got[path].get(key)!r}"
    if want.failed is not simulation.is_failed:
        yield f"the run {'failed' if want.failed else 'succeeded'}, but by its states it did not"
    if want.failed is (simulation.phase == "Succeeded"):
        yield f"the run {'failed' if want.failed else 'succeeded'}, but its workflow is {simulation.phase}"


def differing_fields(want: Line, got: Line) -> list[str]:
    """Give the fields in which two lines differ; a task that did not run need not have settings."""
    may_lack = {"settings"} if want["state"] in {"blocked", "error"} else set()
    fields = sorted((want.keys() | got.keys()) - (may_lack - (want.keys() & got.keys())))
    wrong = [key for key in fields if key not in want or key not in got or not same(want[key], got[key])]
    return [key for key in wrong if key != "after" or not both_name_flow_control(want, got)]


def both_name_flow_control(want: Line, got: Line) -> bool:
    """Tell whether a blocked task's `after` differs only in which conditional would have made a file.

    The language says that it is the task which made the file; it does not say what it is when nobody did.
    """
    differing = set(want["after"]) ^ set(got["after"])
    is_one_for_one = len(want["after"]) == len(got["after"])
    return want["state"] == "blocked" and is_one_for_one and all("?" in path for path in differing)


def same(want: Any, got: Any) -> bool:
    """Tell whether two values agree: numbers to rounding, all else exactly; a random number only has to be one."""
    if isinstance(want, dict) and "$nondeterministic" in want:
        return isinstance(got, int | float) and not isinstance(got, bool)
    if isinstance(want, bool) or isinstance(got, bool):
        return want is got
    if isinstance(want, int | float) and isinstance(got, int | float):
        return math.isclose(want, got, rel_tol=1e-12, abs_tol=1e-15)
    if isinstance(want, dict) and isinstance(got, dict):
        return want.keys() == got.keys() and all(same(want[key], got[key]) for key in want)
    if isinstance(want, list) and isinstance(got, list):
        return len(want) == len(got) and all(map(same, want, got))
    return bool(want == got)
