"""Sites: where chains can run. This machine always can; clusters are described in one YAML file.

```yaml
default: hpc                  # the site that is meant without --site; without this line it is this machine
sites:
  hpc:
    kind: cluster
    context: hpc-admin        # of the kubeconfig; else the current one
    namespace: eas            # else that of the context
    s3: {endpoint: "https://s3.example.org", bucket: eas, region: eu-central-1}
    database: "postgresql+psycopg://eas@db.example.org/eas"
    inputs: "s3://eas/inputs"   # what `input://FILE` is below; or a folder that this machine sees
    caps: {cpu: 16, gpu: 0, memory_gb: 64}
```

The file holds no secret: whoever can read it learns nothing that opens a door.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from eas_argo.cluster.profile import Bucket, Caps, Profile
from eas_compiler import yaml_reader
from eas_compiler.diagnostics import Diagnostic, Diagnostics, did_you_mean
from eas_compiler.source import Node, Source, read_bytes

LOCAL = "eas.yaml"
HERE = "laptop"
"""The site that is this machine; it is there without a file, as `cluster` is."""
CLUSTER = "cluster"


class Laptop(NamedTuple):
    """The machine that this is: where it keeps runs, and how many cores it uses; None for the usual.

    `inputs` is its input folder.
    """

    name: str = HERE
    store: str | None = None
    database: str | None = None
    jobs: int | None = None
    inputs: str | None = None


Site = Laptop | Profile


class Sites(NamedTuple):
    """Sites by name, and the one that is meant where none is named."""

    by_name: Mapping[str, Site]
    default: str = HERE


class UnknownSiteError(Exception):
    """There is no site of this name; the message says which there are."""


class BrokenSitesError(Exception):
    """The file of sites has mistakes; `diagnostics` has all of them, with their places."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        self.diagnostics = diagnostics
        super().__init__("; ".join(f"{one.source.place(one.start)}: {one.message}" for one in diagnostics))


def find(name: str | None, file: str | None = None, environment: Mapping[str, str] | None = None) -> Site:
    """Return the site of a name; without one that of `EAS_SITE`, else the file's default, else this machine.

    Raises
    ------
    UnknownSiteError
        When there is none.
    BrokenSitesError
        When the file has mistakes, or cannot be read.
    """
    given = os.environ if environment is None else environment
    sites = load(file, given)
    wanted = name or given.get("EAS_SITE") or sites.default
    if wanted not in sites.by_name:
        hint = did_you_mean(wanted, sites.by_name) or f"known: {', '.join(sites.by_name)}"
        raise UnknownSiteError(f"there is no site {wanted!r}; {hint}")
    return sites.by_name[wanted]


def load(file: str | None, environment: Mapping[str, str]) -> Sites:
    """Return all sites; raise `BrokenSitesError` when the file has mistakes, or a named one cannot be read."""
    path = file or environment.get("EAS_SITES") or _found(environment)
    diagnostics = Diagnostics()
    sites = read(path, diagnostics) if path is not None else Sites({})
    if diagnostics.errors:
        raise BrokenSitesError(diagnostics)
    there: dict[str, Site] = {HERE: Laptop(), CLUSTER: Profile(CLUSTER)}
    all_sites = {**there, **sites.by_name}
    return sites._replace(by_name={name: _completed(one, environment) for name, one in all_sites.items()})


def _found(environment: Mapping[str, str]) -> str | None:
    """Return the file that is there without being named."""
    home = environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME") or "~").expanduser() / ".config"
    likely = (Path(LOCAL), Path(home) / "eas" / LOCAL)
    return next((str(path) for path in likely if path.is_file()), None)


def _completed(site: Site, environment: Mapping[str, str]) -> Site:
    """Fill in what the file leaves to the environment."""
    database, inputs = site.database or environment.get("EAS_DATABASE"), site.inputs or environment.get("EAS_INPUTS")
    if isinstance(site, Laptop):
        return site._replace(database=database, inputs=inputs)
    name = site.bucket.name if site.bucket else environment.get("EAS_S3_BUCKET")
    endpoint = (site.bucket and site.bucket.endpoint) or environment.get("EAS_S3_ENDPOINT")
    region = (site.bucket and site.bucket.region) or _first(environment, "AWS_REGION", "AWS_DEFAULT_REGION")
    bucket = Bucket(name, endpoint, region) if name else None
    return site._replace(database=database, inputs=inputs, bucket=bucket)


def _first(environment: Mapping[str, str], *names: str) -> str | None:
    return next((environment[name] for name in names if environment.get(name)), None)


# ---------------------------------------------------------------------------------------------------------------------
# The file

