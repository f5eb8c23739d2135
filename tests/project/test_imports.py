"""Which foreign packages a part of the project may import."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKER = ROOT / "containers/eas_base/eas_worker"
COMPILER = ROOT / "compiler/eas_compiler"
PROVENANCE = ROOT / "provenance/eas_provenance"


def modules(folder: Path) -> list[Path]:
    """Return the modules of a package."""
    return sorted(folder.rglob("*.py"))


def imported(module: Path) -> Iterator[str]:
    """Yield the top-level packages that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(module.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def foreign(module: Path) -> set[str]:
    """Return the imported packages that neither Python nor the project ships."""
    return set(imported(module)) - sys.stdlib_module_names - {"eas_worker", "eas_compiler", "eas_provenance"}


@pytest.mark.parametrize("module", modules(WORKER), ids=lambda module: module.stem)
def test_worker_needs_python_alone(module: Path) -> None:
    """The worker runs in any image that has Python; only its science needs more."""
    is_science = module.parent.name == "lightcurve" or module.stem in {
        "boxes",
        "compiled",
        "kernels",
        "search",
        "transits",
    }
    assert foreign(module) <= ({"numpy", "numba", "llvmlite", "astropy", "batman"} if is_science else set())


@pytest.mark.parametrize("module", modules(COMPILER), ids=lambda module: module.stem)
def test_compiler_needs_only_its_dependencies(module: Path) -> None:
    """The compiler installs without any extra."""
    assert foreign(module) <= {"jsonschema", "yaml"}


@pytest.mark.parametrize("module", modules(PROVENANCE), ids=lambda module: module.stem)
def test_database_needs_only_the_extra_run(module: Path) -> None:
    """SQLAlchemy finds drivers of databases by itself; only migrations load Alembic, and only buckets boto3."""
    alembic = {"alembic"} if "migrations" in module.parts else {"boto3", "botocore"} if module.stem == "s3" else set()
    assert foreign(module) <= {"pydantic_core", "sqlalchemy", "sqlmodel"} | alembic


@pytest.mark.parametrize("module", modules(COMPILER), ids=lambda module: module.stem)
def test_compiler_is_pure(module: Path) -> None:
    """The compiler has no way to a network, a database, a clock or chance."""
    assert not set(imported(module)) & {"datetime", "http", "random", "socket", "sqlite3", "subprocess", "time"}
