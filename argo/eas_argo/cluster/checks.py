"""What a cluster must have for runs, looked at one thing after the other: each is well, doubtful, or says what to do.

Whatever the asker may not look at is doubtful, no error: a user need not have the rights of an operator.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from eas_argo.cluster.connection import ARGO, Connection
from eas_argo.cluster.errors import ClusterError
from eas_worker import quantities

OK, WARNING, ERROR = "ok", "warning", "error"
OLDEST, BEYOND = (4, 0, 2), (4, 2, 0)
"""The controllers that EAS is tried with: from the first one up to, and without, the second."""
_INSTALL = "kubectl apply -k argo/install/base, or an overlay of it, installs it (docs/cluster.md)"
_VERSION = re.compile(r":v?(\d+)\.(\d+)\.(\d+)")
_SKEW_S, _MOST_SKEW_S = 5.0, 600.0
"""From when on a clock is doubtful, and from when on S3 may refuse what is signed with it [s]."""
AMAZON = "s3.amazonaws.com"
_PLACES = ("argo", "argo-workflows")
"""Namespaces in which a controller is looked for, beside that of the runs."""
Json = dict[str, Any]


class Finding(NamedTuple):
    """What was found of a thing: how it is, in words, and what to do about it."""

    subject: str
    level: str
    message: str
    hint: str | None = None


class Right(NamedTuple):
    """What somebody may have to do; `resource` may have a part, as in `pods/log`."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    is_needed: bool = True


class Size(NamedTuple):
    """What the pods of a container of the registry ask for: cores, memory [GB], devices."""

    name: str
    cpu: float
    memory_gb: float
    gpu: int


USER = (
    Right("argoproj.io", "workflows", ("create", "get", "list", "watch", "patch")),
    Right("argoproj.io", "workflows", ("delete",), is_needed=False),
    Right("", "pods", ("get", "list"), is_needed=False),
    Right("", "pods/log", ("get",), is_needed=False),
    Right("", "events", ("list",), is_needed=False),
)
"""What a person needs, first of all to run chains, then to see why one does not."""
RUNNER = (Right("argoproj.io", "workflowtaskresults", ("create", "patch")),)
PARENT = (*RUNNER, Right("argoproj.io", "workflows", ("get", "create", "patch")))


def clock(subject: str, date: str | None, now: datetime | None = None) -> Finding:
    """Compare the clock of a server, as it stands in the header `Date`, with the one here."""
    if not date:
        return Finding(subject, WARNING, "the server does not tell its time")
    try:
        server = parsedate_to_datetime(date)
    except ValueError:
        return Finding(subject, WARNING, f"the server tells its time as {date!r}")
    skew_s = abs(((now or datetime.now(UTC)) - server).total_seconds())
    if skew_s <= _SKEW_S:
        return Finding(subject, OK, f"less than {_SKEW_S:.0f} s apart")
    level = ERROR if skew_s > _MOST_SKEW_S else WARNING
    return Finding(subject, level, f"{skew_s:.0f} s apart", "set the clocks by NTP, here and there")


