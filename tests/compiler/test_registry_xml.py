"""The prototype's registry in XML."""

import pytest

from eas_compiler import registry
from eas_compiler.diagnostics import Diagnostics
from tests.compiler.compiling import told

XML = """<?xml version="1.0"?>
<task_type_registry>
  <containers>
    <container>
      <name>eas_worker_tls</name>
      <resourceRequirements><cpu>20</cpu><gpu>0</gpu><memory_gb>16</memory_gb></resourceRequirements>
    </container>
  </containers>
  <tasks>
    <task><name>transit_search_tls</name><container>eas_worker_tls</container></task>
    <task><name>null</name><container>all</container></task>
    <task><name>execution_for_loop</name><container>all</container></task>
  </tasks>
</task_type_registry>
"""


def test_names_and_resources_are_read() -> None:
    """Containers have their resources, types their containers; flow control is left out."""
    diagnostics = Diagnostics()
    found = registry.load("registry.xml", XML.encode(), diagnostics)
    assert found is not None
    assert list(found.tasks) == ["transit_search_tls", "null"]
    task = found.task("transit_search_tls", diagnostics)
    assert task is not None
    assert (task.container.cpu, task.container.memory_gb) == (20, 16)
    assert not len(diagnostics)


def test_ports_and_settings_are_open() -> None:
    """The XML form says nothing of ports and settings, so that any may be used."""
    found = registry.load("registry.xml", XML.encode(), Diagnostics())
    assert found is not None
    task = found.task("null")
    assert task is not None
    assert task.open


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        ("<tasks/>", "registry: expected <task_type_registry>, not <tasks>"),
        ("<task_type_registry>", "xml: no element found"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><task_type_registry/>', "xml: entities are not allowed"),
        (XML.replace("<name>null</name>", ""), "registry: <task> without <name>"),
        (XML.replace(">null<", ">transit_search_tls<"), "registry: <task> 'transit_search_tls' is there twice"),
    ],
)
def test_mistakes_are_reported(xml: str, message: str) -> None:
    """What is no registry is said to be none, at its place."""
    diagnostics = Diagnostics()
    registry.load("registry.xml", xml.encode(), diagnostics)
    assert told(diagnostics) == [message]


def test_missing_resources_are_errors_of_who_uses_them() -> None:
    """A container without memory cannot be used."""
    diagnostics = Diagnostics()
    xml = XML.replace("<memory_gb>16</memory_gb>", "").replace("<cpu>20</cpu>", "<cpu>many</cpu>")
    found = registry.load("registry.xml", xml.encode(), diagnostics)
    assert found is not None
    assert found.task("transit_search_tls", diagnostics) is None
    assert "the container 'eas_worker_tls' lacks cpu, memory_gb" in str(told(diagnostics))
