"""What goes wrong on the way to a cluster, in words that say what to do: light to load, without any library."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import NamedTuple

_FORBIDDEN = re.compile(
    r'User "(?P<user>[^"]+)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)"'
    r'(?: in API group "(?P<group>[^"]*)")?(?:.*? in the namespace "(?P<namespace>[^"]+)")?'
)
QUOTA = re.compile(r"exceeded quota: (?P<quota>[^,]+), requested: (?P<asked>.+), used: .+, limited: (?P<limit>.+)")
_UNKNOWN_FIELD = re.compile(r'unknown field "(?P<field>[^"]+)"')
_TOO_LARGE = re.compile(r"(?i)request entity too large|request is too large|message larger than max")
_NO_NAMESPACE = re.compile(r'namespaces "(?P<namespace>[^"]+)" not found')


class ClusterError(Exception):
    """A cluster cannot do what it was asked for.

    `hint` says what to do about it, `status` is the status of HTTP where there was an answer.
    """

    def __init__(self, message: str, hint: str | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.message, self.hint, self.status = message, hint, status

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


def refused(status: int, body: bytes, path: str) -> ClusterError:
    """Return what an answer means that is no success: `body` is the cluster's `Status`, or whatever else came back."""
    told = _status(body)
    if match := _UNKNOWN_FIELD.search(told.message):
        message = f"the cluster's definition of Argo's objects knows no field {match['field']!r}"
        return ClusterError(message, "EAS needs Argo Workflows 4 with its full definitions (CRDs)", status)
    if _TOO_LARGE.search(told.message) or status == 413:
        message = f"this object is too large for the cluster: {_cut(told.message)}"
        return ClusterError(message, "make the chain smaller, or its texts shorter", status)
    if told.reason is None and status not in (401, 404):
        message = f"something before the cluster, or instead of it, refuses ({status}): {_cut(told.message)}"
        return ClusterError(message, "is this the address of a Kubernetes API?", status)
    meaning = _MEANINGS.get(status)
    return meaning(told, path) if meaning else _other(told, status)


class _Told(NamedTuple):
    """What is told in a `Status`; without one, only the message is known."""

    message: str
    reason: str | None = None
    kind: str = ""
    name: str = ""


def _unknown(_told: _Told, _path: str) -> ClusterError:
    hint = "log in again: the kubeconfig's token or certificate may have expired"
    return ClusterError("the cluster does not know who is asking", hint, 401)


def _forbidden(told: _Told, _path: str) -> ClusterError:
    if match := QUOTA.search(told.message):
        message = f"the quota {match['quota']} is exhausted: asked for {match['asked']}, of {match['limit']}"
        return ClusterError(message, "wait until runs have ended, delete old ones, or ask the cluster's operator", 403)
    match = _FORBIDDEN.search(told.message)
    if match is None:
        return ClusterError(f"the cluster forbids it: {_cut(told.message)}", status=403)
    resource = match["resource"] + (f".{match['group']}" if match["group"] else "")
    where = f" in the namespace {match['namespace']}" if match["namespace"] else ""
    option = f" -n {match['namespace']}" if match["namespace"] else ""
    return ClusterError(
        f"{match['user']} may not {match['verb']} {resource}{where}",
        f"ask the cluster's operator for that right; `kubectl auth can-i {match['verb']} {resource}{option}` tests it",
        403,
    )


def _missing(told: _Told, path: str) -> ClusterError:
    if match := _NO_NAMESPACE.search(told.message):
        message = f"the cluster has no namespace {match['namespace']!r}"
        return ClusterError(message, "name one that is there, in the site or in the context of the kubeconfig", 404)
    if told.reason is None and "/argoproj.io/" in path:
        message = "the cluster does not know Argo Workflows: its definitions (CRDs) are missing"
        return ClusterError(message, "install Argo Workflows 4, or name another context", 404)
    return ClusterError(_cut(told.message) or f"the cluster has no {path}", status=404)


def _clash(told: _Told, _path: str) -> ClusterError:
    if told.reason != "AlreadyExists":
        return _other(told, 409)
    return ClusterError(f"there is a {told.kind or 'object'} {told.name!r} already", "choose another name", 409)


def _other(told: _Told, status: int) -> ClusterError:
    return ClusterError(f"the cluster refuses ({status}): {_cut(told.message) or 'it says no reason'}", status=status)


_MEANINGS: dict[int, Callable[[_Told, str], ClusterError]] = {
    401: _unknown,
    403: _forbidden,
    404: _missing,
    409: _clash,
}


def _status(body: bytes) -> _Told:
    """Return what is told in an answer of Kubernetes, or in the text of something before it."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("kind") != "Status":
        return _Told(body[:500].decode("utf-8", "replace"))
    details = found.get("details")
    details = details if isinstance(details, dict) else {}
    kind, name = str(details.get("kind", "")), str(details.get("name", ""))
    return _Told(str(found.get("message", "")), str(found.get("reason", "")), kind.removesuffix("s"), name)


def _cut(said: str) -> str:
    """Return a text in one line that is not too long, with nothing in it that a terminal obeys."""
    line = "".join(one for one in " ".join(said.split()) if one.isprintable())
    return line if len(line) <= 400 else line[:399] + "…"
