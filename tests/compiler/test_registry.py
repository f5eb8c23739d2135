"""The registry: containers and task types, each read when a chain uses it."""

from textwrap import dedent, indent

import pytest

from eas_compiler import registry
from eas_compiler.diagnostics import Diagnostics
from eas_compiler.registry import Registry
from tests.compiler.compiling import told

HEAD = """
types: {data: {doc: Any file}}
containers:
  small: {image: "s:1", cpu: 1, memory_gb: 2}
  broken: {image: "b:1"}
  placed:
    image: "registry.example.org:5000/eas/p:1"
    cpu: 1
    memory_gb: 2
    ephemeral_storage_gb: 20
    node_selector: {disk: ssd}
    tolerations: [{key: gpu, operator: Exists}]
    priority_class: low
    source: {git: "https://example.org/p.git", ref: v1}
tasks:
"""


def load(tasks: str) -> tuple[Registry, Diagnostics]:
    """Read a registry with these tasks."""
    diagnostics = Diagnostics()
    found = registry.load("registry.yaml", (HEAD + indent(dedent(tasks), "  ")).encode(), diagnostics)
    assert found is not None
    return found, diagnostics


def test_entry_is_read_whole() -> None:
    """A task type has its container, ports, settings, metadata and limits; what is not said has a default."""
    found, _ = load("""
      search:
        container: small
        inputs: {lightcurve: {type: data}}
        outputs: {plot: {type: data, optional: true}}
        settings: {period: {type: float, unit: d, default: 0.5}}
        metadata: {power: {type: float}}
        retry: {limit: 2}
    """)
    task = found.task("search")
    assert task is not None
    assert (task.container.image, task.container.gpu, task.inputs["lightcurve"].type) == ("s:1", 0, "data")
    assert (task.outputs["plot"].optional, task.retry.limit, task.retry.memory_factor) == (True, 2, 1)
    assert (task.time_limit_s, task.no_work, task.has_program, task.label) == (86400, False, True, "search")


def test_range_is_short_for_its_bounds() -> None:
    """`range: [a, b]` is the same as a minimum and a maximum."""
    task = load("  tune: {container: small, settings: {level: {type: float, range: [0, 1.5]}}}")[0].task("tune")
    assert task is not None
    assert task.settings["level"] == {"type": "float", "minimum": 0, "maximum": 1.5}


def test_container_says_where_its_pods_run() -> None:
    """A container may say how much disk it takes, on which nodes it runs, and where its folder is."""
    found, diagnostics = load("  free: {container: all}")
    placed = found.container("placed", diagnostics)
    assert placed is not None
    assert placed.placement == ({"disk": "ssd"}, [{"key": "gpu", "operator": "Exists"}], "low")
    assert (placed.ephemeral_storage_gb, placed.source) == (20, ("https://example.org/p.git", "v1", "."))
    assert not len(diagnostics)


def test_image_goes_by_its_digest() -> None:
    """A digest stands in the place of the tag; an image that is named by digest already keeps it."""
    found, diagnostics = load("  free: {container: all}")
    found.digests = {"registry.example.org:5000/eas/p:1": "sha256:12", "s:1": "sha256:34"}
    references = [one.reference for name in ("placed", "small") if (one := found.container(name, diagnostics))]
    assert references == ["registry.example.org:5000/eas/p@sha256:12", "s@sha256:34"]
    small = found.container("small", diagnostics)
    assert small is not None
    assert small._replace(image="s@sha256:56").reference == "s@sha256:56"


@pytest.mark.parametrize(
    "source", ["x", "{git: x}", "{git: x, ref: y, folder: z}", "{git: --x, ref: y}", "{git: x, ref: y, path: ../z}"]
)
def test_wrong_source(source: str) -> None:
    """The folder of a container is in a repository at a ref, and git takes neither for an option."""
    diagnostics = Diagnostics()
    text = f"containers: {{a: {{image: b, cpu: 1, memory_gb: 1, source: {source}}}}}"
    found = registry.load("registry.yaml", text.encode(), diagnostics)
    assert found is not None
    assert found.container("a", diagnostics) is not None or diagnostics.errors
    assert "source must be {git: a repository" in told(diagnostics)[0]


