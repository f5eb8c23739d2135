"""Say what part of the planets that were put in was found again, as a function of how strong their transits were.

The multiple event statistic (mes) is the expected signal-to-noise ratio of all transits of a light curve together. Of a
search that decides at a threshold t of the ratio that it measures, mes plus a normal deviate of 1, the part found would
be Φ(mes - t). It is shown beside the parts that were found, with the t that fits each search best.

The parts are those of bins of mes that hold the same number of light curves. Their uncertainties are Wilson's (1927,
JASA 22, 209) for one standard deviation, which stay within 0 and 1.
"""

from __future__ import annotations

import csv
import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

from eas_worker import Context, Failed, task

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

OUTCOMES = ("PASS", "FAIL")
THRESHOLDS = [0.1 * step for step in range(301)]


class Planet(NamedTuple):
    """One search for one planet: the statistic of its transits, and whether it was found."""

    mes: float
    is_found: bool


class Part(NamedTuple):
    """A bin of mes: its mean, how many planets, what part was found, and within which limits that is known."""

    mes: float
    planets: int
    found: float
    low: float
    high: float


@task
def run(ctx: Context) -> None:
    """Write table and picture."""
    searches: dict[str, list[Planet]] = {}
    for file in ctx.files("searches"):
        mes, outcome = file.metadata.get("mes"), file.metadata.get("outcome")
        if mes is not None and outcome in OUTCOMES:
            name = str(file.loop_variables.get(ctx.settings.group, "search"))
            searches.setdefault(name, []).append(Planet(mes, outcome == "PASS"))
    if not searches:
        raise Failed("of no search both mes and outcome are known")
    parts = {name: parts_of(planets, ctx.settings.bins) for name, planets in sorted(searches.items())}
    thresholds = {name: threshold_of(searches[name]) for name in parts}
    write_table(ctx.output("table"), parts)
    draw(ctx.output("picture"), parts, thresholds)
    everything = [planet for planets in searches.values() for planet in planets]
    ctx.emit(
        searches=list(parts),
        thresholds=list(thresholds.values()),
        planets=len(everything),
        found=sum(planet.is_found for planet in everything),
    )


def parts_of(planets: Sequence[Planet], bins: int) -> list[Part]:
    """Return what part was found in each of so many bins of mes, which hold about the same number of planets."""
    ordered = sorted(planets)
    edges = [round(k * len(ordered) / bins) for k in range(bins + 1)]
    return [part_of(ordered[a:b]) for a, b in itertools.pairwise(edges) if a < b]


def part_of(planets: Sequence[Planet]) -> Part:
    """Return what part of some planets was found."""
    number, found = len(planets), sum(planet.is_found for planet in planets)
    share = found / number
    middle = (share + 0.5 / number) / (1 + 1 / number)
    half = math.sqrt(share * (1 - share) / number + 0.25 / number**2) / (1 + 1 / number)
    mes = sum(planet.mes for planet in planets) / number
    return Part(mes, number, share, min(max(0.0, middle - half), share), max(min(1.0, middle + half), share))


def expected(mes: float, threshold: float) -> float:
    """Return the part that is found at a threshold of the measured ratio, Φ(mes - threshold)."""
    return 0.5 * math.erfc((threshold - mes) / math.sqrt(2))


def threshold_of(planets: Sequence[Planet]) -> float:
    """Return the threshold under which what was found is most likely."""

    def loss(threshold: float) -> float:
        parts = (
            expected(planet.mes, threshold) if planet.is_found else 1 - expected(planet.mes, threshold)
            for planet in planets
        )
        # A single planet far from the curve, a mishap of one in a hundred, does not decide.
        return -sum(math.log(0.99 * part + 0.005) for part in parts)

    return min(THRESHOLDS, key=loss)


def write_table(path: Path, searches: dict[str, list[Part]]) -> None:
    """Write a line for each search and bin."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["search", *Part._fields])
        for name, parts in searches.items():
            table.writerows([name, *part] for part in parts)


def draw(path: Path, searches: dict[str, list[Part]], thresholds: dict[str, float]) -> None:
    """Draw what part was found over mes; the same parts always give the same bytes."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    longest = max(part.mes for parts in searches.values() for part in parts)
    steps = [longest * k / 200 for k in range(201)]
    for name, parts in searches.items():
        below = [part.found - part.low for part in parts]
        above = [part.high - part.found for part in parts]
        mes, found = [part.mes for part in parts], [part.found for part in parts]
        line = axes.errorbar(mes, found, yerr=[below, above], fmt="o", capsize=2, label=name)
        curve = [expected(step, thresholds[name]) for step in steps]
        axes.plot(steps, curve, color=line[0].get_color(), linewidth=1)
    axes.set(xlabel="mes of the transits put in", ylabel="part found again", ylim=(-0.03, 1.03))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, format="png", dpi=120, metadata={"Software": None})
    plt.close(figure)