Check = Callable[[Any], bool]
"""Whether a plain value will do."""
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LABEL = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_./]*)?[A-Za-z0-9])?")
_IMAGES = re.compile(r"[a-z0-9][-a-z0-9._:/]*[a-z0-9]")
_USER = re.compile(r"://(?P<user>[^?#]*)@")
"""Who asks, in a URL: what stands before the last at sign, as passwords may have slashes and at signs."""
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_SECRET = re.compile("(?i)secret|passw(or)?d|access_?key|token|credential|signature")
_NO_SECRETS = "credentials come from the environment or ~/.aws, passwords of databases from PGPASSWORD or ~/.pgpass"


def _text(pattern: re.Pattern[str] | None = None) -> Check:
    def check(value: Any) -> bool:
        return isinstance(value, str) and bool(pattern.fullmatch(value) if pattern else value.strip())

    return check


def _number(least: float, *, whole: bool = False) -> Check:
    types = (int,) if whole else (int, float)
    return lambda value: isinstance(value, types) and not isinstance(value, bool) and value >= least


def _one_of(*words: str) -> Check:
    return lambda value: value in words


def _url(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"https?://[^/?#@\s]+/?", value) is not None


def has_secret(url: str) -> bool:
    """Return whether a URL holds a password: with the user, or as a parameter, however its name is written."""
    user = _USER.search(url)
    _, _, query = url.partition("?")
    names = [unquote(one.partition("=")[0]) for one in re.split("[&;]", query) if "=" in one]
    return (user is not None and ":" in unquote(user["user"])) or any(map(_SECRET.search, names))


def _labels(value: Any) -> bool:
    good = _text(_LABEL)
    return isinstance(value, dict) and all(good(key) and key and good(text) for key, text in value.items())


class Field(NamedTuple):
    """A field of the file: whether a value will do, and what it must be."""

    check: Check
    what: str


_ANY_MAPPING = Field(lambda value: isinstance(value, dict), "a mapping")
_TEXT = Field(_text(), "a text")
_NAMED = Field(_text(_NAME), "a name as Kubernetes has them: a-z, 0-9, - and .")
_FILE = {"default": _TEXT, "sites": _ANY_MAPPING}
_INPUTS = Field(_text(), "a folder of this machine, or s3://BUCKET/PREFIX")
_LAPTOP = {
    "kind": _TEXT,
    "store": Field(_text(), "a folder"),
    "database": Field(_text(), "the URL of a database"),
    "jobs": Field(_number(1, whole=True), "a whole number of at least 1"),
    "inputs": _INPUTS,
}
_CLUSTER = {
    "kind": _TEXT,
    "context": Field(_text(), "the name of a context"),
    "namespace": _NAMED,
    "s3": _ANY_MAPPING,
    "database": Field(_text(), "the URL of a database"),
    "inputs": _INPUTS,
    "caps": _ANY_MAPPING,
    "images": Field(_text(_IMAGES), "what stands before the names of images, as registry.example.org/eas"),
    "pull_policy": Field(_one_of("Always", "IfNotPresent", "Never"), "Always, IfNotPresent or Never"),
    "service_account": _NAMED,
    "node_selector": Field(_labels, "a mapping of labels to texts"),
    "tolerations": Field(lambda value: isinstance(value, list), "a list"),
    "priority_class": _NAMED,
    "ephemeral_storage_gb": Field(_number(0.001), "a number of gigabytes"),
    "parallelism": Field(_number(1, whole=True), "a whole number of at least 1"),
}
_KINDS = ("laptop", "cluster")
_S3 = {
    "endpoint": Field(_url, "an address as https://s3.example.org"),
    "bucket": Field(_text(re.compile(r"[a-z0-9][-a-z0-9.]{1,61}[a-z0-9]")), "the name of a bucket"),
    "region": _TEXT,
}
_CAPS = {
    "cpu": Field(_number(0.001), "a number of cores"),
    "gpu": Field(_number(0, whole=True), "a number of devices"),
    "memory_gb": Field(_number(0.001), "a number of gigabytes"),
}
_TOLERATION = {
    "key": Field(_text(_LABEL), "the key of a taint"),
    "operator": Field(_one_of("Exists", "Equal"), "Exists or Equal"),
    "value": Field(_text(_LABEL), "a text"),
    "effect": Field(_one_of(*_EFFECTS), ", ".join(_EFFECTS)),
    "tolerationSeconds": Field(_number(0, whole=True), "a number of seconds"),
}


