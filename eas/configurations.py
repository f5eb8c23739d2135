"""Test configurations of containers: one task, or a small chain, with the data that it takes.

A configuration is a chain, as JSON or YAML, or an INI file of one task. Files that it takes from outside stand beside
it; what is to be known of such a file `planet.gz` stands in `planet.gz.metadata.cfg`, or in one that ends in `.yaml`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from eas import inputs
from eas.inputs import Given, fetch, needed
from eas_compiler.compile import Checked
from eas_compiler.diagnostics import Diagnostics, did_you_mean
from eas_compiler.elsewhere import is_of_site
from eas_worker.records import MetadataError, check_metadata

FOLDER = "test_task_configs"
INI = (".cfg", ".ini")
SUFFIXES = (*INI, ".json", ".yaml", ".yml")
_METADATA = ".metadata"
_SECTION = re.compile(r"\[\s*([^\[\]]+?)\s*\]")
_ITEM = re.compile(r"([^=:\s][^=:]*?)\s*[=:]\s*(.*)")


class ConfigurationError(Exception):
    """A configuration, or what stands beside it, cannot be read; the message says where and why."""


class UnknownConfigurationError(LookupError):
    """No configuration has a name; the message says which there are."""


class Configuration(NamedTuple):
    """A test configuration: the name of its container, and its file."""

    container: str
    path: Path

    @property
    def name(self) -> str:
        """Return what it is called on the command line."""
        return f"{self.container}/{self.path.stem}"

    def chain(self) -> tuple[str, bytes]:
        """Return the name and the text of the chain that it is.

        Raises
        ------
        ConfigurationError
            When it cannot be read.
        """
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"cannot read {self.path}: {error.strerror}") from error
        return shown(self.path), as_json(
            self.path, _text(self.path, data)
        ).encode() if self.path.suffix in INI else data


def shown(path: Path) -> str:
    """Return a path as people know it: from the current folder, where it is in there."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def configurations(folder: Path) -> list[Configuration]:
    """Return the configurations of the folder of a container."""
    files = sorted((folder / FOLDER).glob("*"))
    return [
        Configuration(folder.name, path)
        for path in files
        if path.suffix in SUFFIXES and path.is_file() and not path.stem.endswith(_METADATA)
    ]


def find(name: str, containers: Sequence[Path]) -> list[Configuration]:
    """Return the configurations that a name means: `CONTAINER`, `CONTAINER/CFG`, or the path of a file.

    Raises
    ------
    UnknownConfigurationError
        When there is none.
    """
    path = Path(name)
    if path.suffix in SUFFIXES and path.is_file():
        return [Configuration(path.resolve().parent.parent.name, path)]
    container, slash, stem = name.strip("/").partition("/")
    folders = {one.name: one for place in reversed(containers) for one in place.iterdir() if one.is_dir()}
    if container not in folders:
        hint = did_you_mean(container, folders) or f"there are {', '.join(sorted(folders))}"
        raise UnknownConfigurationError(f"there is no container {container!r}; {hint}")
    there = configurations(folders[container])
    if not there:
        raise UnknownConfigurationError(f"{container} has no test configuration in {folders[container] / FOLDER}")
    found = [one for one in there if not slash or stem in (one.path.stem, one.path.name)]
    if not found:
        stems = [one.path.stem for one in there]
        hint = did_you_mean(stem, stems) or f"it has {', '.join(stems)}"
        raise UnknownConfigurationError(f"{container} has no test configuration {stem!r}; {hint}")
    return found


def data_of(checked: Checked, folder: Path, diagnostics: Diagnostics) -> list[Given]:
    """Return the files that a configuration takes from its folder; report those that are not there.

    Raises
    ------
    ConfigurationError
        When the metadata of one cannot be read.
    """
    wanted = [one for one in needed(checked, diagnostics) if not is_of_site((one.directory,))]
    for one in wanted:
        if not (folder / one.name).is_file():
            message = f"no task makes {one.name}, and it is not in {folder}"
            diagnostics.error("missing-file", one.external.file.node, message, "put it beside the configuration")
    if diagnostics.errors:
        return []
    beside = {one.path: str(folder / one.name) for one in wanted}
    found = inputs.find(checked, inputs.Places(folder, inputs=str(folder)), beside, diagnostics)
    return [one._replace(product=one.product | {"metadata": metadata_of(one.path)}) for one in fetch(found, folder)]


def metadata_of(path: Path) -> dict[str, Any]:
    """Return what is to be known of a data file, by what stands beside it; nothing where nothing does.

    Raises
    ------
    ConfigurationError
        When that cannot be read, or is no metadata.
    """
    for suffix in SUFFIXES:
        beside = path.with_name(f"{path.name}{_METADATA}{suffix}")
        if beside.is_file():
            text = _text(beside, beside.read_bytes())
            found = dict(_items(beside, text)) if suffix in INI else _mapping(beside, text)
            try:
                return dict(check_metadata(found))
            except MetadataError as error:
                raise ConfigurationError(f"{beside}: {error}") from error
    return {}


def _text(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8") from error


def _mapping(path: Path, text: str) -> dict[str, Any]:
    """Read an object of JSON or YAML, which JSON is as well."""
    import yaml

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path} is no YAML: {error}") from error
    if not isinstance(found, dict):
        raise ConfigurationError(f"{path} must be an object")
    return found


# ---------------------------------------------------------------------------------------------------------------------
# INI


def as_json(path: Path, text: str) -> str:
    """Return the chain of one task that an INI file is, every line in its place, so that mistakes are shown there.

    The section `task` comes first and has the type and the settings; every other one is an object in the task, as
    `inputs`, `outputs`, or a setting that is an object.

    Raises
    ------
    ConfigurationError
        When it is no such file.
    """
    lines = []
    section = comma = ""
    for number, line in _lines(path, text):
        if isinstance(line, tuple):
            if not section:
                raise ConfigurationError(f"{path}:{number}: a value before the section [task]")
            lines.append(f"{comma}{json.dumps(line[0])}: {json.dumps(line[1], ensure_ascii=False)}")
            comma = ", "
        elif not line:
            lines.append("")
        elif not section and line != "task":
            raise ConfigurationError(f"{path}:{number}: the first section must be [task], not [{line}]")
        elif not section:
            lines.append(f'{{"job_name": {json.dumps(path.stem)}, "task_list": [{{')
            section = line
        else:
            before = "}" if section != "task" else ""
            between = ", " if section != "task" or comma else ""
            lines.append(f"{before}{between}{json.dumps(line)}: {{")
            section, comma = line, ""
    if not section:
        raise ConfigurationError(f"{path}: there is no section [task]")
    return "\n".join(lines) + ("}" if section != "task" else "") + "}]}\n"


def _items(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    """Yield the values of an INI file, whatever their sections."""
    for _, line in _lines(path, text):
        if isinstance(line, tuple):
            yield line


def _lines(path: Path, text: str) -> Iterator[tuple[int, str | tuple[str, Any]]]:
    """Yield each line with its number: the name of a section, a key with its value, or nothing."""
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            yield number, ""
        elif match := _SECTION.fullmatch(stripped):
            yield number, match[1]
        elif match := _ITEM.fullmatch(stripped):
            yield number, (match[1], _value(match[2]))
        else:
            raise ConfigurationError(f"{path}:{number}: neither [section] nor key = value")


def _value(text: str) -> Any:
    """Return a value: JSON where it is any, else a text."""
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text
