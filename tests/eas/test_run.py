"""Runs on this machine: what programs can do, and what can be done to them."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eas.local import BrokenOffError, Interruptions, RefusedError
from eas_argo.laptop import programs
from eas_argo.laptop.site import this_machine
from eas_provenance.errors import RepositoryError
from eas_provenance.repository import Directory
from eas_provenance.store import Store
from tests.eas.harness import ROOT, Laptop, eventually, is_alive, only, states

Json = dict[str, Any]
FILE: Json = {"outputs": {"file": {"type": "data"}}}


def test_files_and_metadata_go_from_task_to_task(laptop: Laptop) -> None:
    """A task reads the file and the metadata of another; all is kept with its record and checksum."""
    laptop.program(
        "make", 'ctx.outputs.file.path.write_text("42"); ctx.emit(n=42)', **FILE, metadata={"n": {"type": "int"}}
    )
    laptop.program(
        "read",
        'ctx.emit(n=int(ctx.inputs.one.path.read_text()) + ctx.settings["n"])',
        inputs={"one": {"type": "data"}},
        settings={"n": {"type": "int"}},
    )
    finished = laptop.run(
        {"task": "make", "name": "a", "outputs": {"file": "f.txt"}},
        {
            "task": "read",
            "inputs": {"one": "f.txt"},
            "requires_metadata_from": ["a"],
            "n": "(requested_metadata['a']['n'])",
        },
    )
    assert states(finished) == {"/t0": "succeeded", "/t1": "succeeded"}
    assert not finished.is_failed
    assert finished.store.files.read(f"{finished.prefix}/test/f.txt") == b"42"
    assert laptop.record(finished, "t1/qc.json")["metadata"] == {"n": 84}
    assert not finished.store.work(finished.name).exists()


def test_programs_that_raise_fail_and_have_nothing_to_do(laptop: Laptop) -> None:
    """The three ways to end early are three states, each with the program's own words."""
    laptop.program("raises", 'raise ValueError("no such star")')
    laptop.program("fails", 'raise Failed("too faint")')
    laptop.program("idles", 'raise NoWork("all done")', no_work=True)
    finished = laptop.run({"task": "raises"}, {"task": "fails"}, {"task": "idles"})
    assert states(finished) == {"/t0": "error", "/t1": "error", "/t2": "skipped"}
    assert [task.path for task in finished.problems()] == ["/t0", "/t1"]
    raised, failed = finished.problems()
    assert (raised.exit_code, raised.message) == (1, "ValueError: no such star")
    assert (failed.exit_code, failed.message) == (10, "too faint")


def test_a_verdict_blocks_dependants_alone(laptop: Laptop) -> None:
    """Quality control that says fail closes the gate for those who wait, not for others."""
    laptop.program("make", "ctx.emit(n=1)", judge='ctx.check("n", 1, minimum=2)', metadata={"n": {"type": "int"}})
    laptop.program("null", "pass")
    finished = laptop.run(
        {"task": "make", "name": "a"}, {"task": "null", "requires_metadata_from": ["a"]}, {"task": "null"}
    )
    assert states(finished) == {"/t0": "failed", "/t1": "blocked", "/t2": "succeeded"}
    assert finished.problems()[0].message == "fail: n: n is 1, must be at least 2"


def test_an_undeclared_output_is_an_error(laptop: Laptop) -> None:
    """A file that the registry does not declare is refused by name, and nothing of the attempt becomes visible."""
    body = '(ctx.outputs.file.path.parent / "other").write_text("x"); ctx.outputs.file.path.write_text("y")'
    laptop.program("make", body, **FILE)
    finished = laptop.run({"task": "make", "outputs": {"file": "f"}})
    assert "undeclared output: other" in only(finished).message
    assert finished.store.files.read(f"{finished.prefix}/test/f") is None


def count(laptop: Laptop) -> str:
    """Return an expression that a program counts its tries with."""
    file = str(laptop.folder / "tries")
    return (
        f"os.write(os.open({file!r}, os.O_CREAT | os.O_APPEND | os.O_WRONLY), b'x') and os.stat({file!r}).st_size - 1"
    )


