"""What goes wrong around programs, in whole runs: too little memory, kills, a disk that takes no more."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from eas.local import BrokenOffError, Finished, resume
from eas_argo.laptop import cgroups
from eas_argo.laptop.manifest import OUT_OF_MEMORY
from eas_provenance.errors import RepositoryError
from eas_provenance.repository import Directory
from tests.eas.harness import Laptop, only, states


def tries(finished: Finished) -> list[tuple[str, str]]:
    """Return phase and message of each try of programs, in their order."""
    (journal,) = finished.store.folder.glob("runs/*/nodes.jsonl")
    nodes = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    ended = [node for node in nodes if node.get("type") == "Pod" and "finishedAt" in node]
    return [(node["phase"], node.get("message", "")) for node in ended if "-qc" not in node["name"]]


def note(file: Path) -> str:
    """Return an expression with which programs count their tries in a file; it tells how many were before."""
    flags = "os.O_CREAT | os.O_APPEND | os.O_WRONLY"
    return f"os.write(os.open({str(file)!r}, {flags}), b'x') and os.stat({str(file)!r}).st_size - 1"


def hungry(laptop: Laptop, kills: int, **fields: Any) -> Finished:
    """Run a program that needs 0.25 GB, and that waits to be killed so many times."""
    tried = note(laptop.folder / "tries")
    laptop.program("hungry", f"tried = {tried}; held = b'x' * 250_000_000; time.sleep(600 if tried < {kills} else 0)")
    return laptop.run({"task": "hungry", "resources": {"memory_gb": 0.1}, **fields})


def test_memory_grows_until_it_is_enough(laptop: Laptop) -> None:
    """A program that was killed for memory is tried again with more, as often as it takes."""
    finished = hungry(laptop, 2, retry={"memory_factor": 2, "memory_max_gb": 1})
    assert only(finished).state == "succeeded"
    assert tries(finished) == [("Failed", OUT_OF_MEMORY), ("Failed", OUT_OF_MEMORY), ("Succeeded", "")]


def test_memory_that_may_not_grow(laptop: Laptop) -> None:
    """The program is killed once, and its task is an error that says why; retries are for other failures."""
    finished = hungry(laptop, 1, retry={"limit": 2})
    assert (only(finished).state, only(finished).exit_code, only(finished).message) == ("error", 137, OUT_OF_MEMORY)
    assert tries(finished) == [("Failed", OUT_OF_MEMORY)]
    assert laptop.record(finished, "t0/qc.json")["verdict"] == "error"


def test_memory_does_not_grow_beyond_the_machine(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine, or the control groups of this process, do not have cannot be given."""
    monkeypatch.setattr(cgroups, "memory_bytes", lambda: 1.5e8)
    finished = hungry(laptop, 1, retry={"memory_factor": 2, "memory_max_gb": 1})
    assert len(tries(finished)) == 1
    assert "the next try would get 0.2 GB of memory, but this machine has 0.15 GB" in only(finished).message


def test_a_kill_is_not_repeated(laptop: Laptop) -> None:
    """Whoever killed a program may do so again: the manifest asks for another try after other failures alone."""
    laptop.program("killed", "os.kill(os.getpid(), signal.SIGKILL)")
    finished = laptop.run({"task": "killed", "retry": {"limit": 2, "memory_factor": 2, "memory_max_gb": 1}})
    assert (only(finished).state, tries(finished)) == ("error", [("Failed", "killed by SIGKILL")])


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_run_goes_on_when_the_disk_is_mended(laptop: Laptop, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """A disk that takes no more breaks the run off: no task has failed because of it, and what passed is not redone."""
    laptop.program("first", f"{note(laptop.folder / 'tries')}; ctx.emit(n=1)", metadata={"n": {"type": "int"}})
    laptop.program("second", "pass")
    put = Directory.put

    def refuse(self: Directory, key: str, source: Path, sha256: str | None = None) -> None:
        if "/t1/" in key:
            raise RepositoryError(f"cannot keep {key}: {os.strerror(code)}") from OSError(code, os.strerror(code))
        put(self, key, source, sha256)

    chain: list[dict[str, Any]] = [{"task": "first", "name": "a"}, {"task": "second", "requires_metadata_from": ["a"]}]
    with monkeypatch.context() as patched:
        patched.setattr(Directory, "put", refuse)
        with pytest.raises(BrokenOffError, match=os.strerror(code)):
            laptop.run(*chain)
    assert not list(laptop.store.glob("work/*"))
    with laptop.place() as place:
        (folder,) = laptop.store.glob("runs/*")
        finished = resume(place.store.run(folder.name), place)
    assert states(finished) == {"/t0": "succeeded", "/t1": "succeeded"}
    assert tries(finished) == [("Succeeded", ""), ("Succeeded", "")]
    assert (laptop.folder / "tries").read_text() == "x"