class Checks:
    """The checks of a cluster; each yields what it finds and asks no more than it must."""

    def __init__(self, connection: Connection, sizes: tuple[Size, ...], images: tuple[str, ...]) -> None:
        self.connection, self.sizes, self.images = connection, sizes, images
        self.namespace = f"/api/v1/namespaces/{connection.namespace}"
        self.repository: Json | None = None
        """What the cluster says of its artifact repository, once that was looked at."""

    def all(self) -> Iterator[Finding]:
        """Yield all findings; nothing more is looked at where the API cannot be reached."""
        try:
            yield from self.api()
        except ClusterError as error:
            yield Finding("API", ERROR, error.message, error.hint)
            return
        checks = (
            ("namespace", self.place),
            ("Argo", self.definitions),
            ("controller", self.controller),
            ("rights", self.rights),
            ("service accounts", self.accounts),
            ("artifact repository", self.artifacts),
            ("images", self.nodes_images),
            ("quota", self.quota),
            ("nodes", self.nodes),
        )
        for subject, check in checks:
            yield from self._looked_at(subject, check)

    def _looked_at(self, subject: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
        try:
            yield from check()
        except ClusterError as error:
            level = WARNING if error.status == 403 else ERROR
            yield Finding(subject, level, error.message, error.hint)

    def _there(self, path: str) -> Json | None:
        """Return an object, None where there is none."""
        try:
            found: Json = self.connection.get(path)
        except ClusterError as error:
            if error.status == 404:
                return None
            raise
        return found

    # ---- the cluster

    def api(self) -> Iterator[Finding]:
        """Look whether there is an API, of which version, and how its clock goes."""
        version, date = self.connection.dated("/version")
        yield Finding("API", OK, f"{self.connection.server}, Kubernetes {version.get('gitVersion', '?')}")
        yield clock("clock of the API", date)

    def place(self) -> Iterator[Finding]:
        """Look at the namespace."""
        name = self.connection.namespace
        found = self._there(self.namespace)
        if found is None:
            yield Finding("namespace", ERROR, f"there is no namespace {name!r}", _INSTALL)
            return
        labels = found["metadata"].get("labels") or {}
        enforced = labels.get("pod-security.kubernetes.io/enforce")
        yield Finding("namespace", OK, name + (f", which enforces the {enforced} standard" if enforced else ""))

    def definitions(self) -> Iterator[Finding]:
        """Look whether Argo's definitions are there, and whether they are the full ones."""
        kinds = {one["name"] for one in (self._there(ARGO) or {}).get("resources", ())}
        missing = [one for one in ("workflows", "workflowtaskresults") if one not in kinds]
        if missing:
            message = f"the cluster knows no {' and no '.join(missing)} of Argo"
            yield Finding("Argo", ERROR, message, "install Argo Workflows 4, with its full definitions (CRDs)")
            return
        try:
            found = self._there("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/workflows.argoproj.io") or {}
        except ClusterError as error:
            if error.status != 403:
                raise
            yield Finding(
                "Argo", OK, "its definitions (CRDs) are there; you may not see whether they are the full ones"
            )
            return
        versions = (found.get("spec") or {}).get("versions") or [{}]
        schema = (versions[0].get("schema") or {}).get("openAPIV3Schema") or {}
        if ((schema.get("properties") or {}).get("spec") or {}).get("properties"):
            yield Finding("Argo", OK, "the full definitions (CRDs) are there")
        else:
            yield Finding("Argo", WARNING, "the minimal definitions (CRDs): mistakes show only when a run fails")

    def controller(self) -> Iterator[Finding]:
        """Look which controller is at work, by its Deployment or else by what it put into pods."""
        image, where = self._controller_image()
        version = _VERSION.search(image)
        number = tuple(map(int, version.groups())) if version else None
        if number is None:
            seen = f"its version cannot be told from {image}" if image else "no controller is to be seen from here"
            yield Finding("controller", WARNING, seen, "EAS needs Argo Workflows 4.0.2 to 4.1")
        elif OLDEST <= number < BEYOND:
            yield Finding("controller", OK, f"{'.'.join(map(str, number))}, {where}")
        else:
            level = ERROR if number < OLDEST else WARNING
            yield Finding("controller", level, f"{'.'.join(map(str, number))}, {where}", "EAS needs Argo 4.0.2 to 4.1")

    def _controller_image(self) -> tuple[str, str]:
        for namespace in dict.fromkeys((self.connection.namespace, *_PLACES)):
            try:
                found = self.connection.get(f"/apis/apps/v1/namespaces/{namespace}/deployments")
            except ClusterError:
                continue
            for one in found["items"]:
                for container in one["spec"]["template"]["spec"]["containers"]:
                    if "workflow-controller" in container["image"]:
                        return container["image"], f"in the namespace {namespace}"
        pods = self.connection.get(
            self.connection.pods, {"labelSelector": "workflows.argoproj.io/workflow", "limit": 1}
        )["items"]
        images = [one["image"] for pod in pods for one in pod["spec"]["containers"] if one["name"] == "wait"]
        return (images[0], "as pods have it") if images else ("", "")

    # ---- rights

    def rights(self) -> Iterator[Finding]:
        """Look what the asker may do."""
        yield self._rights("your rights", USER, None)

    def accounts(self) -> Iterator[Finding]:
        """Look whether the service accounts of pods are there, and what they may do."""
        runner = self.connection.profile.service_account or "eas-runner"
        for name, rights, is_needed in ((runner, RUNNER, True), ("eas-parent", PARENT, False)):
            subject = f"service account {name}"
            if self._there(f"{self.namespace}/serviceaccounts/{name}") is None:
                why = "" if is_needed else "; chains that are cut into child workflows need it"
                yield Finding(subject, ERROR if is_needed else WARNING, f"it is not there{why}", _INSTALL)
            else:
                who = f"system:serviceaccount:{self.connection.namespace}:{name}"
                yield from self._looked_at(subject, partial(self._account, subject, rights, who))

    def _account(self, subject: str, rights: tuple[Right, ...], who: str) -> Iterator[Finding]:
        yield self._rights(subject, rights, who)

    def _rights(self, subject: str, rights: tuple[Right, ...], who: str | None) -> Finding:
        lacking = [
            (f"{verb} {right.resource}", right.is_needed)
            for right in rights
            for verb in right.verbs
            if not self._may(right, verb, who)
        ]
        if not lacking:
            said = (f"{', '.join(right.verbs)} {right.resource}" for right in rights if right.is_needed)
            return Finding(subject, OK, "; ".join(said))
        level = ERROR if any(is_needed for _, is_needed in lacking) else WARNING
        hint = "bind the Role eas-user of argo/install" if who is None else _INSTALL
        return Finding(subject, level, f"no right to {', '.join(what for what, _ in lacking)}", hint)

    def _may(self, right: Right, verb: str, who: str | None) -> bool:
        resource, _, part = right.resource.partition("/")
        asked = {"namespace": self.connection.namespace, "verb": verb, "group": right.group, "resource": resource}
        specification: Json = {"resourceAttributes": asked | ({"subresource": part} if part else {})}
        kind = "SelfSubjectAccessReview"
        if who is not None:
            kind, specification = "SubjectAccessReview", {**specification, "user": who, "groups": _groups(who)}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": specification}
        answer = self.connection.ask("POST", f"/apis/authorization.k8s.io/v1/{kind.lower()}s", body=body)
        return bool((answer.get("status") or {}).get("allowed"))

    # ---- files

    def artifacts(self) -> Iterator[Finding]:
        """Look at the artifact repository: whether there is a default one, whose bucket it is, and its secret."""
        subject = "artifact repository"
        found = self._there(f"{self.namespace}/configmaps/artifact-repositories")
        if found is None:
            hint = f"{_INSTALL}; Argo may also have one in the configuration of its controller"
            yield Finding(subject, WARNING, "there is no ConfigMap artifact-repositories", hint)
            return
        self.repository = _repository(found)
        if self.repository is None:
            hint = "its annotation workflows.argoproj.io/default-artifact-repository must name a key with an `s3`"
            yield Finding(subject, ERROR, "the ConfigMap artifact-repositories has no default for S3", hint)
            return
        yield self._bucket(subject, self.repository)
        for name, keys in _secrets(self.repository).items():
            yield from self._looked_at(f"secret {name}", partial(self._secret, name, keys))

    def _bucket(self, subject: str, s3: Mapping[str, Any]) -> Finding:
        bucket, ours = str(s3.get("bucket")), self.connection.profile.bucket
        where = f"{bucket} at {s3.get('endpoint')}"
        if ours is None:
            hint = "`s3` of the site, or EAS_S3_BUCKET, says where you read what Argo writes"
            return Finding(subject, WARNING, f"{where}; the site names no bucket", hint)
        if ours.name != bucket:
            hint = "make `s3` of the site and the ConfigMap artifact-repositories the same"
            return Finding(subject, ERROR, f"Argo writes to {where}, the site reads from {ours.name}", hint)
        theirs, here = (
            _server(str(s3.get("endpoint") or ""), is_plain=bool(s3.get("insecure"))),
            _server(ours.endpoint or AMAZON),
        )
        if theirs != here:
            message = f"Argo writes to {bucket} at {theirs}, the site reads it at {here}"
            hint = "both must be the same server, by whatever address: `eas get` of a file that Argo wrote shows it"
            return Finding(subject, WARNING, message, hint)
        return Finding(subject, OK, where)

    def _secret(self, name: str, keys: set[str]) -> Iterator[Finding]:
        found = self._there(f"{self.namespace}/secrets/{name}")
        missing = keys - (found.get("data") or {}).keys() if found is not None else keys
        if missing:
            literals = " ".join(f"--from-literal={key}=…" for key in sorted(keys))
            hint = f"kubectl create secret generic {name} {literals}"
            lacks = f"it lacks {', '.join(sorted(missing))}" if found is not None else "it is not there"
            yield Finding(f"secret {name}", ERROR, lacks, hint)
        else:
            yield Finding(f"secret {name}", OK, f"has {', '.join(sorted(keys))}")

    # ---- what pods need

    def nodes_images(self) -> Iterator[Finding]:
        """Look which images of the registry the nodes have; what they can pull is not to be seen from here."""
        nodes = self.connection.get("/api/v1/nodes")["items"]
        there = [
            {name for image in node["status"].get("images") or () for name in image.get("names") or ()}
            for node in nodes
        ]
        lacking = [image for image in self.images if not all(_full(image) in names for names in there)]
        if not lacking:
            yield Finding("images", OK, f"all {len(self.images)} that have programs are on every node")
            return
        hint = "if nodes cannot pull them: `eas build --push REGISTRY` with `images` of the site, or `eas build --load`"
        yield Finding("images", WARNING, f"not on every node yet: {', '.join(lacking)}", hint)

    def quota(self) -> Iterator[Finding]:
        """Look whether the greatest pods fit into the quota, and whether Argo's own containers have limits then."""
        quotas = self.connection.get(f"{self.namespace}/resourcequotas")["items"]
        ranges = self.connection.get(f"{self.namespace}/limitranges")["items"]
        hint = "change the quota, give a LimitRange, or set `caps` of the site"
        hard = {key for quota in quotas for key in quota.get("spec", {}).get("hard") or {}}
        defaults = {key for one in ranges for limit in one["spec"]["limits"] for key in limit.get("default") or {}}
        unsaid = [key for key in ("cpu", "memory") if f"limits.{key}" in hard and key not in defaults]
        problems = [
            *_beyond(quotas, self.sizes),
            *(f"it wants limits of {key}, which Argo's own containers do not name" for key in unsaid),
        ]
        for problem in problems:
            yield Finding("quota", ERROR, problem, hint)
        if not problems:
            said = f"{len(quotas)} with room for any one pod" if quotas else "there is none"
            yield Finding("quota", OK, said)

    def nodes(self) -> Iterator[Finding]:
        """Look whether a node is large enough for each container of the registry."""
        nodes = [one["status"]["allocatable"] for one in self.connection.get("/api/v1/nodes")["items"]]
        caps = self.connection.profile.caps
        waiting = [
            size.name
            for size in self.sizes
            if not any(
                quantities.cores(node["cpu"]) >= min(size.cpu, caps.cpu or size.cpu)
                and quantities.size_bytes(node["memory"]) >= size.memory_gb * 1e9
                and int(node.get("nvidia.com/gpu", 0)) >= size.gpu
                for node in nodes
            )
        ]
        if waiting:
            hint = "their pods would wait for ever: larger nodes, or `caps` of the site, or less in the registry"
            yield Finding("nodes", WARNING, f"none of {len(nodes)} is large enough for {', '.join(waiting)}", hint)
        else:
            yield Finding("nodes", OK, f"{len(nodes)}, with room for each container of the registry")


def _groups(who: str) -> list[str]:
    namespace = who.split(":")[2]
    return ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]


