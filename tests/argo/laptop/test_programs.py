"""What becomes of tries: of those that take too much, are killed, or meet a broken disk."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eas_argo.laptop import disk, programs
from eas_argo.laptop.errors import SiteError
from eas_argo.laptop.folders import folder_name
from eas_argo.laptop.manifest import OUT_OF_MEMORY, Manifest, Pod, load
from eas_argo.laptop.past import SHUTDOWN
from eas_argo.laptop.programs import Programs
from eas_argo.laptop.work import Ended, Work
from tests.argo.laptop.writing import dag, pod, workflow

PATIENCE_S = 60.0


class Kept:
    """A repository in a folder; `error` is raised by the next puts, as often as `times` says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.error: Exception | None = None
        self.times = 0

    def path(self, key: str) -> Path:
        """Return where a file is."""
        return self.folder / key

    def put(self, key: str, source: Path, sha256: str | None = None) -> None:
        """Keep a file."""
        if self.error is not None and self.times:
            self.times -= 1
            raise self.error
        self.path(key).parent.mkdir(parents=True, exist_ok=True)
        source.replace(self.path(key))

    def put_tree(self, key: str, source: Path) -> None:
        """Keep the files of a folder."""
        for file in source.iterdir():
            self.put(f"{key}/{file.name}", file)


class Box:
    """A folder with programs and their manifest, in which tries run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.work = folder, folder / "work"
        self.files = Kept(folder / "files")
        self.templates: list[dict[str, Any]] = []

    def program(self, name: str, body: str, **fields: Any) -> None:
        """Write a program, and the template of a pod for it."""
        path = self.folder / "containers/eas_base/task_implementations" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = textwrap.indent(textwrap.dedent(body).strip(), "    ")
        imports = "import os, signal, subprocess, sys, time\nfrom eas_worker import task\n\n"
        path.write_text(f"{imports}\n@task\ndef go(ctx):\n{lines}\n", encoding="utf-8")
        description = {"path": f"/{name}", "task": name, "job_name": "j", "working_directory": "d", "loops": []}
        template = pod(name, memory=fields.pop("memory", "1G"), **fields)
        template["container"]["env"][0]["value"] = json.dumps({**description, "settings": {}, "setting_types": {}})
        record = {"name": "records", "path": "/eas/records", "s3": {"key": f"records/{name}"}, "optional": True}
        template["outputs"] = {"artifacts": [record]}
        self.templates.append(template)

    @property
    def manifest(self) -> Manifest:
        """Return the manifest of all programs."""
        return load(workflow(dag("main"), *self.templates))

    def start(self, running: Programs, name: str, identifier: str = "") -> str:
        """Start a try; return its identifier."""
        template = self.manifest.templates[name]
        assert isinstance(template, Pod)
        outputs = (("records", f"records/{identifier or name}", True),)
        running.start(Work(identifier or name, template, 0, {}, (), outputs))
        return identifier or name

    @contextlib.contextmanager
    def programs(self, **options: Any) -> Iterator[Programs]:
        """Be ready to run tries."""
        with Programs(self.manifest, (self.folder / "containers",), self.files, self.work, **options) as running:
            yield running

    def ended(self, name: str) -> Ended:
        """Run a program to its end."""
        with self.programs() as running:
            self.start(running, name)
            return results(running, 1)[name]

    def place(self, identifier: str) -> Path:
        """Return the folder of a try."""
        return self.work / folder_name(identifier)


def results(running: Programs, count: int) -> dict[str, Ended]:
    """Wait until so many tries have ended."""
    found: dict[str, Ended] = {}
    end = time.monotonic() + PATIENCE_S
    while len(found) < count and time.monotonic() < end:
        found |= dict(running.wait(1.0))
    return found


def until(test: Callable[[], Any], running: Programs | None = None) -> Any:
    """Wait until something is so, and return it; meanwhile, the executor is listened to."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = test()
        if found:
            return found
        if running is None:
            time.sleep(0.02)
        else:
            assert running.wait(0.02) == []
    raise AssertionError("it did not happen in time")


