"""`ask`: questions about several tasks at once."""

from tests.worker.harness import Site, Try, described, read

QUESTION = {
    "kind": "criterion",
    "expression": "(requested_metadata['one']['x'] > requested_metadata['two']['x'])",
    "at": "/t2",
    "request": {"one": 0, "two": 1},
    "place": "chain.json:7:5",
}
DESCRIPTION = described(
    path="/t2",
    records=[{"kind": "task", "k": k, "path": f"/t{k}"} for k in range(2)],
    questions={"c1": QUESTION},
)


def asked(site: Site, one: object, two: object) -> Try:
    """Ask whether one is more than two."""
    return site.ask(DESCRIPTION, {0: {"x": one}, 1: {"x": two}})


def test_answer(site: Site) -> None:
    """An answer is a small integer."""
    for one, two, answer in ((2, 1, 1), (1, 2, 0)):
        tried = asked(site, one, two)
        assert tried.exit_status == 0
        assert (tried.folder / "answers").read_text() == f'{{"c1": {answer}}}'
        record = read(tried.folder / "records" / "ask.json")
        assert record == {"format": 1, "path": "/t2", "answers": {"c1": answer}, "message": ""}


def test_no_answer(site: Site) -> None:
    """A question without an answer fails the step, and the message has its place in the chain."""
    tried = asked(site, "text", 1)
    assert tried.exit_status == 1
    assert (tried.folder / "answers").read_text() == '{"c1": -1}'
    record = read(tried.folder / "records" / "ask.json")
    assert record["message"].startswith("chain.json:7:5: ")
    assert tried.last_words == record["message"]


def test_broken_record(site: Site) -> None:
    """What cannot even be asked fails as well, and leaves a record."""
    folder = asked(site, 2, 1).folder
    (folder / "in" / ".requested" / "0").write_text("no json")
    from eas_worker import runtime

    assert runtime.execute("ask", site.environment(folder, DESCRIPTION)) == 1
    assert "JSONDecodeError" in read(folder / "records" / "ask.json")["message"]