def test_tries_are_repeated_and_all_are_kept(laptop: Laptop) -> None:
    """An exit with 1 is tried again as often as the chain says; every attempt has its record."""
    laptop.program("make", f"raise OSError({count(laptop)})")
    finished = laptop.run({"task": "make", "retry": {"limit": 2}})
    assert [laptop.record(finished, f"t0/attempt-{number}/run.json")["attempt"] for number in range(3)] == [0, 1, 2]
    assert finished.store.files.read(f"{finished.prefix}/.records/t0/attempt-3/run.json") is None
    assert only(finished).message == "OSError: 2"
    assert laptop.record(finished, "t0/qc.json")["attempt"] == 2


def test_a_try_that_works_ends_the_tries(laptop: Laptop) -> None:
    """The last attempt counts."""
    laptop.program("make", f"if {count(laptop)} < 1: raise OSError('not yet')")
    finished = laptop.run({"task": "make", "retry": {"limit": 2}})
    assert only(finished).state == "succeeded"
    assert laptop.record(finished, "t0/qc.json")["attempt"] == 1


def test_failed_is_never_repeated(laptop: Laptop) -> None:
    """What the program itself found to be impossible stays so."""
    laptop.program("make", "raise Failed('no')")
    finished = laptop.run({"task": "make", "retry": {"limit": 2}})
    assert finished.store.files.read(f"{finished.prefix}/.records/t0/attempt-1/run.json") is None


def test_the_time_limit_ends_a_program(laptop: Laptop) -> None:
    """A program over its time is told to end, and has then exit status 143 and Argo's message."""
    laptop.program("make", "time.sleep(60)", time_limit_s=1)
    finished = laptop.run({"task": "make"})
    assert (only(finished).exit_code, only(finished).message) == (143, programs.DEADLINE)
    assert laptop.record(finished, "t0/attempt-0/run.json")["message"] == "it was told to stop (SIGTERM)"


