"""Files of other runs, S3 and the site: a name leads out of the run, and a directory in it stands for where that is.

`repo://RUN/DIRECTORY/FILE` is the file `FILE` of the directory `repo:/RUN/DIRECTORY`, and so are `s3://BUCKET/KEY` and
`input://FILE`, a file below the input folder of the site.
What is there is brought into that directory before anything begins, as all files from outside are, so that a run keeps
what it has read, and a manifest names neither buckets nor credentials.
"""

from __future__ import annotations

from eas_compiler.names import Pattern

INPUT = "input://"
PREFIXES = ("repo://", "s3://", INPUT)
_LEAST = {"repo:": 3, "s3:": 2, "input:": 1}
"""How many parts follow, the file's name included."""
_FORMS = {"repo:": "repo://RUN/DIRECTORY/FILE", "s3:": "s3://BUCKET/KEY", "input:": "input://FILE"}
FOUND = "{found}"
"""The folder with what was found by patterns, in the directory: no file can have that name."""


def inside(name: str) -> str:
    """Return the path in a run that stands for where a name leads, or how that begins."""
    return name.replace("//", "/", 1)


def outside(path: str) -> str | None:
    """Return the name that a path in a run stands for; None for a file of the run itself."""
    head, slash, rest = path.partition("/")
    return f"{head}//{rest}" if slash and head in _FORMS else None


def address(path: str) -> str:
    """Return a path as people name it: where it leads, when that is out of the run."""
    return outside(path) or path


def problem(path: str) -> str | None:
    """Return what is wrong with a path that stands for somewhere else; None when nothing is."""
    head, _, rest = path.partition("/")
    return None if rest.count("/") + 1 >= _LEAST[head] else f"must be {_FORMS[head]}"


def is_taken(directory: str) -> bool:
    """Tell whether a working directory has a name that stands for somewhere else."""
    return directory.partition("/")[0] in _FORMS


def is_of_site(directory: Pattern) -> bool:
    """Tell whether a directory stands for the site's input folder, or is below it: a name there may be a pattern."""
    head = directory[0] if directory else ""
    return isinstance(head, str) and head.partition("/")[0] == "input:"