def _server(endpoint: str, *, is_plain: bool = False) -> str:
    """Return host and port of an endpoint, in the same words whether it says its scheme or not."""
    address = urlsplit(endpoint if "://" in endpoint else f"{'http' if is_plain else 'https'}://{endpoint}")
    host = address.hostname or ""
    if host == AMAZON or re.fullmatch(r"s3[.-][-a-z0-9]+\.amazonaws\.com", host):
        host = AMAZON
    try:
        port = address.port
    except ValueError:
        port = None
    return f"{host}:{port or (80 if address.scheme == 'http' else 443)}"


def _repository(found: Json) -> Json | None:
    """Return what the default entry of the ConfigMap says of S3."""
    import yaml

    name = (found["metadata"].get("annotations") or {}).get("workflows.argoproj.io/default-artifact-repository")
    try:
        entry = yaml.safe_load((found.get("data") or {}).get(name, ""))
    except yaml.YAMLError:
        return None
    s3 = entry.get("s3") if isinstance(entry, dict) else None
    return s3 if isinstance(s3, dict) else None


def _secrets(s3: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return the keys that secrets must have, by their names."""
    found: dict[str, set[str]] = {}
    for field in ("accessKeySecret", "secretKeySecret"):
        given = s3.get(field)
        if isinstance(given, dict):
            found.setdefault(str(given.get("name")), set()).add(str(given.get("key")))
    return found


def _beyond(quotas: list[Json], sizes: tuple[Size, ...]) -> Iterator[str]:
    """Yield what a single pod would take more of than a quota gives."""
    for quota in quotas:
        hard = quota.get("spec", {}).get("hard") or {}
        for size in sizes:
            for key in ("requests.cpu", "limits.cpu", "cpu"):
                if key in hard and quantities.cores(hard[key]) < size.cpu:
                    yield f"{size.name} asks for {size.cpu:g} cores, {quota['metadata']['name']} gives {hard[key]}"
            for key in ("requests.memory", "limits.memory", "memory"):
                if key in hard and quantities.size_bytes(hard[key]) < size.memory_gb * 1e9:
                    yield f"{size.name} asks for {size.memory_gb:g} GB, {quota['metadata']['name']} gives {hard[key]}"


def _full(image: str) -> str:
    first, slash, _ = image.partition("/")
    return image if slash and ("." in first or ":" in first or first == "localhost") else f"docker.io/{image}"
