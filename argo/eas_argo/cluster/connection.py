"""The way to a cluster: the kubeconfig is read by the library of Kubernetes, objects go to and fro as they are.

Nothing here waits for ever: what is not answered within `TIMEOUT_S` is an error that says so.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from eas_argo.cluster import depth
from eas_argo.cluster.errors import ClusterError, refused
from eas_argo.cluster.profile import Profile
from eas_worker.functions import did_you_mean

ARGO = "/apis/argoproj.io/v1alpha1"
TIMEOUT_S = 10.0
"""How long an answer may take [s]."""
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_PAGE = 500
_IN_POD = "KUBERNETES_SERVICE_HOST"
_NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"


class Request(NamedTuple):
    """What is asked of a cluster: the path is that of its API, the body any JSON."""

    method: str
    path: str
    query: Mapping[str, Any] | None = None
    body: Any = None
    accept: str = "application/json"


class Connection:
    """A cluster that can be talked to: `namespace` is the one in use, `server` the address of its API."""

    def __init__(self, profile: Profile, client: Any, namespace: str) -> None:
        self.profile, self.namespace = profile, namespace
        self._client = client
        self.server = str(client.configuration.host).rstrip("/")

    @property
    def workflows(self) -> str:
        """The path of the workflows in the namespace."""
        return f"{ARGO}/namespaces/{self.namespace}/workflows"

    @property
    def pods(self) -> str:
        """The path of the pods in the namespace."""
        return f"/api/v1/namespaces/{self.namespace}/pods"

    @property
    def events(self) -> str:
        """The path of the events in the namespace."""
        return f"/api/v1/namespaces/{self.namespace}/events"

    def place(self) -> str:
        """Return the uid of the namespace: it tells it from those of all other clusters, whatever they are called.

        Raises
        ------
        ClusterError
            When the cluster does not tell, or has no such namespace.
        """
        return str(self.get(f"/api/v1/namespaces/{self.namespace}")["metadata"]["uid"])

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """Return the object at a path.

        Raises
        ------
        ClusterError
            When the cluster does not give it.
        """
        return self.ask("GET", path, query)

    def about(self, path: str, query: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Yield the metadata of all objects at a path, without reading the objects themselves.

        Raises
        ------
        ClusterError
            When the cluster does not give them.
        """
        asked = {"limit": _PAGE, **(query or {})}
        while True:
            with self._explained():
                page = depth.loads(self._send(Request("GET", path, asked, None, _METADATA)).data)
                items, more = page.get("items") or (), (page.get("metadata") or {}).get("continue")
            yield from (item["metadata"] for item in items)
            if not more:
                return
            asked["continue"] = more

    def dated(self, path: str) -> tuple[Any, str | None]:
        """Return the object at a path, and what time it was for the cluster, as the header `Date` has it.

        Raises
        ------
        ClusterError
            When the cluster does not give it.
        """
        with self._explained():
            answer = self._send(Request("GET", path))
            return depth.loads(answer.data), answer.headers.get("Date")

    def ask(self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        """Send a request, and return the object that is the answer; what is patched is merged.

        Raises
        ------
        ClusterError
            When it is refused, or there is no answer in time.
        """
        with self._explained():
            return depth.loads(self._send(Request(method, path, query, body)).data)

    @contextlib.contextmanager
    def stream(
        self, path: str, query: Mapping[str, Any] | None = None, silence_s: float = TIMEOUT_S
    ) -> Iterator[Iterator[bytes]]:
        """Give the lines of an answer as they come: a watch, or a log; `silence_s` is how long it may say nothing [s].

        Raises
        ------
        ClusterError
            When it is refused, when it breaks off, or when nothing comes for too long.
        """
        answer = self._send(Request("GET", path, query), silence_s)
        try:
            yield self._lines(answer, silence_s)
        finally:
            answer.close()

    def _send(self, request: Request, silence_s: float = TIMEOUT_S) -> Any:
        """Return an answer that is a success, and is not read yet."""
        import urllib3

        url = self.server + request.path + (f"?{urlencode(request.query)}" if request.query else "")
        kind = "application/merge-patch+json" if request.method == "PATCH" else "application/json"
        data = None if request.body is None else json.dumps(request.body).encode()
        timeout = urllib3.Timeout(connect=TIMEOUT_S, read=silence_s)
        with self._explained(silence_s):
            headers = {"Accept": request.accept, "Content-Type": kind, **self._authorization()}
            answer = self._client.rest_client.pool_manager.request(
                request.method, url, body=data, headers=headers, timeout=timeout, retries=False, preload_content=False
            )
            if answer.status >= 300:
                raise refused(answer.status, answer.data, request.path)
        return answer

    def _lines(self, answer: Any, silence_s: float) -> Iterator[bytes]:
        """Yield lines without their ends; the last one may lack it."""
        left = b""
        with self._explained(silence_s):
            for part in answer.stream(None):
                *lines, left = (left + part).split(b"\n")
                yield from lines
        if left:
            yield left

    def _authorization(self) -> dict[str, str]:
        """Return the header that says who asks; what a certificate or nothing says needs none."""
        settings = self._client.configuration.auth_settings().values()
        return {one["key"]: one["value"] for one in settings if one["in"] == "header" and one["value"]}

    @contextlib.contextmanager
    def _explained(self, silence_s: float = TIMEOUT_S) -> Iterator[None]:
        """Turn what goes wrong on the way into a `ClusterError`."""
        from urllib3 import exceptions

        try:
            yield
        except exceptions.SSLError as error:
            hint = "the kubeconfig's certificates are not those of this cluster, or have expired"
            raise ClusterError(f"{self.server} cannot be trusted: {_last(error)}", hint) from error
        except (exceptions.HTTPError, OSError) as error:
            # A refused connection is a timeout, too, in the eyes of urllib3.
            is_late = isinstance(error, exceptions.TimeoutError) and not isinstance(
                error, exceptions.NewConnectionError
            )
            how = f"does not answer within {silence_s:.0f} s" if is_late else f"cannot be reached: {_last(error)}"
            raise ClusterError(f"{self.server} {how}", "is the cluster up, and the network (VPN) there?") from error
        except ValueError as error:
            raise ClusterError(f"{self.server} does not answer as Kubernetes does: {error}") from error


def _last(error: BaseException) -> str:
    """Return the innermost reason of an error, in the words of the system."""
    reason = error
    while (inner := getattr(reason, "reason", None) or reason.__cause__) and isinstance(inner, BaseException):
        reason = inner
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason).rpartition(": ")[2] or type(reason).__name__


