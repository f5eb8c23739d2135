"""All passes together."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eas_compiler.compile import Options, UnknownParameterError, check, compile_chain
from tests.compiler.compiling import OPTIONS, codes, make, text_of, told

CHAINS = sorted((Path(__file__).parents[2] / "chains").glob("*.json"))


@pytest.mark.parametrize("chain", CHAINS, ids=lambda path: path.stem)
def test_demo_chains_compile(chain: Path) -> None:
    """The demo chains have no mistakes, and give the same manifest each time."""
    first, found = compile_chain(chain.name, chain.read_bytes(), Options())
    second, _ = compile_chain(chain.name, chain.read_bytes(), Options())
    assert first is not None
    assert first == second
    assert not found.diagnostics.errors


@given(st.binary(max_size=60))
def test_any_bytes_are_checked(data: bytes) -> None:
    """No bytes make an exception."""
    check("x.json", data, OPTIONS)


@given(st.sampled_from(CHAINS), st.randoms(use_true_random=False))
def test_mutated_chains_are_checked(chain: Path, chance: random.Random) -> None:
    """Demo chains of which some bytes are changed, doubled or lost are compiled or refused, never an exception."""
    data = bytearray(chain.read_bytes())
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(data))
        part = data[start : start + chance.choice([1, 1, 8, 40])]
        other = chance.randrange(len(data))
        data[other : other + chance.choice([0, 1, len(part)])] = chance.choice(
            [part, bytes(chance.choices(b'"{}[],:0-e\\() x\xff', k=2))]
        )
    workflow, found = compile_chain("x.json", bytes(data), Options())
    assert (workflow is None) == (found.diagnostics.errors > 0 or not found.is_good)


def test_seed_comes_from_the_text() -> None:
    """The same text has the same seed, another one another; what is given counts more."""
    texts = [text_of({"task_list": [make(name)]}) for name in ("f", "f", "g")]
    options = OPTIONS._replace(seed=None)
    manifests = [compile_chain("x.json", data, options)[0] for data in texts]
    seeds = [one["spec"]["arguments"]["parameters"][0]["value"] for one in manifests if one]
    assert seeds[0] == seeds[1] != seeds[2]
    assert all(len(seed) == 16 for seed in seeds)


def test_parameters_can_be_set() -> None:
    """`--set` gives a parameter another value; a parameter that is not there is wrong use."""
    data = text_of({"parameters": {"size": 1}, "task_list": []})
    assert check("x.json", data, OPTIONS._replace(parameters={"size": 2})).is_good
    with pytest.raises(UnknownParameterError, match="did you mean 'size'"):
        check("x.json", data, OPTIONS._replace(parameters={"siez": 2}))


def test_job_is_called_like_its_file() -> None:
    """A chain without a job_name has that of its file, without folders and ending."""
    found = check("a/b.json", text_of({"task_list": []}), OPTIONS)
    assert found.chain is not None
    assert (found.chain.job_name, found.chain.working_directory) == ("b", "b")


def test_unreadable_registry_is_reported(tmp_path: Path) -> None:
    """Without a registry nothing can be checked, which is an error of the input."""
    found = check("x.json", b"{}", Options(registry=tmp_path / "no.yaml"))
    assert told(found.diagnostics) == ["unreadable: cannot read the registry: No such file or directory"]


def test_broken_entries_that_are_not_used_are_warnings(tmp_path: Path) -> None:
    """One broken entry of the registry does not stop chains that use others."""
    registry = tmp_path / "registry.yaml"
    registry.write_text(
        "containers: {c: {image: i, cpu: 1, memory_gb: 1}}\ntasks: {a: {container: c}, b: {container: x}}\n"
    )
    found = check("x.json", text_of({"task_list": [{"task": "a"}]}), Options(registry=registry))
    assert found.is_good
    assert codes(found.diagnostics) == ["registry"]
    assert not check("x.json", text_of({"task_list": [{"task": "b"}]}), Options(registry=registry)).is_good


def test_check_shows_what_only_a_manifest_can_show(tmp_path: Path) -> None:
    """Whatever stops compiling is an error of checking as well."""
    large = text_of({"task_list": [make("f", b="x" * 130_000), make("g", b="y" * 130_000)]})
    assert codes(check("x.json", large, OPTIONS).diagnostics) == ["too-large", "too-large"]
    options = OPTIONS._replace(templates=tmp_path / "no")
    assert codes(check("x.json", text_of({"task_list": [make("f")]}), options).diagnostics) == ["templates"]
