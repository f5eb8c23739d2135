"""The catalogue of codes: what each diagnostic means, with a document that is wrong and one that is right.

Its source is `catalogue.yaml`; `eas explain` and the pages in `docs/diagnostics/` are made from it.
"""

from __future__ import annotations

import os
from functools import cache
from typing import NamedTuple

from eas_compiler.source import read_bytes

SOURCE = os.path.join(os.path.dirname(__file__), "catalogue.yaml")
CHECK = "eas check chain.json"


class Entry(NamedTuple):
    """What is known of a code.

    `wrong` and `right` are texts of `file`, or commands where `command` says so; `chain` is the chain that goes with
    them when `file` is another document. `command` finds the mistake; `saved` is the encoding of the wrong example, and
    `times` how often its tasks stand in their list.
    """

    code: str
    severity: str
    title: str
    doc: str
    wrong: str
    right: str
    file: str = "chain.json"
    chain: str | None = None
    command: str = CHECK
    saved: str = "utf-8"
    times: int = 1


@cache
def load() -> dict[str, Entry]:
    """Return all entries by their codes, in the order of the source."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = yaml.load(read_bytes(SOURCE), Loader=loader)  # noqa: S506 - a safe loader
    return {code: Entry(code, **fields) for code, fields in found.items()}


def page(entry: Entry, said: str = "") -> str:
    """Return an entry as a page of Markdown; `said` is what EAS says of the wrong example."""
    from textwrap import fill

    parts = [f"# {entry.code}", f"{entry.severity}: **{entry.title}**", fill(entry.doc.strip(), 120)]
    if entry.chain:
        parts += ["With this chain:", _block(entry.chain)]
    if entry.command != CHECK:
        parts.append(f"Found by `{entry.command}`.")
    what = "" if entry.file == "chain.json" else f" (`{entry.file}`)"
    parts += [f"Wrong{what}{_beside(entry)}:", _block(entry.wrong)]
    if said:
        parts += ["EAS says:", _block(said, "text")]
    parts += [f"Right{what}:", _block(entry.right)]
    return "\n\n".join(parts) + "\n"


def _beside(entry: Entry) -> str:
    """Tell what the text of the wrong example does not show."""
    saved = "" if entry.saved == "utf-8" else f", saved as {entry.saved}"
    return saved + (f", with {entry.times:,} such tasks" if entry.times > 1 else "")


def _block(text: str, language: str = "") -> str:
    return f"```{language}\n{text.rstrip()}\n```"


def as_text(entry: Entry) -> str:
    """Return an entry for a terminal."""
    from textwrap import fill, indent

    parts = [f"{entry.code} ({entry.severity}): {entry.title}", fill(" ".join(entry.doc.split()), 100)]
    if entry.chain:
        parts += ["with this chain:", indent(entry.chain.rstrip(), "    ")]
    what = "" if entry.file == "chain.json" else f", {entry.file}"
    parts += [f"wrong{what}{_beside(entry)}:", indent(entry.wrong.rstrip(), "    ")]
    parts += [f"right{what}:", indent(entry.right.rstrip(), "    ")]
    return "\n\n".join(parts) + "\n"


def contents(entries: dict[str, Entry]) -> str:
    """Return the page that lists all codes."""
    lines = [
        "# Diagnostics",
        "",
        "What EAS may say of a chain, a registry or a command, by code. `eas explain CODE` shows the same.",
        "",
        "| code | | what is wrong |",
        "|---|---|---|",
        *(f"| [{one.code}]({one.code}.md) | {one.severity} | {one.title} |" for one in entries.values()),
    ]
    return "\n".join(lines) + "\n"
