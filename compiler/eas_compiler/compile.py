"""The passes one after the other: text in, Workflow and diagnostics out.

Of the machine it reads the registry and the templates, and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

from eas_compiler import lock, ports, suspicious
from eas_compiler import lower as lowering
from eas_compiler import registry as registries
from eas_compiler import templates as prototypes
from eas_compiler.diagnostics import Diagnostic, Diagnostics, did_you_mean
from eas_compiler.fit import Limits, Part, fit
from eas_compiler.link import Links, link
from eas_compiler.read import YAML, read
from eas_compiler.registry import Registry
from eas_compiler.resolve import resolve
from eas_compiler.shape import repetitions
from eas_compiler.sharing import Alone, Shared
from eas_compiler.source import Node, Source, read_bytes
from eas_compiler.templates import Templates
from eas_compiler.tree import Chain, Task, walk

HERE = os.path.dirname(__file__)
File = str | os.PathLike[str]


class Options(NamedTuple):
    """What a user can say beside the chain.

    Without a path, the registry is `./registry.yaml` or, where there is none, the packaged one, as the templates are.
    `no_work` takes it that every task type may have no work, for simulations that script it. `limits` say how large a
    Workflow may be. `preset` is one of the chain's own sets of parameters.
    """

    parameters: dict[str, Any] = {}  # noqa: RUF012 - never changed
    seed: str | None = None
    registry: File | None = None
    templates: File | None = None
    no_work: bool = False
    limits: Limits = Limits()
    preset: str | None = None


class Checked(NamedTuple):
    """A chain that was read and linked; `chain` and `links` are None where it could not be understood at all.

    `parts` are the Workflows that it becomes, when it was compiled.
    """

    root: Node | None
    registry: Registry | None
    chain: Chain | None
    links: Links | None
    diagnostics: Diagnostics
    parts: tuple[Part, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether there are no errors."""
        return self.links is not None and not self.diagnostics.errors


class UnknownParameterError(Exception):
    """`--set` names a parameter, or `--preset` a preset, that the chain does not have."""


def check(name: str, data: bytes, options: Options) -> Checked:
    """Return what `compile_chain` finds; all mistakes are in the result's diagnostics.

    The Workflow is made and forgotten, because some mistakes show only in it.
    """
    return compile_chain(name, data, options)[1]


def _understood(name: str, data: bytes, options: Options) -> Checked:
    """Run the passes up to link."""
    diagnostics = Diagnostics()
    registry = read_registry(options.registry, diagnostics)
    root = read(name, data, diagnostics)
    if root is None or registry is None:
        return Checked(root, registry, None, None, diagnostics)
    registry.any_may_have_no_work = options.no_work
    _check_names(root, options)
    chain = resolve(root, registry, _stem(name), options.parameters, diagnostics, options.preset)
    links = link(chain, diagnostics) if chain is not None else None
    if chain is not None and links is not None:
        makers = ports.Makers(chain)
        ports.check(makers, diagnostics)
        if not diagnostics.errors:
            suspicious.check(chain, links, makers, diagnostics)
    used = (
        {variant.type.name for item in walk(chain.body) if isinstance(item, Task) for variant in item.variants}
        if chain
        else set()
    )
    for problem in registry.unused_problems(used):
        diagnostics.add(problem)
    return Checked(root, registry, chain, links, diagnostics)


def compile_chain(name: str, data: bytes, options: Options) -> tuple[dict[str, Any] | None, Checked]:
    """Return the Workflow, None when there are errors, and what was found on the way."""
    checked = _understood(name, data, options)
    parts = prototypes.load(options.templates or os.path.join(HERE, "templates"), checked.diagnostics)
    if not checked.is_good:
        return None, checked
    assert checked.chain is not None and checked.links is not None and checked.registry is not None  # noqa: PT018
    seed = options.seed if options.seed is not None else _sha256(data)[:16]
    workflow = _lowered(checked.chain, checked.links, checked, parts, seed, options.limits)
    times = repetitions(checked.chain)
    fitted = fit(workflow, checked.chain, times, parts, options.limits, checked.diagnostics)
    is_good = not checked.diagnostics.errors  # what no manifest can carry is found only now
    return (fitted.workflow if is_good else None), checked._replace(parts=fitted.parts)


def _lowered(
    chain: Chain, links: Links, checked: Checked, prototypes: Templates, seed: str, limits: Limits
) -> dict[str, Any]:
    """Return the Workflow; alike tasks share templates where it would have too many otherwise."""
    assert checked.registry is not None
    tasks = sum(isinstance(item, Task) for item in walk(chain.body))
    for sharing in (Alone, Shared)[2 * tasks > limits.templates :]:
        given = (chain, links, checked.registry, sharing(prototypes), seed, checked.diagnostics)
        workflow = lowering.lower(*given)
        if len(workflow["spec"]["templates"]) <= limits.templates:
            break
    return workflow


def without_program(checked: Checked) -> Iterator[tuple[str, Node]]:
    """Yield the task types of a chain that have no program yet, each with the place where it is first used."""
    seen: set[str] = set()
    for item in walk(checked.chain.body) if checked.chain else ():
        for variant in item.variants if isinstance(item, Task) else ():
            if not variant.type.has_program and variant.type.name not in seen:
                seen.add(variant.type.name)
                yield variant.type.name, item.common.node.value["task"]


def _sha256(data: bytes) -> str:
    """Return a hash in hex; `hashlib` would load OpenSSL, which takes longer than to compile a small chain."""
    for module in ("_sha2", "_sha256", "hashlib"):  # since Python 3.12; before; anywhere
        try:
            return str(import_module(module).sha256(data).hexdigest())
        except ImportError:
            continue
    raise AssertionError


def registry_path(given: File | None) -> str:
    """Return where the registry is: as given, in the current folder, or packaged."""
    local = "registry.yaml"
    return os.fspath(given) if given else local if os.path.isfile(local) else os.path.join(HERE, local)


def read_registry(given: File | None, diagnostics: Diagnostics) -> Registry | None:
    """Return the registry that is given, or that of the current folder, or the packaged one."""
    path = registry_path(given)
    try:
        data = read_bytes(path)
    except OSError as error:
        message = f"cannot read the registry: {error.strerror}"
        diagnostics.add(Diagnostic("unreadable", "error", message, Source(path, ""), 0, 0))
        return None
    registry = registries.load(path, data, diagnostics)
    if registry is not None:
        registry.digests = lock.read(lock.path_of(path), diagnostics)
    return registry


def _check_names(root: Node, options: Options) -> None:
    """Refuse names that were given beside the chain and mean nothing to it."""
    presets = [options.preset] if options.preset is not None else []
    for field, what, given in (("parameters", "parameter", options.parameters), ("presets", "preset", presets)):
        known = root.value.get(field) if isinstance(root.value, dict) else None
        names = list(known.value) if known is not None and isinstance(known.value, dict) else []
        for name in given:
            if name not in names:
                hint = did_you_mean(name, names) or (f"it has {', '.join(names)}" if names else "it has none")
                raise UnknownParameterError(f"the chain has no {what} {name!r}; {hint}")


def _stem(name: str) -> str:
    stem = os.path.basename(name)
    stem = next((stem.removesuffix(end) for end in (".json", *YAML) if stem.endswith(end)), stem)
    return stem if stem not in ("", "-", "<stdin>") else "chain"
