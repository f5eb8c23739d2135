"""What is to be known of a cluster before it is talked to: plain values, none of them secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Bucket(NamedTuple):
    """The file repository of a cluster, at Amazon's unless there is an endpoint; credentials come from elsewhere."""

    name: str
    endpoint: str | None = None
    region: str | None = None


class Caps(NamedTuple):
    """The most that one pod may have: cores, devices, memory [GB]; None where there is no limit."""

    cpu: float | None = None
    gpu: int | None = None
    memory_gb: float | None = None


class Profile(NamedTuple):
    """A cluster as a site.

    Without a context it is the current one of the kubeconfig, without a namespace that of the context. `images` is put
    before the names of images, as `registry.example.org/eas`; `ephemeral_storage_gb` [GB] is what a program may write
    to its working folder, `parallelism` how many pods of a run may be there at once; `inputs` is a folder,
    or `s3://BUCKET/PREFIX`, which files are taken from.
    """

    name: str
    context: str | None = None
    namespace: str | None = None
    bucket: Bucket | None = None
    database: str | None = None
    caps: Caps = Caps()
    images: str = ""
    pull_policy: str | None = None
    service_account: str | None = None
    node_selector: Mapping[str, str] = {}  # never changed
    tolerations: tuple[Mapping[str, Any], ...] = ()
    priority_class: str | None = None
    ephemeral_storage_gb: float | None = None
    parallelism: int | None = None
    inputs: str | None = None