# ---------------------------------------------------------------------------------------------------------------------
# Who and where


def connect(profile: Profile) -> Connection:
    """Return the connection to the cluster of a site; nothing is asked yet.

    Raises
    ------
    ClusterError
        When there is no kubeconfig, it cannot be used, or has no such context.
    """
    from kubernetes import client

    config: Any = import_module("kubernetes.config")  # has no types
    configuration = client.Configuration()
    file = os.environ.get("KUBECONFIG") or "~/.kube/config"
    if profile.context is None and _IN_POD in os.environ and "KUBECONFIG" not in os.environ:
        config.load_incluster_config(client_configuration=configuration)
        return Connection(profile, client.ApiClient(configuration), profile.namespace or _own_namespace())
    if not any(Path(one).expanduser().is_file() for one in file.split(os.pathsep)):
        raise ClusterError(f"there is no kubeconfig {file}", "set KUBECONFIG to the file that your cluster gave you")
    try:
        contexts, current = config.list_kube_config_contexts(config_file=file)
        namespace = _chosen(profile, contexts, current).get("namespace")
        config.load_kube_config(
            config_file=file, context=profile.context, client_configuration=configuration, persist_config=False
        )
    except ClusterError:
        raise
    except Exception as error:  # the library does not say which errors a broken file makes
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ClusterError(f"the kubeconfig {file} cannot be used: {said}") from error
    if not configuration.verify_ssl:  # as its owner has chosen: there is nothing to warn of
        import urllib3

        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    return Connection(profile, client.ApiClient(configuration), profile.namespace or namespace or "default")


def _chosen(profile: Profile, contexts: list[dict[str, Any]], current: dict[str, Any]) -> dict[str, Any]:
    """Return the context that a profile means."""
    if profile.context is None:
        return current.get("context") or {}
    known = {one["name"]: one.get("context") or {} for one in contexts}
    if profile.context not in known:
        hint = did_you_mean(profile.context, known) or f"it has {', '.join(known)}"
        raise ClusterError(f"the kubeconfig has no context {profile.context!r}", hint)
    return known[profile.context]


def _own_namespace() -> str:
    """Return the namespace of the pod that this runs in."""
    try:
        return Path(_NAMESPACE_FILE).read_text("utf-8").strip()
    except OSError:
        return "default"