def number(file: Path) -> int | None:
    """Return the number that a file holds, once it does."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return int(text) if text.endswith("\n") else None


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """Return a folder without any programs yet."""
    return Box(tmp_path)


NOTE_PID = "open('pid', 'w').write(f'{os.getpid()}\\n')"

# ---- Memory


def test_a_program_over_its_memory_is_killed(box: Box) -> None:
    """It ends as it would on Argo, long before its time is over; what it left is kept."""
    box.program("greedy", "print('so far', flush=True); held = b'x' * 300_000_000; time.sleep(600)", memory="150M")
    assert box.ended("greedy") == Ended("Failed", 137, OUT_OF_MEMORY, {})
    assert (box.files.folder / "records/greedy/output.txt").read_text() == "so far\n"


def test_what_a_program_started_counts(box: Box) -> None:
    """The memory of its sub-processes is its own, and they end with it."""
    note = box.folder / "pid"
    child = "held = b'x' * 300_000_000; import time; time.sleep(600)"
    body = f"""
        child = subprocess.Popen([sys.executable, "-c", {child!r}])
        open({str(note)!r}, "w").write(f"{{child.pid}}\\n")
        child.wait()
    """
    box.program("greedy", body, memory="150M")
    assert box.ended("greedy").message == OUT_OF_MEMORY
    assert not is_alive(number(note) or 0)


def test_a_program_within_its_memory_is_left_alone(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much it shares, and however often it is looked at."""
    monkeypatch.setattr("eas_argo.laptop.memory.LOOK_S", 0.01)
    box.program("modest", "held = b'x' * 100_000_000; time.sleep(0.5)", memory="150M")
    assert box.ended("modest").phase == "Succeeded"


def test_a_kill_from_outside_is_told_apart(box: Box) -> None:
    """A program that somebody killed was not out of memory."""
    box.program("killed", "os.kill(os.getpid(), signal.SIGKILL)", memory="1M")
    box.program("realtime", "os.kill(os.getpid(), signal.SIGRTMIN + 1)")
    assert box.ended("killed") == Ended("Failed", 137, "killed by SIGKILL", {})
    code = signal.SIGRTMIN + 1
    assert box.ended("realtime") == Ended("Failed", 128 + code, f"killed by signal {code}", {})


# ---- Folders


def test_the_folder_of_a_running_try_can_be_found(box: Box) -> None:
    """Its name follows from that of the try; what is logged and printed is there at once."""
    box.program("talks", "ctx.log.info('hello'); print('printed', flush=True); time.sleep(600)")
    with box.programs() as running:
        name = box.start(running, "talks", "run.t0(0)")
        output = box.place(name) / "output"
        until(lambda: output.exists() and "printed" in output.read_text(), running)
        assert "hello" in (box.place(name) / "records/log.jsonl").read_text()
    assert not box.work.exists()


def test_what_an_earlier_life_left_is_removed(box: Box) -> None:
    """The folder of a run is fresh when its engine starts, and so is that of a try in it."""
    box.program("looks", "assert sorted(os.listdir()) == ['output', 'records'], os.listdir()")
    (box.place("looks") / "in").mkdir(parents=True)
    (box.work / "stray").touch()
    with box.programs() as running:
        assert {path.name for path in box.work.iterdir()} <= {"server.log", "rehearsal"}
        box.place("looks").mkdir()
        (box.place("looks") / "left").touch()
        box.start(running, "looks")
        assert results(running, 1)["looks"].phase == "Succeeded"
    assert not box.work.exists()


def test_folders_are_used_again(box: Box, tmp_path: Path) -> None:
    """A try may get the folder of another, as long as only the program knows of what was in it: nothing."""
    (tmp_path / "files/kept").mkdir(parents=True)
    box.program("looks", "print('x'); assert sorted(os.listdir()) == ['output', 'records'], os.listdir()")
    with box.programs() as running:
        numbers = set()
        for identifier in "abcd":
            box.start(running, "looks", identifier)
            assert results(running, 1)[identifier].phase == "Succeeded"
            (place,) = box.work.glob("[0-9a-f]*")
            numbers.add(place.stat().st_ino)
            assert [path.name for path in place.iterdir()] == ["records"]
        assert len(numbers) == 1


