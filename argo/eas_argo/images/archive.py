"""An image as an archive (OCI layout) that a node imports under two names: by tag, and by digest.

Without the second name a node that has the image still tries to pull what a manifest names by digest.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

_NAME = "io.containerd.image.name"
_TAG = "org.opencontainers.image.ref.name"


def full_name(image: str) -> str:
    """Return the name of an image with its registry, as nodes know it: `docker.io/eas/eas_base:0.1`."""
    first, slash, _ = image.partition("/")
    if not slash:
        return f"docker.io/library/{image}"
    return image if "." in first or ":" in first or first == "localhost" else f"docker.io/{image}"


def by_digest(image: str, digest: str) -> str:
    """Return an image with its digest in the place of the tag."""
    folder, slash, last = image.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}@{digest}"


def sealed(layout: Path, image: str, file: Path) -> str:
    """Write the one image of an OCI layout to an archive under both names, and return its digest.

    Raises
    ------
    ValueError
        When the folder is no layout with one image.
    """
    index_file = layout / "index.json"
    index: dict[str, Any] = json.loads(index_file.read_text("utf-8"))
    if len(index.get("manifests", ())) != 1:
        raise ValueError(f"{layout} does not hold one image")
    (described,) = index["manifests"]
    digest = str(described["digest"])
    names = [full_name(image), by_digest(full_name(image), digest)]
    index["manifests"] = [{**described, "annotations": {_NAME: name, _TAG: name}} for name in names]
    index_file.write_text(json.dumps(index), "utf-8")
    with tarfile.open(file, "w") as archive:
        for part in ("oci-layout", "index.json", "blobs"):
            archive.add(layout / part, part)
    return digest
