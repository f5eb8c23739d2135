"""The passes one after the other: text in, Workflow and diagnostics out. Reads the registry and the templates, nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from eas_compiler import lower as lowering
from eas_compiler import registry as registries
from eas_compiler import templates as prototypes
from eas_compiler.diagnostics import Diagnostic, Diagnostics, did_you_mean
from eas_compiler.link import Links, link
from eas_compiler.read import read
from eas_compiler.registry import Registry
from eas_compiler.resolve import resolve
from eas_compiler.source import Node, Source
from eas_compiler.tree import Chain, Task, walk

HERE = Path(__file__).parent


class Options(NamedTuple):
    """What a user can say beside the chain. Paths are None for `./registry.yaml` or, where there is none, the packaged files."""

    parameters: dict[str, Any] = {}  # noqa: RUF012 - never changed
    seed: str | None = None
    registry: Path | None = None
    templates: Path | None = None


class Checked(NamedTuple):
    """A chain that was read and linked; `chain` and `links` are None where it could not be understood at all."""

    root: Node | None
    registry: Registry | None
    chain: Chain | None
    links: Links | None
    diagnostics: Diagnostics

    @property
    def is_good(self) -> bool:
        """Whether there are no errors."""
        return self.links is not None and not self.diagnostics.errors


class UnknownParameterError(Exception):
    """`--set` names a parameter that the chain does not have."""


def check(name: str, data: bytes, options: Options) -> Checked:
    """Run the passes up to link; all mistakes are in the result's diagnostics."""
    diagnostics = Diagnostics()
    registry = read_registry(options.registry, diagnostics)
    root = read(name, data, diagnostics)
    if root is None or registry is None:
        return Checked(root, registry, None, None, diagnostics)
    _check_parameters(root, options.parameters)
    chain = resolve(root, registry, _stem(name), options.parameters, diagnostics)
    links = link(chain, diagnostics) if chain is not None else None
    used = {variant.type.name for item in walk(chain.body) if isinstance(item, Task) for variant in item.variants} if chain else set()
    for problem in registry.unused_problems(used):
        diagnostics.add(problem)
    return Checked(root, registry, chain, links, diagnostics)


def compile_chain(name: str, data: bytes, options: Options) -> tuple[dict[str, Any] | None, Checked]:
    """Return the Workflow, None when there are errors, and what was found on the way."""
    checked = check(name, data, options)
    folder = options.templates or HERE / "templates"
    prototypes.check(folder, checked.diagnostics)
    if not checked.is_good:
        return None, checked
    assert checked.chain is not None and checked.links is not None and checked.registry is not None  # noqa: PT018
    seed = options.seed if options.seed is not None else hashlib.sha256(data).hexdigest()[:16]
    parts = prototypes.Templates(folder)
    workflow = lowering.lower(checked.chain, checked.links, checked.registry, parts, seed, checked.diagnostics)
    return (workflow if checked.is_good else None), checked


def read_registry(given: Path | None, diagnostics: Diagnostics) -> Registry | None:
    """Return the registry that is given, or that of the current folder, or the packaged one."""
    path = given or next((one for one in (Path("registry.yaml"),) if one.is_file()), HERE / "registry.yaml")
    try:
        data = path.read_bytes()
    except OSError as error:
        message = f"cannot read the registry: {error.strerror}"
        diagnostics.add(Diagnostic("unreadable", "error", message, Source(str(path), ""), 0, 0))
        return None
    return registries.load(str(path), data, diagnostics)


def _check_parameters(root: Node, given: dict[str, Any]) -> None:
    known = root.value.get("parameters") if isinstance(root.value, dict) else None
    names = list(known.value) if known is not None and isinstance(known.value, dict) else []
    for name in given:
        if name not in names:
            hint = did_you_mean(name, names) or (f"it has {', '.join(names)}" if names else "it has none")
            raise UnknownParameterError(f"the chain has no parameter {name!r}; {hint}")


def _stem(name: str) -> str:
    stem = Path(name).name.removesuffix(".json")
    return stem if stem not in ("", "-", "<stdin>") else "chain"
