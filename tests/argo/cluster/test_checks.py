"""What `eas doctor` looks at on a cluster, against an API that answers what a rule is about."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from eas_argo.cluster.checks import Checks, Finding, Size, clock
from eas_argo.cluster.connection import connect
from eas_argo.cluster.profile import Bucket, Caps, Profile
from tests.argo.cluster.fake import Answer, Asked, Fake, status

SPACE = "/api/v1/namespaces/eas"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/workflows.argoproj.io"
DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments"
REPOSITORY = """
s3: {endpoint: s3:9000, bucket: files, accessKeySecret: {name: s3, key: a}, secretKeySecret: {name: s3, key: b}}
"""
SIZES = (Size("small", 1, 8, 0), Size("tls", 20, 16, 0))


def deployment(image: str) -> dict[str, Any]:
    """Return a list of Deployments with one of an image."""
    return {"items": [{"spec": {"template": {"spec": {"containers": [{"image": image}]}}}}]}


def node(*images: str, **allocatable: str) -> dict[str, Any]:
    """Return a list with one node, which has images."""
    given = {"cpu": "32", "memory": "64Gi"} | allocatable
    return {"items": [{"status": {"images": [{"names": list(images)}], "allocatable": given}}]}


WELL: dict[str, Any] = {
    "/version": {"gitVersion": "v1.34.4"},
    SPACE: {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}},
    "/apis/argoproj.io/v1alpha1": {"resources": [{"name": "workflows"}, {"name": "workflowtaskresults"}]},
    CRD: {
        "spec": {
            "versions": [{"schema": {"openAPIV3Schema": {"properties": {"spec": {"properties": {"entrypoint": {}}}}}}}]
        }
    },
    DEPLOYMENTS.format("eas"): {"items": []},
    DEPLOYMENTS.format("argo"): deployment("quay.io/argoproj/workflow-controller:v4.0.7"),
    f"{SPACE}/serviceaccounts/eas-runner": {},
    f"{SPACE}/serviceaccounts/eas-parent": {},
    f"{SPACE}/configmaps/artifact-repositories": {
        "metadata": {"annotations": {"workflows.argoproj.io/default-artifact-repository": "eas"}},
        "data": {"eas": REPOSITORY},
    },
    f"{SPACE}/secrets/s3": {"data": {"a": "", "b": ""}},
    "/api/v1/nodes": node("docker.io/eas/eas_base:0.1", "r.example.org/x:1"),
    f"{SPACE}/resourcequotas": {"items": []},
    f"{SPACE}/limitranges": {"items": []},
    f"{SPACE}/pods": {"items": []},
}
FORBIDDEN = status(403, "Forbidden", 'User "me" cannot get resource "x" in API group "" in the namespace "eas"')


def found(fake: Fake, denied: tuple[str, ...] = (), site: Profile | None = None, **world: Any) -> dict[str, Finding]:
    """Return the findings by subject, in a world that is well but for what is given: None is not there."""
    given = WELL | {key.replace("__", "/"): value for key, value in world.items()}

    def answer(asked: Asked) -> Answer:
        path = asked.path.partition("?")[0]
        if path.endswith("accessreviews"):
            attributes = asked.body["spec"]["resourceAttributes"]
            return Answer(201, {"status": {"allowed": f"{attributes['verb']} {attributes['resource']}" not in denied}})
        value = given.get(path)
        if isinstance(value, Answer):
            return value
        return Answer(200, value) if value is not None else status(404, "NotFound", f"{path} not found")

    fake.answer = answer
    profile = site or Profile("hpc", bucket=Bucket("files", "https://s3:9000"))
    checks = Checks(connect(profile), SIZES, ("eas/eas_base:0.1", "r.example.org/x:1"))
    return {one.subject: one for one in checks.all()}


def change(path: str, value: Any) -> dict[str, Any]:
    """Return what differs from the world that is well."""
    return {path.replace("/", "__"): value}


def test_all_is_well(fake: Fake) -> None:
    """A cluster that has everything gets no warning."""
    findings = found(fake)
    assert {one.level for one in findings.values()} == {"ok"}, findings
    assert findings["API"].message.endswith("Kubernetes v1.34.4")
    assert findings["namespace"].message == "eas, which enforces the restricted standard"
    assert findings["controller"].message == "4.0.7, in the namespace argo"
    assert findings["secret s3"].message == "has a, b"


@pytest.mark.parametrize(
    ("subject", "level", "message", "world"),
    [
        ("namespace", "error", "there is no namespace 'eas'", change(SPACE, None)),
        (
            "Argo",
            "error",
            "the cluster knows no workflows and no workflowtaskresults of Argo",
            change("/apis/argoproj.io/v1alpha1", None),
        ),
        ("Argo", "warning", "the minimal definitions (CRDs): mistakes show only when a run fails", change(CRD, {})),
        (
            "controller",
            "error",
            "4.0.1, in the namespace eas",
            change(DEPLOYMENTS.format("eas"), deployment("workflow-controller:v4.0.1")),
        ),
        (
            "controller",
            "warning",
            "4.2.0, in the namespace eas",
            change(DEPLOYMENTS.format("eas"), deployment("workflow-controller:v4.2.0")),
        ),
        ("controller", "warning", "no controller is to be seen from here", change(DEPLOYMENTS.format("argo"), None)),
        ("service account eas-runner", "error", "it is not there", change(f"{SPACE}/serviceaccounts/eas-runner", None)),
        (
            "service account eas-parent",
            "warning",
            "it is not there; chains that are cut into child workflows need it",
            change(f"{SPACE}/serviceaccounts/eas-parent", None),
        ),
        (
            "artifact repository",
            "warning",
            "there is no ConfigMap artifact-repositories",
            change(f"{SPACE}/configmaps/artifact-repositories", None),
        ),
        (
            "artifact repository",
            "error",
            "the ConfigMap artifact-repositories has no default for S3",
            change(f"{SPACE}/configmaps/artifact-repositories", {"metadata": {}, "data": {"eas": "["}}),
        ),
        ("secret s3", "error", "it is not there", change(f"{SPACE}/secrets/s3", None)),
        ("secret s3", "error", "it lacks b", change(f"{SPACE}/secrets/s3", {"data": {"a": ""}})),
        (
            "images",
            "warning",
            "not on every node yet: eas/eas_base:0.1",
            change("/api/v1/nodes", node("r.example.org/x:1")),
        ),
        ("nodes", "warning", "none of 1 is large enough for tls", change("/api/v1/nodes", node(cpu="8"))),
        ("nodes", "warning", "none of 1 is large enough for small, tls", change("/api/v1/nodes", node(memory="4Gi"))),
        (
            "quota",
            "error",
            "tls asks for 20 cores, all gives 8",
            change(
                f"{SPACE}/resourcequotas",
                {
                    "items": [
                        {"metadata": {"name": "all"}, "spec": {"hard": {"requests.cpu": "8", "requests.memory": "1Ti"}}}
                    ]
                },
            ),
        ),
        (
            "quota",
            "error",
            "it wants limits of memory, which Argo's own containers do not name",
            change(
                f"{SPACE}/resourcequotas",
                {"items": [{"metadata": {"name": "all"}, "spec": {"hard": {"limits.memory": "1Ti"}}}]},
            ),
        ),
    ],
)
def test_what_is_wrong(fake: Fake, subject: str, level: str, message: str, world: dict[str, Any]) -> None:
    """What is not there, or not as it must be, is told, with what to do about it."""
    finding = found(fake, **world)[subject]
    assert (finding.level, finding.message) == (level, message)
    assert finding.hint or "minimal" in message


def test_version_of_a_controller_outside(fake: Fake) -> None:
    """Where no Deployment is to be seen, pods tell which version made them."""
    pods = {"items": [{"spec": {"containers": [{"name": "wait", "image": "argoexec:v4.1.0"}]}}]}
    findings = found(fake, **change(DEPLOYMENTS.format("argo"), FORBIDDEN), **change(f"{SPACE}/pods", pods))
    assert findings["controller"] == ("controller", "ok", "4.1.0, as pods have it", None)


def test_rights(fake: Fake) -> None:
    """A missing right is an error where nothing goes without it, else a warning."""
    findings = found(fake, denied=("create workflows",))
    assert (findings["your rights"].level, findings["your rights"].message) == ("error", "no right to create workflows")
    findings = found(fake, denied=("list events",))
    assert findings["your rights"].level == "warning"
    findings = found(fake, denied=("patch workflowtaskresults",))
    assert findings["service account eas-runner"].message == "no right to patch workflowtaskresults"


def test_definitions_that_may_not_be_seen(fake: Fake) -> None:
    """Whoever may not see the definitions themselves still sees that they are there."""
    finding = found(fake, **change(CRD, FORBIDDEN))["Argo"]
    assert (finding.level, finding.message[:40]) == ("ok", "its definitions (CRDs) are there; you ma")


@pytest.mark.parametrize("path", [SPACE, f"{SPACE}/secrets/s3", "/api/v1/nodes"])
def test_what_may_not_be_looked_at(fake: Fake, path: str) -> None:
    """What the asker may not look at is a warning, and all else is looked at."""
    findings = found(fake, **change(path, FORBIDDEN))
    assert "error" not in {one.level for one in findings.values()}
    assert "me may not get x" in "".join(one.message for one in findings.values() if one.level == "warning")
    assert "nodes" in findings


def test_buckets_that_differ(fake: Fake) -> None:
    """Argo must write to where the site reads from."""
    other = found(fake, site=Profile("hpc", bucket=Bucket("other")))["artifact repository"]
    assert (other.level, other.message) == ("error", "Argo writes to files at s3:9000, the site reads from other")
    assert found(fake, site=Profile("hpc"))["artifact repository"].level == "warning"


def test_caps_of_the_site_count(fake: Fake) -> None:
    """A site that gives a pod fewer cores than it asks for needs no node that has them."""
    site = Profile("hpc", bucket=Bucket("files"), caps=Caps(cpu=4))
    assert found(fake, site=site, **change("/api/v1/nodes", node(cpu="8")))["nodes"].level == "ok"


def test_no_api(fake: Fake) -> None:
    """Where the API does not answer as one, nothing else is asked."""
    findings = found(fake, **change("/version", status(401, "Unauthorized", "who are you")))
    assert [(one.subject, one.level) for one in findings.values()] == [("API", "error")]


@pytest.mark.parametrize(
    ("apart_s", "level", "message"),
    [(0, "ok", "less than 5 s apart"), (90, "warning", "90 s"), (900, "error", "900 s")],
)
def test_clock(apart_s: int, level: str, message: str) -> None:
    """A clock that is far off is told before S3 refuses what is signed with it."""
    now = datetime(2026, 11, 21, tzinfo=UTC)
    finding = clock("clock", format_datetime(now + timedelta(seconds=apart_s)), now)
    assert finding.level == level
    assert finding.message.startswith(message)


@pytest.mark.parametrize("date", [None, "", "soon"])
def test_no_clock(date: str | None) -> None:
    """A server that tells no time is doubtful."""
    assert clock("clock", date).level == "warning"


@pytest.mark.parametrize(
    ("endpoint", "level"),
    [("https://s3:9000/", "ok"), ("http://s3:9000", "ok"), ("https://s3", "warning"), (None, "warning")],
)
def test_servers_that_differ(fake: Fake, endpoint: str | None, level: str) -> None:
    """A bucket of the same name on another server may be another one."""
    finding = found(fake, site=Profile("hpc", bucket=Bucket("files", endpoint)))["artifact repository"]
    assert finding.level == level
    assert level == "ok" or finding.message.startswith("Argo writes to files at s3:9000, the site reads it at ")
