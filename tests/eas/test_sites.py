"""Sites are read from one file, completed by the environment, and all that is wrong is told at its place."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eas import sites
from eas.sites import BrokenSitesError, Laptop, UnknownSiteError
from eas_argo.cluster.profile import Bucket, Caps, Profile
from eas_compiler import render
from eas_compiler.diagnostics import Diagnostics
from eas_compiler.source import Source

WHOLE = """
default: hpc
sites:
  hpc:
    kind: cluster
    context: hpc-admin
    namespace: science
    s3: {endpoint: "https://s3.example.org", bucket: eas, region: eu-1}
    database: "postgresql+psycopg://eas@db.example.org/eas"
    caps: {cpu: 16, gpu: 1, memory_gb: 64.5}
    images: registry.example.org/eas
    pull_policy: Always
    service_account: eas-runner
    node_selector: {kubernetes.io/arch: amd64}
    tolerations: [{key: science, operator: Exists, effect: NoSchedule}]
    priority_class: low
    ephemeral_storage_gb: 20
    parallelism: 50
    inputs: s3://eas/inputs
  desk: {kind: laptop, store: /data/eas, jobs: 4, inputs: /data/in}
"""
WRONG = """\
default: hpcc
sites:
  hpc:
    kind: cluster
    contxt: a
    namespace: Eas
    s3: {endpoint: s3.example.org, secret_key: abc}
    database: "postgresql://eas:geheim@db/eas"
    caps: {cpu: many, memory: 4}
    tolerations: [{key: gpu, effect: NoSchedul}, 7]
    node_selector: [a]
  mine: {kind: lapto}
  other: 5
  Foo: {store: a}
"""
TOLD = """\
eas.yaml:1:10: error: there is no site 'hpcc' [site]
    default: hpcc
             ^~~~
  hint: did you mean 'hpc'?
eas.yaml:5:5: error: unknown field 'contxt' [site]
        contxt: a
        ^~~~~~
  hint: did you mean 'context'?
eas.yaml:6:16: error: namespace must be a name as Kubernetes has them: a-z, 0-9, - and . [site]
        namespace: Eas
                   ^~~
eas.yaml:7:5: error: s3 names no bucket [site]
        s3: {endpoint: s3.example.org, secret_key: abc}
        ^~
eas.yaml:7:20: error: endpoint must be an address as https://s3.example.org [site]
        s3: {endpoint: s3.example.org, secret_key: abc}
                       ^~~~~~~~~~~~~~
eas.yaml:7:48: error: 'secret_key' does not belong in this file [secret]
        s3: {endpoint: s3.example.org, secret_key: ***}
                                                   ^~~
  hint: credentials come from the environment or ~/.aws, passwords of databases from PGPASSWORD or ~/.pgpass
eas.yaml:8:15: error: a password does not belong in this file [secret]
        database: ********************************
                  ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
  hint: credentials come from the environment or ~/.aws, passwords of databases from PGPASSWORD or ~/.pgpass
eas.yaml:9:17: error: cpu must be a number of cores [site]
        caps: {cpu: many, memory: 4}
                    ^~~~
eas.yaml:9:23: error: unknown field 'memory' [site]
        caps: {cpu: many, memory: 4}
                          ^~~~~~
  hint: did you mean 'memory_gb'?
eas.yaml:10:38: error: effect must be NoSchedule, PreferNoSchedule, NoExecute [site]
        tolerations: [{key: gpu, effect: NoSchedul}, 7]
                                         ^~~~~~~~~
eas.yaml:10:50: error: must be a mapping [site]
        tolerations: [{key: gpu, effect: NoSchedul}, 7]
                                                     ^
eas.yaml:11:20: error: node_selector must be a mapping of labels to texts [site]
        node_selector: [a]
                       ^~~
eas.yaml:12:16: error: kind must be laptop or cluster [site]
      mine: {kind: lapto}
                   ^~~~~
  hint: did you mean 'laptop'?
eas.yaml:13:10: error: must be a mapping [site]
      other: 5
             ^
eas.yaml:14:3: error: 'Foo' is no name: a-z, 0-9, - and . [site]
      Foo: {store: a}
      ^~~
eas.yaml:14:3: error: the site 'Foo' does not say its kind: laptop or cluster [site]
      Foo: {store: a}
      ^~~
"""
HPC = Profile(
    "hpc",
    "hpc-admin",
    "science",
    Bucket("eas", "https://s3.example.org", "eu-1"),
    "postgresql+psycopg://eas@db.example.org/eas",
    Caps(16, 1, 64.5),
    "registry.example.org/eas",
    "Always",
    "eas-runner",
    {"kubernetes.io/arch": "amd64"},
    ({"key": "science", "operator": "Exists", "effect": "NoSchedule"},),
    "low",
    20,
    50,
    "s3://eas/inputs",
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(text: str, name: str = "eas.yaml") -> str:
    """Write a file of sites and return its path."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, "utf-8")
    return name


def test_a_whole_file() -> None:
    """Every field arrives where it belongs, the default is the file's, and the environment changes nothing."""
    written(WHOLE)
    assert sites.find(None, None, {"EAS_S3_BUCKET": "x", "EAS_DATABASE": "y", "AWS_REGION": "z"}) == HPC
    assert sites.find("desk", None, {}) == Laptop("desk", "/data/eas", None, 4, "/data/in")
    assert sites.find(None, None, {"EAS_SITE": "desk"}).name == "desk"