def test_the_time_limit_ends_a_program_that_does_not_listen(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a time of grace it is killed."""
    monkeypatch.setattr(programs, "GRACE_S", 0.3)
    laptop.program("make", "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)", time_limit_s=1)
    finished = laptop.run({"task": "make"})
    assert (only(finished).exit_code, only(finished).message) == (143, programs.DEADLINE)
    assert finished.seconds < 20


def test_a_killed_program_is_an_error_with_a_reason(laptop: Laptop) -> None:
    """Quality control runs after a kill, says error, and dependants are blocked."""
    laptop.program("make", "os.kill(os.getpid(), signal.SIGKILL)")
    laptop.program("null", "pass")
    finished = laptop.run({"task": "make", "name": "a"}, {"task": "null", "requires_metadata_from": ["a"]})
    assert states(finished) == {"/t0": "error", "/t1": "blocked"}
    (problem,) = finished.problems()
    assert (problem.exit_code, problem.message) == (137, "killed by SIGKILL")
    assert laptop.record(finished, "t0/qc.json")["verdict"] == "error"


@pytest.mark.parametrize("end", ["time.sleep(60)", "pass", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_what_a_program_started_ends_with_it(laptop: Laptop, end: str) -> None:
    """Grandchildren end with a program that is over its time, that has ended, or that was killed."""
    note = laptop.folder / "pid"
    body = f"""
        import subprocess
        child = subprocess.Popen(["sleep", "600"])
        open({str(note)!r}, "w").write(str(child.pid))
        {end}
    """
    laptop.program("make", body, time_limit_s=4)
    laptop.run({"task": "make"})
    eventually(lambda: not is_alive(int(note.read_text())))


def test_what_a_program_prints_is_kept(laptop: Laptop) -> None:
    """Megabytes on standard output hold up nothing; their end stands beside the records."""
    laptop.program("make", "print('x' * 5_000_000); print('last words'); os.write(2, b'\\xff')")
    finished = laptop.run({"task": "make"})
    assert only(finished).state == "succeeded"
    output = finished.store.files.read(f"{finished.prefix}/.records/t0/attempt-0/output.txt")
    assert output is not None
    assert output.endswith(b"last words\n\xff")
    assert len(output) == 1 << 20


def test_last_words_may_be_any_bytes(laptop: Laptop) -> None:
    """What is no UTF-8 in the termination log becomes readable, and is cut as Kubernetes cuts it."""
    laptop.program("make", "open('termination-log', 'wb').write(b'\\xff' + b'x' * 9000); os._exit(5)")
    finished = laptop.run({"task": "make"})
    assert only(finished).message == "\N{REPLACEMENT CHARACTER}" + "x" * 4095


def test_a_program_without_last_words_has_a_last_line(laptop: Laptop) -> None:
    """Where there is no termination log, the last line that was printed may tell why."""
    laptop.program("make", "print('one'); print('libstar: no such catalogue', flush=True); os._exit(5)")
    finished = laptop.run({"task": "make"})
    assert (only(finished).exit_code, only(finished).message) == (5, "libstar: no such catalogue")


def test_a_program_that_leaves_nonsense_is_an_error(laptop: Laptop) -> None:
    """A folder that a program has filled with something else than the worker would ends its task, not the run."""
    laptop.program("make", "os.mkdir('products'); open('products/x', 'w').write('no json'); os._exit(0)")
    finished = laptop.run({"task": "make"})
    assert only(finished).state == "error"


def test_an_input_that_vanished_is_an_error(laptop: Laptop) -> None:
    """A file that is not there any more when it is needed is named."""
    laptop.program("make", 'ctx.outputs.file.path.write_text("42")', **FILE)
    files = laptop.store / "files"
    laptop.program("thief", f"import pathlib; [one.unlink() for one in pathlib.Path({str(files)!r}).rglob('test/f')]")
    laptop.program("read", "pass", inputs={"one": {"type": "data"}})
    finished = laptop.run(
        {"task": "make", "name": "a", "outputs": {"file": "f"}},
        {"task": "thief", "name": "b", "requires_metadata_from": ["a"]},
        {"task": "read", "inputs": {"one": "f"}, "requires_metadata_from": ["b"]},
    )
    assert states(finished)["/t2"] == "error"
    assert "test/f" in finished.problems()[0].message


def test_the_server_is_replaced(laptop: Laptop) -> None:
    """When the process that starts programs is killed, what it ran is tried again as after a lost node."""
    note = laptop.folder / "killed"
    body = f"""
        if not os.path.exists({str(note)!r}):
            open({str(note)!r}, "w").close()
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
    """
    laptop.program("make", body)
    finished = laptop.run({"task": "make"}, {"task": "make"})
    assert set(states(finished).values()) == {"succeeded"}
    nodes = finished.store.run(finished.name).journal.nodes()
    lost = [node for node in nodes.values() if node["phase"] == "Error"]
    assert lost
    assert {node["message"] for node in lost} == {"the process that starts programs ended with status -9"}


def test_a_server_that_always_dies_does_not_hold_up_the_run(laptop: Laptop) -> None:
    """Without a server every try is an error; the run ends."""
    laptop.program("make", "os.kill(os.getppid(), signal.SIGKILL); time.sleep(60)")
    finished = laptop.run({"task": "make"})
    assert only(finished).state == "error"
    assert "ended with status -9" in only(finished).message


def test_memory_is_shared_out(laptop: Laptop) -> None:
    """Two tasks that together ask for more memory than there is run one after the other."""
    half = 0.6 * this_machine().memory_bytes / 1e9
    laptop.program("make", "time.sleep(0.2)")
    finished = laptop.run(*[{"task": "make", "resources": {"memory_gb": half}}] * 2)
    first, second = (laptop.record(finished, f"t{number}/attempt-0/run.json")["usage"] for number in range(2))
    assert first["ended"] <= second["started"] or second["ended"] <= first["started"]


def test_too_much_memory_is_refused(laptop: Laptop) -> None:
    """A type that asks for more than the machine has is refused, by name, before anything runs."""
    laptop.program("make", "pass")
    laptop.program("modest", "pass")
    with pytest.raises(RefusedError, match=r"^make asks for 1e\+06 GB of memory; this machine has") as caught:
        laptop.run({"task": "modest"}, {"task": "make", "resources": {"memory_gb": 1_000_000}})
    assert caught.value.is_machine
    assert list(Store(laptop.store).runs()) == []


def test_a_missing_program_is_refused(laptop: Laptop) -> None:
    """So is a type without a program, for which the machine is not to blame."""
    laptop.program("make", "")
    with pytest.raises(RefusedError, match=r"^make has no program in") as caught:
        laptop.run({"task": "make"})
    assert not caught.value.is_machine


def test_fewer_cores_are_said_once(laptop: Laptop) -> None:
    """A type that asks for more cores than there are gets those there are, with one warning."""
    laptop.program("make", "pass")
    finished = laptop.run(*[{"task": "make", "resources": {"cpu": 64}}] * 3)
    assert laptop.warnings == ["make asks for 64 cores and gets 2"]
    assert set(states(finished).values()) == {"succeeded"}


def test_a_full_repository_fails_the_run(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing more can be kept, tasks are errors that say so."""

    def put(self: Directory, key: str, source: Path, sha256: str | None = None) -> None:
        raise RepositoryError(f"cannot keep {key}: No space left on device")

    monkeypatch.setattr(Directory, "put", put)
    laptop.program("make", "pass")
    finished = laptop.run({"task": "make"})
    assert only(finished).state == "error"
    assert only(finished).message.endswith("No space left on device")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of two megabytes; only root can."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_ends_the_run_with_a_message(laptop: Laptop, small_disk: Path) -> None:
    """On a disk that really is full nothing hangs, and no half of a file becomes visible."""
    laptop.program("make", "ctx.outputs.file.path.write_bytes(b'x' * 1_200_000)", **FILE)
    chain = [{"task": "make", "outputs": {"file": f"f{number}"}} for number in range(4)]
    try:
        finished = laptop.run(*chain, store=small_disk)
    except BrokenOffError as error:
        assert "No space left on device" in str(error)  # noqa: PT017 - either may happen
    else:
        assert any("No space left" in task.message for task in finished.problems())
    assert {path.stat().st_size for path in small_disk.glob("files/*/test/f*")} <= {1_200_000}


def test_a_store_that_cannot_be_made_is_refused(laptop: Laptop) -> None:
    """A store below a file is none."""
    laptop.program("make", "pass")
    (laptop.folder / "file").touch()
    with pytest.raises(RepositoryError, match=r"cannot make .*: Not a directory"):
        laptop.run({"task": "make"}, store=laptop.folder / "file" / "store")


def test_a_run_can_be_followed_and_read_again(laptop: Laptop) -> None:
    """Before it begins a run is noted with its manifest and chain; node updates have ids, parents and phases."""
    laptop.program("make", "pass")
    finished = laptop.run({"task": "make"})
    folder = laptop.store / "runs" / finished.name
    assert json.loads((folder / "chain.json").read_text())["job_name"] == "test"
    assert json.loads((folder / "workflow.json").read_text())["kind"] == "Workflow"
    last = finished.store.run(finished.name).journal.nodes()
    assert {node["phase"] for node in last.values()} == {"Succeeded"}
    assert all(node.get("boundaryID", finished.name) in last for node in last.values())


def test_many_requests_do_not_block_each_other(laptop: Laptop) -> None:
    """More and larger requests than a socket holds, and as many answers, go through."""
    laptop.box["cpu"] = 0.01
    laptop.program("make", "pass", settings={"text": {"type": "text"}})
    many = {"task": "make", "text": "x" * 30_000}
    finished = laptop.run(*[many] * 60)
    assert set(states(finished).values()) == {"succeeded"}


# ---- Interruptions: a run of the command, with programs that would take a minute


class Command:
    """A run of the command in the background."""

    def __init__(self, folder: Path, *tasks: Json) -> None:
        self.folder = folder
        (folder / "chain.json").write_text(json.dumps({"task_list": tasks}), encoding="utf-8")
        command = [sys.executable, "-m", "eas", "run", "chain.json", "--registry", str(ROOT / "registry.yaml")]
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def nodes(self) -> list[Json]:
        """Return the node updates so far."""
        files = list(self.folder.glob("eas-store/runs/*/nodes.jsonl"))
        updates = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        return [update for update in updates if "name" in update]

    def wait_for_programs(self, count: int) -> list[int]:
        """Wait until so many programs run; return their processes, and that of their server."""
        eventually(lambda: sum(node["type"] == "Pod" and node["phase"] == "Running" for node in self.nodes()) >= count)
        server = eventually(lambda: children(self.process.pid))[0]
        return [server, *eventually(lambda: len(found := self.programs(server)) >= count and found)]

    def programs(self, server: int) -> list[int]:
        """Return the children of the server that stand in the folder of a try; there may be others at its start."""
        return [pid for pid in children(server) if str(self.folder / "eas-store/work") in stands_in(pid)]

    def end(self) -> tuple[int, str, str]:
        """Return exit status and output."""
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, out, err


def children(pid: int) -> list[int]:
    """Return the processes that a process started."""
    file = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(number) for number in file.read_text().split()]


