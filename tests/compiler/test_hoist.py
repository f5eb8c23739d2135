"""What several descriptions say is said once, and means the same."""

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eas_compiler import forms
from eas_compiler.hoist import hoisted
from eas_compiler.parts import as_json
from eas_worker.manifests import templates

Json = dict[str, Any]
LONG = "x" * 200
VALUES = st.recursive(st.text() | st.integers() | st.sampled_from([LONG, "{{x}}", "$(HOME)", "}}"]), st.lists)


def pod(name: str, description: str) -> Json:
    """Write the template of a pod with a description."""
    env = [{"name": "EAS_SEED", "value": "{{workflow.parameters.seed}}"}, {"name": "EAS_TASK", "value": description}]
    return {"name": name, "container": {"command": ["x"], "env": env}}


def described(template: Json) -> str:
    """Return the description of a pod."""
    return str(template["container"]["env"][1]["value"])


def test_what_is_said_twice_is_said_once() -> None:
    """A parameter holds what the same descriptions say; what one alone says, or is short, stays."""
    plain = [
        pod("a", as_json({"path": "/a", "loops": [LONG], "types": LONG})),
        pod("a-qc", as_json({"path": "/a", "loops": [LONG], "types": LONG, "own": LONG})),
        pod("b", as_json({"path": "/b", "loops": [LONG]})),
    ]
    filled, texts = hoisted(plain)
    assert texts == {"eas-text-0": f'"path":"/a","types":"{LONG}"', "eas-text-1": f'"loops":["{LONG}"]'}
    assert [described(one) for one in filled] == [
        "{ {{workflow.parameters.eas-text-0}},{{workflow.parameters.eas-text-1}}}",
        f'{{ {{{{workflow.parameters.eas-text-0}}}},{{{{workflow.parameters.eas-text-1}}}},"own":"{LONG}"}}',
        '{ {{workflow.parameters.eas-text-1}},"path":"/b"}',
    ]


def test_others_stay() -> None:
    """Lists, pods of others, and descriptions that Argo puts together are as they were."""
    plain = [{"name": "chain", "dag": {"tasks": []}}, {"name": "x", "container": {"command": ["x"]}}]
    plain += [pod(name, f'{{"path":"/a","types":"{LONG}",{{{{inputs.parameters.eas-own}}}}}}') for name in "ab"]
    assert hoisted(plain) == (plain, {})


@given(st.lists(st.dictionaries(st.sampled_from(["path", "loops", "types", "settings"]), VALUES), max_size=4))
def test_descriptions_mean_the_same(descriptions: list[Json]) -> None:
    """Who reads the Workflow gets each description as it was; Argo finds no tags in it but those of parameters."""
    plain = [pod(f"t{number}", forms.escaped(as_json(one))) for number, one in enumerate(descriptions)]
    filled, texts = hoisted(plain)
    parameters = [{"name": name, "value": text} for name, text in texts.items()]
    found = templates({"spec": {"templates": filled, "arguments": {"parameters": parameters}}})
    assert [json.loads(described(one)) for one in found.values()] == descriptions
    assert not any("{{" in text or "$" in text for text in texts.values())
    for one in filled:
        tags = re.findall(r"\{\{(.*?)\}\}", described(one))
        assert {tag.removeprefix("workflow.parameters.") for tag in tags} <= texts.keys()