def test_mistakes() -> None:
    """All of them are told at once, each at its place, and no secret is shown."""
    written(WRONG)
    with pytest.raises(BrokenSitesError) as caught:
        sites.find(None, None, {})
    assert "\n".join(map(render.as_text, caught.value.diagnostics)) + "\n" == TOLD


def test_without_a_file() -> None:
    """There is this machine, and the cluster that the environment speaks of."""
    given = {"EAS_S3_ENDPOINT": "http://s3:9000", "EAS_S3_BUCKET": "eas", "AWS_DEFAULT_REGION": "eu"}
    assert sites.find(None, None, {}) == Laptop()
    assert sites.find(None, None, {"EAS_INPUTS": "/in"}) == Laptop(inputs="/in")
    assert sites.find("cluster", None, {}) == Profile("cluster")
    assert sites.find("cluster", None, given) == Profile("cluster", bucket=Bucket("eas", "http://s3:9000", "eu"))


def test_what_a_file_leaves_out() -> None:
    """It comes from the environment."""
    written("sites: {hpc: {kind: cluster, s3: {bucket: mine}}}")
    found = sites.find("hpc", None, {"EAS_S3_ENDPOINT": "http://s3:9000", "EAS_DATABASE": "sqlite:///x"})
    assert found == Profile("hpc", bucket=Bucket("mine", "http://s3:9000"), database="sqlite:///x")


def test_where_the_file_is(tmp_path: Path) -> None:
    """It is the one that is named, else the one here, else the one of the user."""
    home = {"HOME": str(tmp_path / "home")}
    one = "sites: {{{}: {{kind: laptop}}}}".format
    written(one("user"), "home/.config/eas/eas.yaml")
    assert "user" in sites.load(None, home).by_name
    written(one("other"), "xdg/eas/eas.yaml")
    assert "other" in sites.load(None, {**home, "XDG_CONFIG_HOME": str(tmp_path / "xdg")}).by_name
    written(one("here"))
    assert "here" in sites.load(None, home).by_name
    named = written(one("named"), "named.yaml")
    assert "named" in sites.load(None, {**home, "EAS_SITES": named}).by_name
    assert "named" in sites.load(named, home).by_name


def test_an_unknown_site() -> None:
    """It is told, with the likely one or all that there are."""
    with pytest.raises(UnknownSiteError, match="there is no site 'clster'; did you mean 'cluster'"):
        sites.find("clster", None, {})
    with pytest.raises(UnknownSiteError, match="there is no site 'mars'; known: laptop, cluster"):
        sites.find(None, None, {"EAS_SITE": "mars"})


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"\xff", "not UTF-8"), (b"", "the document is empty"), (b"[1]", "must be a mapping"), (None, "cannot read the")],
)
def test_no_sites_at_all(data: bytes | None, expected: str) -> None:
    """A file that is none is told."""
    if data is not None:
        Path("sites.yaml").write_bytes(data)
    with pytest.raises(BrokenSitesError, match=expected):
        sites.find(None, "sites.yaml", {})


@given(
    st.recursive(st.none() | st.integers() | st.text("ab/:@", max_size=4), lambda inner: st.lists(inner, max_size=3))
)
def test_any_value_is_read_or_reported(value: object) -> None:
    """No value of any field makes an exception."""
    for field in (*sites._CLUSTER, "password"):
        written(f"sites: {{a: {{kind: cluster, {field}: {value!r}}}}}".replace("None", "null"), "any.yaml")
        diagnostics = Diagnostics()
        sites.read("any.yaml", diagnostics)
        assert all(isinstance(one.source, Source) for one in diagnostics)


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("postgresql://eas@db/eas", False),
        ("postgresql://db/eas?host=/run&sslpassword=x", True),
        ("postgresql://db/eas?PassWord=x", True),
        ("postgresql://db/eas?%70assword=x", True),
        ("postgresql://eas:a/b@db/eas", True),
        ("postgresql://eas:a@b@db/eas", True),
        ("postgresql://eas%3Ax@db/eas", True),
        ("sqlite:///eas.db?timeout=5", False),
        ("postgresql://[::1]:5432/eas", False),
    ],
)
def test_passwords_in_urls(url: str, *, secret: bool) -> None:
    """They are found with the user and among parameters, however they are written."""
    assert sites.has_secret(url) == secret


@pytest.mark.parametrize("endpoint", ["https://me:geheim@s3.example.org", "https://s3.example.org/?X-Signature=geheim"])
def test_secrets_in_an_endpoint(tmp_path: Path, endpoint: str) -> None:
    """An endpoint is the address of a server; what else is in it is not shown."""
    file = tmp_path / "eas.yaml"
    file.write_text(f"sites: {{a: {{kind: cluster, s3: {{bucket: eas, endpoint: '{endpoint}'}}}}}}", "utf-8")
    with pytest.raises(sites.BrokenSitesError) as raised:
        sites.load(str(file), {})
    (one,) = raised.value.diagnostics
    assert one.code == "secret"
    assert "geheim" not in render.as_text(one)
