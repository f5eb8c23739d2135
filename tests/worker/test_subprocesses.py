"""Sub-processes: their output is logged, a failure tells what they said, and none is left behind."""

import gc
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from eas_worker import subprocesses
from eas_worker.surroundings import Stopped
from tests.worker.harness import Site, described


def python(code: str) -> str:
    """Return the call of a sub-process that runs Python code."""
    return f"ctx.run([{sys.executable!r}, '-c', {code!r}])"


def test_output_is_logged_line_by_line(site: Site) -> None:
    """Standard output and standard error are logged by line, apart, and given back whole."""
    code = "import sys; print(1); print(2); print(3, file=sys.stderr)"
    site.write(f"done = {python(code)}; ctx.emit(out=done.stdout, err=done.stderr)")
    tried = site.run(described())
    assert tried.run["metadata"] == {"out": "1\n2\n", "err": "3\n"}
    lines = sorted((line["severity"], line["message"]) for line in tried.log)
    assert lines == [("info", "1"), ("info", "2"), ("warning", "3")]


def test_failure_has_the_tail(site: Site) -> None:
    """Another exit status than 0 is an error with the end of standard error."""
    site.write(python("import sys; [print(n, file=sys.stderr) for n in range(100)]; sys.exit(3)"))
    message = site.run(described()).run["message"]
    assert "ended with exit status 3" in message
    assert message.splitlines()[1:] == [str(n) for n in range(80, 100)]


def test_killed_by_signal(site: Site) -> None:
    """A sub-process that was killed says by which signal; without standard error the tail is of standard output."""
    site.write(python("import os; print('last', flush=True); os.kill(os.getpid(), 9)"))
    message = site.run(described()).run["message"]
    assert message.splitlines()[0].endswith("was killed by signal 9")
    assert message.splitlines()[1] == "last"


def test_exit_status_can_be_looked_at(site: Site) -> None:
    """Without the check the exit status is the author's."""
    site.write(f"ctx.emit(status={python('raise SystemExit(4)')[:-1]}, check=False).exit_status)")
    assert site.run(described()).run["metadata"] == {"status": 4}


def test_surroundings(site: Site) -> None:
    """A sub-process runs in the temporary folder, with the thread variables, and more where asked."""
    code = "import os; print(os.getcwd(), os.environ['OMP_NUM_THREADS'], os.environ['MORE'])"
    site.write(f"ctx.emit(said={python(code)[:-1]}, environment={{'MORE': 'x'}}).stdout.split(), tmp=str(ctx.tmp))")
    metadata = site.run(described()).run["metadata"]
    assert metadata["said"] == [metadata["tmp"], "3", "x"]


def test_unreadable_output(site: Site) -> None:
    """Bytes that are no UTF-8 do not break the reading."""
    site.write(f"ctx.emit(out={python('import os; os.write(1, bytes([255, 10]))')}.stdout)")
    assert site.run(described()).run["metadata"] == {"out": "\ufffd\n"}


@pytest.mark.parametrize(
    "command",
    [
        "sleep 60 & echo $! > child; wait",
        "trap '' TERM; sleep 60 & echo $! > child; wait",
        "(trap '' TERM; exec sleep 60) & echo $! > child; wait",
    ],
    ids=["both listen", "both are deaf", "the child is deaf"],
)
def test_stopped_with_all_its_children(site: Site, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """SIGTERM to the task ends the sub-process and what that has started; whoever does not listen is killed."""
    monkeypatch.setattr("eas_worker.subprocesses._PATIENCE_S", 0.2)
    site.write(f"""
        import os, pathlib, signal, threading, time
        def stop():
            child = pathlib.Path({str(site.folder)!r}, 'child')
            while not (child.exists() and child.read_text()):
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGTERM)
        threading.Thread(target=stop).start()
        ctx.run(['sh', '-c', {command!r}], cwd={str(site.folder)!r})
    """)
    tried = site.run(described())
    assert tried.exit_status == 143
    assert gone(int((site.folder / "child").read_text()))


def gone(process: int) -> bool:
    """Tell whether a process ends within a second; one that nobody has waited for yet counts as ended."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    os.kill(process, 9)
    return False


def test_stopped_before_anybody_reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever moment the signal comes at, nothing stays open and nothing goes on running."""
    begun = []

    def start(reader: threading.Thread) -> None:
        begun.append(reader)
        raise Stopped

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(Stopped):
        subprocesses.run(["sh", "-c", "echo $$ > pid; exec sleep 60"], cwd=tmp_path)
    gc.collect()  # what was left open would be warned of now
    assert len(begun) == 1


def test_stopped_while_a_reader_begins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A reader that comes to its stream when that is closed leaves it alone."""
    begin = threading.Event()
    readers: list[threading.Thread] = []
    run = threading.Thread.run

    def late(reader: threading.Thread) -> None:
        readers.append(reader)
        begin.wait()
        run(reader)

    start = threading.Thread.start

    def stopped(reader: threading.Thread) -> None:
        start(reader)
        raise Stopped

    monkeypatch.setattr(threading.Thread, "run", late)
    monkeypatch.setattr(threading.Thread, "start", stopped)
    with pytest.raises(Stopped):
        subprocesses.run(["sh", "-c", "exec sleep 60"], cwd=tmp_path)
    begin.set()
    for reader in readers:
        reader.join()  # what it raises would be warned of
    assert len(readers) == 1