def test_folders_in_which_somebody_works_are_not_used_again(box: Box) -> None:
    """A process that its program left behind keeps its folder for itself."""
    box.program("leaves", "subprocess.Popen(['sleep', '600'], start_new_session=True)")
    box.program("looks", "pass")
    with box.programs() as running:
        for name in ("leaves", "looks"):
            box.start(running, name)
            assert results(running, 1)[name].phase == "Succeeded"
            assert not running._spare


def test_folders_can_be_kept(box: Box) -> None:
    """Also those of earlier lives; but not in the place of a new try."""
    box.program("looks", "assert not os.path.exists('left')")
    box.place("other").mkdir(parents=True)
    box.place("looks").mkdir()
    (box.place("looks") / "left").touch()
    with box.programs(keep=True) as running:
        box.start(running, "looks")
        assert results(running, 1)["looks"].phase == "Succeeded"
    assert box.place("looks").exists()
    assert box.place("other").exists()


def test_a_large_folder_is_removed_aside(box: Box) -> None:
    """What a program leaves of its own accord goes as well, at the latest with the run."""
    box.program("litters", "os.mkdir('a'); os.mkdir('a/b'); open('a/b/c', 'w').close()")
    with box.programs() as running:
        box.start(running, "litters")
        assert results(running, 1)["litters"].phase == "Succeeded"
        until(lambda: not box.place("litters").exists())


