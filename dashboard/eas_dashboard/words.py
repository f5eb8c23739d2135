"""How amounts, times and foreign text are written on pages.

What comes from a database is text of strangers. Tables and `st.text` show text as it is; wherever Streamlit reads
Markdown (titles, labels, notes), text goes through `code` or `name`.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from eas_provenance.lease import Freshness
from eas_provenance.queries import now
from eas_provenance.queries.clock import seconds

NOTHING = "·"
"""What stands where there is nothing."""
_GB = 10**9
_HARMLESS = re.compile(r"(?!www\.)[A-Za-z0-9]+(?:[ ._/-][A-Za-z0-9]+)*")
"""Text in which Markdown, with all that Streamlit adds to it, finds nothing to change."""
_NOT_IN_FILE_NAMES = re.compile(r"[^\w.+=-]+", re.ASCII)
_LONGEST_FILE_NAME = 120
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def printable(text: str, *, lines: bool = False) -> str:
    """Return a text with all that is no character to look at written out: control characters, changes of direction."""
    kept = "\n\t" if lines else ""
    return "".join(
        one if one.isprintable() or one in kept else one.encode("unicode_escape", "replace").decode() for one in text
    )


def line(text: str, most: int = 300) -> str:
    """Return the first line of a text, cut when it is long."""
    first, _, more = text.strip().partition("\n")
    shown = printable(first[: most + 1])
    return shown if len(shown) <= most and not more else f"{shown[: most - 1]}…"


def block(text: str, most: int = 20_000) -> str:
    """Return a text of several lines; of a long one, the end."""
    shown = printable(text[-most:], lines=True)
    return shown if len(text) <= most else f"… ({len(text) - most:,} characters before)\n{shown}"


def code(text: str) -> str:
    """Return Markdown that shows a text in one line of a fixed width, with nothing in it read as Markdown."""
    shown = line(text) or " "
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    space = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{space}{shown}{space}{fence}"


def name(text: str) -> str:
    """Return Markdown that shows a name: as it is where that is harmless, else as `code`."""
    return text if _HARMLESS.fullmatch(text) and len(text) <= 80 else code(text)


def file_name(text: str) -> str:
    """Return a name for a download that means nothing to any file system or shell."""
    last = text.replace("\\", "/").rpartition("/")[2]
    safe = _NOT_IN_FILE_NAMES.sub("_", last).lstrip(".-")[-_LONGEST_FILE_NAME:]
    return safe.lstrip(".-") or "file"


def value(given: Any) -> str:
    """Write a value of metadata or of a setting in one line."""
    if given is None:
        return NOTHING
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, float):
        return f"{given:.6g}"
    if isinstance(given, (list, dict)):
        return line(json.dumps(given, ensure_ascii=False))
    return line(str(given))


def bound(given: dict[str, Any]) -> str:
    """Write the bound of a criterion."""
    if "equals" in given:
        return f"= {value(given['equals'])}"
    signs = {"minimum": "≥", "maximum": "≤"}
    return ", ".join(f"{sign} {value(given[key])}" for key, sign in signs.items() if key in given) or NOTHING


def with_unit(label: str, unit: str) -> str:
    """Return the head of a column, or the title of an axis."""
    return f"{label} [{unit}]" if unit else label


def when(time: str | None) -> str:
    """Write a time of the database, which is UTC, as people read it."""
    return NOTHING if time is None else f"{time[:10]} {time[11:19]}"


def duration(seconds: float | None) -> str:
    """Write a duration with its two greatest units."""
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    days, hours_left = divmod(hours, 24)
    if not hours:
        return f"{minutes} min {rest} s"
    return f"{hours} h {minutes_left} min" if not days else f"{days} d {hours_left} h"


def took(begin: str | None, end: str | None) -> str:
    """Write how long something took, or takes until now."""
    if begin is None:
        return NOTHING
    return duration((datetime.fromisoformat(end or now()) - datetime.fromisoformat(begin)).total_seconds())


def size(amount_bytes: float | None) -> str:
    """Write the size of a file."""
    if amount_bytes is None:
        return NOTHING
    power = 0
    while amount_bytes >= 1000 and power < len(_UNITS) - 1:
        amount_bytes, power = amount_bytes / 1000, power + 1
    return f"{amount_bytes:.0f} B" if not power else f"{amount_bytes:.3g} {_UNITS[power]}"


def gigabytes(amount_bytes: int | None) -> float | None:
    """Return an amount of memory in GB, as chains and the registry give it."""
    return None if amount_bytes is None else amount_bytes / _GB


def followed(fresh: Freshness) -> str:
    """Return Markdown that says who follows a cluster, and how late what is shown of it is."""
    heard = f"last heard {duration(seconds(fresh.seen, now()))} ago" if fresh.seen else "never heard"
    if not fresh.owner:
        return f"Nobody follows {name(fresh.site)} now, {heard}: what is shown of its runs is as old."
    late = f", rows {fresh.lag_s:.1f} s late" if fresh.lag_s is not None else ""
    wrong = f": {code(fresh.message)}" if fresh.message else "."
    return f"{name(fresh.site)} is followed by {code(fresh.owner)}, {heard}{late}{wrong}"


def counted(number: int, one: str, several: str = "") -> str:
    """Write a number of things."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"
