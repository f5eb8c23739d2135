"""The lock file of a registry: the digests of its images, so that a manifest runs exactly what was built.

`registry.lock` lies beside `registry.yaml`; `eas build` writes it. A line is an image and its digest, lines are sorted.
"""

from __future__ import annotations

import os
import re

from eas_compiler.diagnostics import Diagnostic, Diagnostics
from eas_compiler.source import Source, read_bytes

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HEAD = "# The digests of the images in the registry beside this file; `eas build` writes them.\n"


def path_of(registry: str | os.PathLike[str]) -> str:
    """Return where the lock file of a registry is: beside the file itself, not beside a link to it."""
    return os.path.splitext(os.path.realpath(registry))[0] + ".lock"


def read(path: str, diagnostics: Diagnostics) -> dict[str, str]:
    """Return the digests by image, none where there is no file; lines that are wrong are reported."""
    try:
        text = read_bytes(path).decode("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        message = f"cannot read the lock file: {getattr(error, 'strerror', None) or 'not UTF-8'}"
        diagnostics.add(Diagnostic("unreadable", "error", message, Source(path, ""), 0, 0))
        return {}
    source, found, start = Source(path, text), dict[str, str](), 0
    for line in text.split("\n"):
        image, _, digest = line.strip().partition(" ")
        if image and not image.startswith("#"):
            if image in found or not DIGEST.fullmatch(digest):
                message = f"{image} has two lines" if image in found else "must be an image and its digest, sha256:…"
                hint = "`eas build` writes this file"
                diagnostics.add(Diagnostic("registry", "error", message, source, start, start + len(line), hint))
            found[image] = digest
        start += len(line) + 1
    return found


def as_text(digests: dict[str, str]) -> str:
    """Return the text of a lock file."""
    return _HEAD + "".join(f"{image} {digest}\n" for image, digest in sorted(digests.items()))
