"""What a script says of the task that runs here; a script is what `eas simulate --metadata` takes."""

import json
import re
from typing import Any

from eas_worker.context import BaseContext


def entry_of(ctx: BaseContext) -> dict[str, Any]:
    """Return the entry of the path, of the first pattern that matches it, of the name or of the type."""
    script = json.loads(ctx.settings["script"] or "{}")
    patterns = [key for key in script if re.fullmatch(_regex(key), ctx.path, re.DOTALL)]
    key = next((key for key in (ctx.path, *patterns[:1], ctx.settings["called"], ctx.task) if key in script), None)
    entry = dict(script[key]) if key is not None else {}
    if isinstance(entry.get("metadata"), list):
        entry["metadata"] = entry["metadata"][min(_iteration(ctx.path), len(entry["metadata"])) - 1]
    return entry


def _regex(pattern: str) -> str:
    """Return a pattern in which `*` is any text and `?` any one character as a regular expression."""
    return "".join({"*": ".*", "?": "."}.get(sign) or re.escape(sign) for sign in pattern)


def _iteration(path: str) -> int:
    """Return the iteration of the innermost do-while, from 1."""
    numbers = re.findall(r"#(\d+)", path)
    return int(numbers[-1]) if numbers else 1