def stands_in(pid: int) -> str:
    """Return the folder in which a process stands, as long as there is one."""
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink())
    except FileNotFoundError:
        return ""


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """Start runs of the command; none is left."""
    started: list[Command] = []

    def start(*tasks: Json) -> Command:
        started.append(Command(tmp_path, *tasks))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.communicate()


SLEEP = {"task": "null", "name": "a", "seconds": 60, "resources": {"memory_gb": 0.1, "cpu": 0.5}}
AFTER = {"task": "null", "requires_metadata_from": ["a"], "resources": {"memory_gb": 0.1}}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_running(command: Callable[..., Command], number: signal.Signals) -> None:
    """After Ctrl-C programs are told to end, what was reached is told, and the states are cancelled."""
    running = command(SLEEP, AFTER, {"task": "null", "resources": {"memory_gb": 0.1, "cpu": 0.1}})
    eventually(lambda: any(node["displayName"] == "t2-qc" and "finishedAt" in node for node in running.nodes()))
    processes = running.wait_for_programs(1)
    os.kill(running.process.pid, number)
    status, out, err = running.end()
    assert status == 130
    assert "was cancelled" in out
    assert "1 cancelled, 1 succeeded" in out
    assert "Traceback" not in err
    assert not any(map(is_alive, processes))
    last = {node["id"]: node["phase"] for node in running.nodes()}
    assert not set(last.values()) & {"Pending", "Running"}
    assert not list(running.folder.glob("eas-store/work/*"))