def test_all_stands_for_the_first_container() -> None:
    """A type that runs in all containers gets the first one."""
    task = load("  free: {container: all}")[0].task("free")
    assert task is not None
    assert task.container.name == "small"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{}", "the task type 'x' names no container"),
        ("{container: smal}", "unknown container 'smal'"),
        ("{container: broken}", "the container 'broken' lacks cpu, memory_gb"),
        ("{container: small, inputs: {a: {type: dat}}}", "no entry of `types` declares 'dat'"),
        ("{container: small, inputs: {a: {}}}", "the port 'a' has no type"),
        ("{container: small, settings: {a: {type: number}}}", "the setting 'a' has no known type"),
        (
            "{container: small, settings: {a: {type: int, range: [2, 1]}}}",
            "range must be [least, greatest], two numbers",
        ),
        ("{container: small, settings: {a: {type: int, range: 3}}}", "range must be [least, greatest], two numbers"),
        (
            "{container: small, settings: {a: {type: int, default: x}}}",
            "the default of 'a': must be an integer, not a text",
        ),
        (
            "{container: small, settings: {a: {type: float, default: 3, maximum: 2, unit: s}}}",
            "the default of 'a': 3 is above the maximum of 2 s",
        ),
        (
            "{container: small, settings: {a: {type: text, default: c, choices: [a, b]}}}",
            "the default of 'a': 'c' is not one of the choices",
        ),
        (
            "{container: small, settings: {a: {type: int, choices: [1, b]}}}",
            "the choice of 'a' must be an integer, not a text",
        ),
        (
            "{container: small, settings: {a: {type: object, fields: {b: {type: int, default: x}}}}}",
            "the default of 'b': must be an integer, not a text",
        ),
        (
            "{container: small, settings: {a: {type: object, default: {b: x}, fields: {b: {type: int}}}}}",
            "the default of 'a.b': must be an integer, not a text",
        ),
        (
            "{container: small, settings: {a: {type: text, minimum: 1}}}",
            "minimum is for numbers; 'a' is of type text",
        ),
        ("{container: small, retry: {limits: 1}}", "unknown field 'limits'"),
        ("{container: small, time_limit_s: 0}", "time_limit_s must be a number of seconds"),
        ("{container: small, no_work: 1}", "no_work must be true or false"),
        ("{container: small, labels: a}", "unknown field 'labels'"),
    ],
)
def test_mistakes_are_errors_for_who_uses_the_entry(entry: str, message: str) -> None:
    """A broken entry is an error when a chain asks for it, and a warning otherwise."""
    found, diagnostics = load(f"  x: {entry}")
    assert [one.message for one in found.unused_problems({"x"})] == []
    assert [(one.severity, one.message) for one in found.unused_problems(set())] == [("warning", message)]
    assert found.task("x", diagnostics) is None
    assert told(diagnostics) == [f"registry: {message}"]


def test_flow_control_is_no_task_type() -> None:
    """Nobody can give the words of flow control another meaning."""
    found, diagnostics = load("  execution_chain: {container: small}")
    assert found.task("execution_chain", diagnostics) is None
    assert told(diagnostics) == ["registry: execution_chain is flow control, no task type"]


def test_not_utf_8_is_reported() -> None:
    """A registry in another encoding is refused as a whole."""
    diagnostics = Diagnostics()
    assert registry.load("r", b"\xff", diagnostics) is None
    assert told(diagnostics) == ["encoding: not UTF-8"]


def test_wrong_default_is_shown_at_its_place() -> None:
    """The mistake is shown where the default stands, not where the entry begins."""
    found, diagnostics = load("x: {container: small, settings: {a: {type: int, default: x}}}")
    found.task("x", diagnostics)
    (one,) = diagnostics
    assert one.source.text[one.start : one.end] == "x"
    assert one.source.location(one.start)[0] == one.source.text.count("\n") + 1
