"""What pages look like: one colour and one mark for each state, verdict, outcome and severity.

The colours are those of Okabe and Ito, darkened so that white and black text beside them, and both backgrounds, keep
their contrast; no meaning hangs on a colour alone, as its word or mark stands beside it. Grounds and fonts are in
`.streamlit/config.toml`.
"""

from __future__ import annotations

from typing import NamedTuple

BLUE, GREEN, ORANGE, VERMILION, PURPLE, GREY, YELLOW, SKY = (
    "#2F6DB5",
    "#1D7F60",
    "#B7700A",
    "#C4451C",
    "#9A5385",
    "#74808F",
    "#8C7A00",
    "#2A8CA8",
)
STATES = {
    "failed": VERMILION,
    "error": "#9C2B3F",
    "blocked": ORANGE,
    "interrupted": YELLOW,
    "cancelled": PURPLE,
    "running": BLUE,
    "waiting": GREY,
    "skipped": "#8E97A3",
    "succeeded": GREEN,
}
"""The states of runs and tasks, from those that somebody has to look at on."""
VERDICTS = {"fail": VERMILION, "error": "#9C2B3F", "warn": ORANGE, "no_work": GREY, "replaced": GREY, "pass": GREEN}
SEVERITIES = {
    "critical": "#9C2B3F",
    "error": VERMILION,
    "warning": ORANGE,
    "info": BLUE,
    "status": SKY,
    "debug": GREY,
}
_BADGES = {
    GREEN: "green",
    VERMILION: "red",
    "#9C2B3F": "red",
    ORANGE: "orange",
    YELLOW: "orange",
    PURPLE: "violet",
    BLUE: "blue",
}


class Mark(NamedTuple):
    """How one outcome is drawn in a map."""

    colour: str
    symbol: str


OUTCOMES = {
    "PASS": Mark("#0072B2", "circle"),
    "FAIL": Mark("#D55E00", "x"),
    "UNDEFINED": Mark("#8A8F98", "diamond-open"),
}
OTHER = Mark("#9A5385", "square-open")
"""How whatever else is drawn."""
INK, LINES = "#7B8794", "rgba(123, 135, 148, 0.35)"
"""Text and lines that can be read on light and on dark ground."""


def badge(state: str) -> str:
    """Return the name of the colour in which Streamlit's badges show a state."""
    return _BADGES.get(STATES.get(state, GREY), "gray")


def mark(outcome: str) -> Mark:
    """Return how an outcome is drawn."""
    return OUTCOMES.get(outcome, OTHER)


def in_order(states: dict[str, int]) -> dict[str, int]:
    """Return the states that some are in, from those that somebody has to look at on."""
    known = [state for state in STATES if states.get(state)]
    return {state: states[state] for state in (*known, *sorted(set(states) - set(STATES))) if states[state]}