def test_a_second_interruption_does_not_wait(command: Callable[..., Command]) -> None:
    """The second Ctrl-C kills what the first one only told to end."""
    running = command(SLEEP)
    *_, program = running.wait_for_programs(1)
    os.kill(program, signal.SIGSTOP)  # it does not listen
    running.process.send_signal(signal.SIGINT)
    eventually(lambda: running.process.poll() is None and is_alive(program))
    threading.Event().wait(0.6)
    running.process.send_signal(signal.SIGINT)
    status, _, err = running.end()
    assert (status, "Traceback" in err) == (130, False)
    assert not is_alive(program)


def test_programs_do_not_outlive_a_killed_run(command: Callable[..., Command]) -> None:
    """When the engine itself is killed, the server ends what it started."""
    running = command(SLEEP)
    processes = running.wait_for_programs(1)
    running.process.kill()
    eventually(lambda: not any(map(is_alive, processes)))


def test_a_program_killed_from_outside_ends_the_run(command: Callable[..., Command]) -> None:
    """`kill -9` of a program is an error of its task; the run ends and fails."""
    running = command(SLEEP, AFTER)
    *_, program = running.wait_for_programs(1)
    os.kill(program, signal.SIGKILL)
    status, out, err = running.end()
    assert (status, "Traceback" in err) == (1, False)
    assert "killed by SIGKILL" in out
    assert "1 blocked, 1 error" in out


def test_interruptions_are_counted() -> None:
    """Two are counted; the third breaks off, in case the engine does not listen any more."""
    before = signal.getsignal(signal.SIGINT)
    with Interruptions() as interruptions:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        assert interruptions.count == 2
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_runs_in_other_threads(laptop: Laptop) -> None:
    """Only the main thread gets signals; a run elsewhere does without."""
    laptop.program("make", "pass")
    ended = []
    thread = threading.Thread(target=lambda: ended.append(laptop.run({"task": "make"})))
    thread.start()
    thread.join()
    assert states(ended[0]) == {"/t0": "succeeded"}
