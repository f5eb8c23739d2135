"""Diagnostics as SARIF 2.1.0, which editors and code hosts read.

The format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from eas_compiler import catalogue, render
from eas_compiler.diagnostics import Diagnostic
from eas_compiler.source import Node, Source

Json = dict[str, Any]
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def as_sarif(found: Iterable[Diagnostic], root: Node | None, version: str) -> Json:
    """Return a log of one run of this `version` of EAS, in which columns count characters."""
    results = [_result(one, root) for one in found]
    entries = catalogue.load()
    codes = dict.fromkeys(one["ruleId"] for one in results)
    rules = [_rule(entries[code]) for code in codes]
    for one in results:
        one["ruleIndex"] = list(codes).index(one["ruleId"])
    driver = {"name": "eas", "semanticVersion": version, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(entry: catalogue.Entry) -> Json:
    level = "warning" if entry.severity.startswith("warning") else "error"
    return {
        "id": entry.code,
        "shortDescription": {"text": entry.title},
        "fullDescription": {"text": entry.doc.strip()},
        "help": {"text": catalogue.as_text(entry), "markdown": catalogue.page(entry)},
        "defaultConfiguration": {"level": level},
    }


def _result(one: Diagnostic, root: Node | None) -> Json:
    data = render.as_data(one, root)
    location = _location(one.source, one.start, one.end)
    if data["pointer"]:
        location["logicalLocations"] = [{"fullyQualifiedName": data["pointer"], "kind": "member"}]
    related = [
        {"id": number, **_location(second.source, second.start, second.end), "message": {"text": second.message}}
        for number, second in enumerate(one.related, 1)
    ]
    text = one.message if one.hint is None else f"{one.message}\n{one.hint}"
    return {
        "ruleId": one.code,
        "level": one.severity,
        "message": {"text": text},
        "locations": [location],
        **({"relatedLocations": related} if related else {}),
    }


def _location(source: Source, start: int, end: int) -> Json:
    from urllib.parse import quote

    line, column = source.location(start)
    end_line, end_column = source.location(max(start, end))
    region = {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}
    uri = quote(source.name, errors="surrogateescape")
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}