def read(path: str, diagnostics: Diagnostics) -> Sites:
    """Return the sites of a file; whatever is wrong in it is reported."""
    try:
        data = read_bytes(path)
    except OSError as error:
        message = f"cannot read the sites: {error.strerror}"
        diagnostics.add(Diagnostic("unreadable", "error", message, Source(path, ""), 0, 0))
        return Sites({})
    try:
        source = Source(path, data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        hint = "save the file as UTF-8"
        diagnostics.add(Diagnostic("encoding", "error", "not UTF-8", Source(path, ""), 0, 1, hint))
        return Sites({})
    root = yaml_reader.read(source, diagnostics)
    return _sites(root, diagnostics) if root is not None else Sites({})


def _sites(root: Node, diagnostics: Diagnostics) -> Sites:
    fields = _members(root, _FILE, diagnostics)
    found: dict[str, Site] = {}
    for name, node in fields["sites"].value.items() if "sites" in fields else ():
        if not _NAME.fullmatch(name):
            diagnostics.error_at_key("site", node, f"{name!r} is no name: a-z, 0-9, - and .")
        found[name] = _site(name, node, diagnostics)
    if "default" not in fields:
        return Sites(found)
    default, known = fields["default"], {HERE, CLUSTER, *found}
    if default.value not in known:
        hint = did_you_mean(default.value, known) or f"known: {', '.join(sorted(known))}"
        diagnostics.error("site", default, f"there is no site {default.value!r}", hint)
    return Sites(found, default.value)


def _site(name: str, node: Node, diagnostics: Diagnostics) -> Site:
    if not isinstance(node.value, dict):
        diagnostics.error("site", node, "must be a mapping")
    elif "kind" not in node.value:
        diagnostics.error_at_key("site", node, f"the site {name!r} does not say its kind: {' or '.join(_KINDS)}")
    elif (kind := node.value["kind"].plain()) == "cluster":
        return _cluster(name, node, diagnostics)
    elif kind == "laptop":
        given = _values(node, _LAPTOP, diagnostics)
        if "database" in node.value:
            _check_url(node.value["database"], diagnostics)
        return Laptop(name, **{field: value for field, value in given.items() if field != "kind"})
    else:
        hint = did_you_mean(str(kind), _KINDS)
        diagnostics.error("site", node.value["kind"], f"kind must be {' or '.join(_KINDS)}", hint)
    return Laptop(name)


def _cluster(name: str, node: Node, diagnostics: Diagnostics) -> Profile:
    members = _members(node, _CLUSTER, diagnostics)
    given = {field: member.plain() for field, member in members.items() if field not in ("kind", "s3", "caps")}
    if "database" in members:
        _check_url(members["database"], diagnostics)
    if "tolerations" in members:
        listed = members["tolerations"].value
        given["tolerations"] = tuple(_values(one, _TOLERATION, diagnostics) for one in listed)
    if "caps" in members:
        given["caps"] = Caps(**_values(members["caps"], _CAPS, diagnostics))
    if "s3" in members:
        s3 = _values(members["s3"], _S3, diagnostics)
        if "bucket" not in members["s3"].value:
            diagnostics.error_at_key("site", members["s3"], "s3 names no bucket")
        given["bucket"] = Bucket(s3.get("bucket", ""), s3.get("endpoint"), s3.get("region"))
    return Profile(name, **given)


def _check_url(node: Node, diagnostics: Diagnostics) -> None:
    """Report a URL that opens a door by itself."""
    url = node.plain()
    if isinstance(url, str) and has_secret(url):
        _secret(node, "a password does not belong in this file", diagnostics)


def _values(node: Node, fields: Mapping[str, Field], diagnostics: Diagnostics) -> dict[str, Any]:
    return {name: member.plain() for name, member in _members(node, fields, diagnostics).items()}


def _members(node: Node, fields: Mapping[str, Field], diagnostics: Diagnostics) -> dict[str, Node]:
    """Return the members of a mapping; unknown ones and those that will not do are reported and left out."""
    if not isinstance(node.value, dict):
        diagnostics.error("site", node, "must be a mapping")
        return {}
    good: dict[str, Node] = {}
    for name, member in node.value.items():
        if name not in fields:
            likely = did_you_mean(name, fields)
            if likely is None and _SECRET.search(name):
                _secret(member, f"{name!r} does not belong in this file", diagnostics)
                continue
            hint = likely or f"known: {', '.join(fields)}"
            diagnostics.error_at_key("site", member, f"unknown field {name!r}", hint)
        elif name == "endpoint" and isinstance(member.plain(), str) and (set("@?") & set(member.plain())):
            _secret(member, "only the address of a server belongs here", diagnostics)
        elif not fields[name].check(member.plain()):
            diagnostics.error("site", member, f"{name} must be {fields[name].what}")
        else:
            good[name] = member
    return good


def _secret(node: Node, message: str, diagnostics: Diagnostics) -> None:
    """Report what should be nowhere, without showing it once more."""
    text = node.source.text
    hidden = Source(node.source.name, text[: node.start] + "*" * (node.end - node.start) + text[node.end :])
    diagnostics.add(Diagnostic("secret", "error", message, hidden, node.start, node.end, _NO_SECRETS))
