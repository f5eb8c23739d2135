"""A connection asks as the kubeconfig says, and explains what goes wrong on the way."""

import socket
from pathlib import Path

import pytest

from eas_argo.cluster import connection
from eas_argo.cluster.connection import connect
from eas_argo.cluster.errors import ClusterError
from eas_argo.cluster.profile import Profile
from tests.argo.cluster.fake import Answer, Fake, kubeconfig, status

PROFILE = Profile("cluster")


def test_asking(fake: Fake) -> None:
    """The token goes along, and objects come and go as they are."""
    fake.answer = lambda asked: Answer(201, {"given": asked.body})
    there = connect(PROFILE)
    assert there.ask("POST", there.workflows, {"dryRun": "All"}, {"a": 1}) == {"given": {"a": 1}}
    (asked,) = fake.asked
    assert asked.path == "/apis/argoproj.io/v1alpha1/namespaces/eas/workflows?dryRun=All"
    assert asked.headers["authorization"] == "Bearer abc"


def test_a_patch_is_merged(fake: Fake) -> None:
    """A patch names the fields that change, and no others."""
    fake.answer = lambda _: Answer(200, {})
    there = connect(PROFILE)
    there.ask("PATCH", f"{there.workflows}/a", body={"spec": {"shutdown": "Stop"}})
    assert fake.asked[0].headers["content-type"] == "application/merge-patch+json"


@pytest.mark.parametrize(
    ("profile", "namespace"),
    [
        (PROFILE, "eas"),
        (PROFILE._replace(context="there"), "x"),
        (PROFILE._replace(context="there", namespace="mine"), "mine"),
    ],
)
def test_the_namespace(fake: Fake, profile: Profile, namespace: str) -> None:
    """It is the site's, else that of the site's context."""
    assert connect(profile).namespace == namespace


def test_without_any_namespace(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is then the one that kubectl takes."""
    kubeconfig(tmp_path / "other", fake.address, monkeypatch, namespace=None)
    assert connect(PROFILE).namespace == "default"


def test_lines(fake: Fake) -> None:
    """A stream is given line by line, the last one also without an end."""
    fake.answer = lambda _: Answer(200, "one\n\ntwo\nthree")
    there = connect(PROFILE)
    with there.stream(f"{there.pods}/a/log", {"follow": "true"}) as lines:
        assert list(lines) == [b"one", b"", b"two", b"three"]


def test_a_refusal(fake: Fake) -> None:
    """What the cluster refuses is an error, of objects and of streams."""
    fake.answer = lambda _: status(410, "Expired", "too old resource version")
    there = connect(PROFILE)
    with pytest.raises(ClusterError, match="too old") as caught, there.stream(there.workflows):
        pass
    assert caught.value.status == 410
    with pytest.raises(ClusterError, match="too old"):
        there.get(there.workflows)


def test_what_is_no_object(fake: Fake) -> None:
    """Whoever answers, an answer that cannot be read is an error."""
    fake.answer = lambda _: Answer(200, "<html>")
    there = connect(PROFILE)
    with pytest.raises(ClusterError, match="does not answer as Kubernetes does"):
        there.get(there.workflows)


def test_nobody_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address at which nobody listens is told."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    kubeconfig(tmp_path / "kubeconfig", "http://127.0.0.1:1", monkeypatch)
    there = connect(PROFILE)
    with pytest.raises(ClusterError, match="cannot be reached: Connection refused; is the"):
        there.get(there.workflows)


def test_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is waited for longer than it takes to say so."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kubeconfig(tmp_path / "kubeconfig", f"http://127.0.0.1:{silent.getsockname()[1]}", monkeypatch)
        there = connect(PROFILE)
        with pytest.raises(ClusterError, match="does not answer within 0 s"), there.stream(there.workflows, {}, 0.05):
            pass


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo: [1", "cannot be used: while parsing a flow sequence"),
        ("foo: 1", "cannot be used: Invalid kube-config file. Expected key current-context"),
        ("", "cannot be used: Invalid kube-config"),
    ],
)
def test_a_broken_kubeconfig(text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be used is named, with the reason."""
    (tmp_path / "kubeconfig").write_text(text, "utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with pytest.raises(ClusterError, match=message):
        connect(PROFILE)


def test_no_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file there is no cluster."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nothing"))
    monkeypatch.delenv(connection._IN_POD, raising=False)
    with pytest.raises(ClusterError, match=r"there is no kubeconfig .*nothing; set KUBECONFIG"):
        connect(PROFILE)


def test_an_unknown_context(fake: Fake) -> None:
    """A context that is not there is told, with the likely one."""
    with pytest.raises(ClusterError, match="no context 'hre'; did you mean 'here'"):
        connect(PROFILE._replace(context="hre"))