def test_an_earlier_life_that_still_works(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it writes while its folder is removed neither disturbs the next life nor ends up there."""
    box.program("quick", "pass")
    (box.work / "old").mkdir(parents=True)
    left = box.work.with_name(f".work.{'0' * 32}")
    (left / "deep").mkdir(parents=True)
    others = [box.work.with_name(name) for name in (".work.x", f".other.{'0' * 32}")]
    for other in others:
        other.mkdir()
    stray = os.open(box.work / "old", os.O_RDONLY)
    rmdir = os.rmdir
    written: list[str] = []

    def write(path: str, **options: Any) -> None:
        """Be quicker than who removes a folder."""
        if path == "old" and not written:
            os.close(os.open("stray", os.O_WRONLY | os.O_CREAT, dir_fd=stray))
            written.append(path)
        rmdir(path, **options)

    monkeypatch.setattr(os, "rmdir", write)
    with box.programs() as running:
        assert written
        assert not (box.work / "old").exists()
        assert not left.exists()
        assert len(list(box.folder.glob(".work.*"))) == 2
        box.start(running, "quick")
        assert results(running, 1)["quick"].phase == "Succeeded"
    os.close(stray)
    assert sorted(box.folder.glob(".*.*")) == sorted(others)


def test_pipes_in_the_place_of_files(box: Box) -> None:
    """The engine does not wait for what nobody writes."""
    body = "os.unlink('output'); [os.mkfifo(name) for name in ('output', 'termination-log')]; os._exit({})"
    box.program("fails", body.format(3))
    box.program("ends", f"os.mkdir('gone'); os.rename('records', 'gone/r'); os.mkfifo('records'); {body.format(0)}")
    assert box.ended("fails") == Ended("Failed", 3, "", {})
    assert box.ended("ends") == Ended("Error", -1, "records is a pipe, not a file", {})


# ---- The end of the run


def test_a_program_that_ends_well_after_all(box: Box) -> None:
    """Whoever is done within the time of grace, or was just before, need not be repeated; others are."""
    wait = "open('ready', 'w').close(); time.sleep(600)"
    box.program("done", f"signal.signal(signal.SIGTERM, lambda *_: os._exit(0)); {wait}")
    box.program("fails", f"signal.signal(signal.SIGTERM, lambda *_: os._exit(1)); {wait}")
    with box.programs() as running:
        for name in ("done", "fails"):
            box.start(running, name)
            until((box.place(name) / "ready").exists, running)
        running.stop(at_once=False)
        ended = results(running, 2)
    assert ended["done"] == Ended("Succeeded", 0, "", {})
    assert ended["fails"] == Ended("Failed", 143, SHUTDOWN, {})


def test_a_program_over_its_time_has_failed(box: Box) -> None:
    """However it ends."""
    box.program("late", "signal.signal(signal.SIGTERM, lambda *_: os._exit(0)); time.sleep(600)")
    with box.programs() as running:
        box.start(running, "late")
        running._running["late"].deadline = time.monotonic() + 1.0
        assert results(running, 1)["late"] == Ended("Failed", 143, programs.DEADLINE, {})


# ---- The server


def test_a_server_that_is_killed(box: Box) -> None:
    """Its tries end in Error and their processes end; those that follow run in another server."""
    box.program("sleeps", f"{NOTE_PID}; time.sleep(600)")
    box.program("quick", "pass")
    with box.programs() as running:
        box.start(running, "sleeps")
        pid = until(lambda: number(box.place("sleeps") / "pid"), running)
        os.kill(running._forks.pid, signal.SIGKILL)
        ended = results(running, 1)["sleeps"]
        assert ended == Ended("Error", -1, "the process that starts programs ended with status -9", {})
        until(lambda: not is_alive(pid))
        box.start(running, "quick")
        assert results(running, 1)["quick"].phase == "Succeeded"


ENGINE = """
import sys, time
from pathlib import Path
from tests.argo.laptop.test_programs import Box
box = Box(Path(sys.argv[1]))
box.program("sleeps", {body!r})
with box.programs() as running:
    box.start(running, "sleeps")
    while True:
        running.wait(60.0)
"""


@contextlib.contextmanager
def engine(box: Box, body: str) -> Iterator[tuple[subprocess.Popen[bytes], int, int]]:
    """Run a program in an engine of its own; give the engine, the process of its server, and that of the program."""
    root = str(Path(__file__).parents[3])
    process = subprocess.Popen([sys.executable, "-c", ENGINE.format(body=body), str(box.folder)], cwd=root)
    try:
        pid = until(lambda: number(box.place("sleeps") / "pid"))
        server = int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        yield process, server, pid
    finally:
        process.kill()
        process.wait()


def test_an_engine_that_is_killed(box: Box) -> None:
    """Its server ends and takes along all that it has started, even what has left its group and its session."""
    body = "child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
    body += "open('child', 'w').write(f'{child.pid}\\n')\n" + NOTE_PID + "\ntime.sleep(600)"
    with engine(box, body) as (process, server, pid):
        child = number(box.place("sleeps") / "child") or 0
        process.kill()
        until(lambda: not any(map(is_alive, (server, pid, child))))


def test_an_engine_that_is_killed_together_with_its_server(box: Box) -> None:
    """A program does not outlive the process that started it."""
    with engine(box, f"{NOTE_PID}\ntime.sleep(600)") as (process, server, pid):
        process.send_signal(signal.SIGSTOP)
        os.kill(server, signal.SIGKILL)
        until(lambda: not is_alive(pid))


# ---- Broken disks


def full(code: int = errno.ENOSPC) -> Exception:
    """Return what a repository says on a broken disk: an error of its own because of one of the system."""
    error = RuntimeError("cannot keep it")
    error.__cause__ = OSError(code, os.strerror(code))
    return error


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_a_disk_that_takes_no_more_is_the_sites_fault(box: Box, code: int) -> None:
    """The try that it concerns has not ended; the message names the folder and the cause. Nothing can be started."""
    box.program("quick", "pass")
    box.files.error, box.files.times = full(code), 2
    with box.programs() as running:
        box.start(running, "quick")
        with pytest.raises(SiteError, match=f"cannot work in {box.work}: cannot keep it: {os.strerror(code)}"):
            results(running, 1)
        with pytest.raises(SiteError):
            box.start(running, "quick", "again")
        with pytest.raises(SiteError):
            running.wait(0.0)


def test_who_ended_before_the_disk_broke_is_told_first(box: Box) -> None:
    """What could be kept is not done again."""
    box.program("quick", "pass")
    with box.programs() as running:
        running._told.append(("other", Ended("Succeeded", 0, "", {})))
        running._broken = SiteError("cannot work")
        assert [identifier for identifier, _ in running.wait(1.0)] == ["other"]
        with pytest.raises(SiteError):
            running.wait(1.0)


def test_a_disk_that_has_room_again_is_not_broken(box: Box) -> None:
    """Folders that nobody needs may have been what filled it: once they are gone it is tried again."""
    box.program("quick", "pass")
    box.files.error, box.files.times = full(), 1
    assert box.ended("quick").phase == "Succeeded"
    assert (box.files.folder / "records/quick/run.json").exists()


def test_other_errors_of_a_repository_are_the_tries_own(box: Box) -> None:
    """A program that left what cannot be kept has failed, and the run goes on."""
    box.program("quick", "pass")
    box.files.error, box.files.times = RuntimeError("the content changed on its way"), 1
    assert box.ended("quick") == Ended("Error", -1, "the content changed on its way", {})
    assert box.ended("quick").phase == "Succeeded"


def test_no_folder_can_be_made(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that was full before a program began is not its fault either."""

    def mkdir(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    box.program("quick", "pass")
    with box.programs() as running:
        monkeypatch.setattr(os, "mkdir", mkdir)
        with pytest.raises(SiteError, match=f"cannot work in {box.work}: Read-only file system"):
            box.start(running, "quick")


def test_a_store_that_was_removed(box: Box) -> None:
    """Where there is no folder any more, tasks are not to blame."""
    box.program("quick", "pass")
    with box.programs() as running:
        box.work.rename(box.folder / "elsewhere")
        with pytest.raises(SiteError, match=f"cannot work in {box.work}: No such file or directory"):
            box.start(running, "quick")


def test_no_folder_for_the_run(box: Box) -> None:
    """Nothing can be run where no folder can be made."""
    box.program("quick", "pass")
    box.work.parent.mkdir(exist_ok=True)
    box.work.touch()
    with pytest.raises(SiteError, match=f"cannot work in {box.work}: "), box.programs():
        pass


def test_no_second_server(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the server has died because of the disk, no other one can be started; its tries are told as lost."""
    box.program("kills", "os.kill(os.getppid(), signal.SIGKILL); time.sleep(600)")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with box.programs() as running:
        monkeypatch.setattr(programs, "Forks", refuse)
        box.start(running, "kills")
        assert results(running, 1)["kills"].phase == "Error"
        with pytest.raises(SiteError, match="No space left on device"):
            running.wait(1.0)


def test_a_program_without_room_on_a_disk_that_has_some(box: Box) -> None:
    """It wrote too much, or elsewhere: it fails with its own words."""
    box.program("writes", "raise OSError(28, os.strerror(28))")
    assert box.ended("writes") == Ended("Failed", 1, "OSError: [Errno 28] No space left on device", {})


@pytest.mark.parametrize(
    "body", ["raise OSError(28, os.strerror(28))", "print(os.strerror(122), flush=True); os._exit(3)"]
)
def test_a_program_without_room_on_a_disk_that_is_nearly_full(
    box: Box, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    """It is not to blame: whatever runs next would fail as well."""
    monkeypatch.setattr(disk, "_ENOUGH", 1.1)
    box.program("writes", body)
    with pytest.raises(SiteError, match=f"cannot work in {box.work}: No space left on device"):
        box.ended("writes")


@pytest.fixture
def small_disk(box: Box) -> Iterator[Path]:
    """Mount a file system of four megabytes where tries run; only root can."""
    disk = box.folder / "disk"
    disk.mkdir()
    box.work, box.files = disk / "work", Kept(disk / "files")
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_program_that_fills_the_disk(box: Box, small_disk: Path) -> None:
    """A program that writes too much fails by itself, and leaves the disk to the others."""
    box.program("writes", "open('large', 'wb').write(bytes(8_000_000))")
    box.program("quick", "pass")
    with box.programs() as running:
        box.start(running, "writes")
        ended = results(running, 1)["writes"]
        assert ended == Ended("Failed", 1, "No space left on device", {})
        box.start(running, "quick")
        assert results(running, 1)["quick"].phase == "Succeeded"


def test_a_disk_that_somebody_else_fills(box: Box, small_disk: Path) -> None:
    """Programs that meet a full disk are not to blame."""
    box.program("writes", "open('large', 'wb').write(bytes(1_000_000))")
    with box.programs() as running:
        with contextlib.suppress(OSError), (small_disk / "other").open("wb", buffering=0) as other:
            while True:
                other.write(bytes(4096))
        box.start(running, "writes")
        with pytest.raises(SiteError, match=str(small_disk)):
            results(running, 1)
