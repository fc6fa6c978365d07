"""Two workers of Ray on one machine: as one process does it, whoever dies."""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spacy_nuner.annotate.annotator import load_annotator
from spacy_nuner.annotate.journal.schema import Record
from spacy_nuner.annotate.journal.store import read_journal
from spacy_nuner.annotate.ray.cluster import running_ray
from spacy_nuner.annotate.ray.pool import RaySettings
from spacy_nuner.annotate.ray.run import annotate_on_ray
from spacy_nuner.annotate.ray.shards import name_folder
from spacy_nuner.annotate.run import AnnotateResult, annotate_texts
from spacy_nuner.cli.main import app
from tests.annotate.conftest import StartServer
from tests.annotate.running import RunningServer

pytestmark = [
    pytest.mark.slow,
    # Ray sets its own deprecated defaults
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context"),
]

ROOT = Path(__file__).parent.parent.parent.parent
CONFIG = ROOT / "configs" / "paper" / "annotate.cfg"
MODEL = "components.llm.model"
MAX_CONCURRENT = 16  # of both workers
TEXTS = [(f"t{i}", f"Sentence number {i} of some.") for i in range(240)]
# Ray runs its workers at low priority: on a busy machine they start after minutes
PATIENCE = 600


@pytest.fixture(scope="module", autouse=True)
def two_workers() -> Iterator[None]:
    """Ray takes seconds to start: once for all tests."""
    with running_ray(2, "local"):
        yield


def get_overrides(server: RunningServer, **model: Any) -> dict[str, Any]:
    model = {"base_url": server.url, "max_concurrent": MAX_CONCURRENT, **model}
    return {f"{MODEL}.{name}": value for name, value in model.items()}


def run(
    overrides: dict[str, Any],
    output: Path,
    texts: list[tuple[str, str]] = TEXTS,
    *,
    task_size: int = 60,
    **settings: Any,
) -> AnnotateResult:
    return annotate_on_ray(
        load_annotator(CONFIG, overrides),
        lambda: texts,
        output,
        RaySettings(2, task_size),
        config=CONFIG,
        overrides=overrides,
        **settings,
    )


def run_plain(
    overrides: dict[str, Any], output: Path, texts: list[tuple[str, str]] = TEXTS
) -> AnnotateResult:
    return annotate_texts(load_annotator(CONFIG, overrides), lambda: texts, output)


def get_counts(result: AnnotateResult) -> tuple[int, int, int]:
    return result.tally.n_asked, result.tally.n_before, result.tally.n_failed


def get_content(output: Path) -> list[Record]:
    rows = [
        row._replace(time="", seconds=0.0, n_tries=1) for row in read_journal(output)
    ]
    return sorted(rows, key=lambda row: (row.number, row.turn))


def count_asked(server: RunningServer) -> Counter[str]:
    return Counter(line["prompt"] for line in server.requests())


def list_leftovers(output: Path) -> list[str]:
    return [path.name for path in output.parent.glob(f"{output.name}?*")]


def after(
    server: RunningServer, n_requests: int, act: Callable[[], None]
) -> threading.Thread:
    """Do something once the server has had so many requests."""

    def wait() -> None:
        deadline = time.monotonic() + PATIENCE
        while len(server.requests()) < n_requests and time.monotonic() < deadline:
            time.sleep(0.01)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_two_workers_do_what_one_process_does(
    start_server: StartServer, tmp_path: Path
) -> None:
    server, output = start_server(latency=0.02), tmp_path / "two.sqlite"
    overrides = get_overrides(server)
    run_plain(overrides, output, TEXTS[:20])
    # a text that comes twice, in another task
    texts = [*TEXTS, ("again", TEXTS[30][1])]
    result = run(overrides, output, texts)
    assert get_counts(result) == (220, 21, 0) and result.n_texts == 241
    requests = server.requests()
    assert len(requests) == len(TEXTS) and set(count_asked(server).values()) == {1}
    assert max(line["open"] for line in requests) <= MAX_CONCURRENT
    straight = tmp_path / "straight.sqlite"
    plain = run_plain(overrides, straight, texts)
    assert get_content(output) == get_content(straight)
    assert result.total == plain.total
    n_before = len(server.requests())
    assert get_counts(run(overrides, output, texts)) == (0, 241, 0)
    assert len(server.requests()) == n_before
    assert list_leftovers(output) == []


def test_killed_worker_is_replaced(start_server: StartServer, tmp_path: Path) -> None:
    server, output = start_server(latency=0.05), tmp_path / "out.sqlite"
    overrides = get_overrides(server)
    killed: list[int] = []

    def kill() -> None:
        (lock, *_) = name_folder(output).glob("*.sqlite.lock")
        killed.append(int(lock.read_text().split()[1]))
        os.kill(killed[0], signal.SIGKILL)

    thread = after(server, 60, kill)
    result = run(overrides, output, task_size=120)
    thread.join()
    assert killed and killed[0] != os.getpid()
    assert get_counts(result) == (len(TEXTS), 0, 0)
    straight = tmp_path / "straight.sqlite"
    plain = run_plain(get_overrides(start_server()), straight)
    assert get_content(output) == get_content(straight)
    assert result.total == plain.total
    # what one of the two had on its way, and nothing else
    asked = count_asked(server)
    assert len(asked) == len(TEXTS) and max(asked.values()) <= 2
    assert asked.total() - len(TEXTS) <= MAX_CONCURRENT
    assert list_leftovers(output) == []


def test_refused_key_ends_the_run_with_its_message(
    start_server: StartServer, tmp_path: Path
) -> None:
    server, output = start_server(latency=0.05, key="good"), tmp_path / "out.sqlite"
    key = tmp_path / "key"
    key.write_text("good", encoding="utf8")
    overrides = get_overrides(server, key_file=str(key))
    thread = after(server, 60, lambda: server.change(key="another"))
    with pytest.raises(RuntimeError, match=r"^\[N118\] .* refused the key") as caught:
        run(overrides, output)
    thread.join()
    assert "Traceback" not in str(caught.value) and "good" not in str(caught.value)
    replied = {r["prompt"] for r in server.requests() if r["status"] == "200"}
    assert 60 <= len(replied) < len(TEXTS)
    assert {row.prompt_sha256 for row in read_journal(output)} == replied
    server.change(key="good")
    result = run_plain(overrides, output)
    assert get_counts(result) == (len(TEXTS) - len(replied), len(replied), 0)


def test_failures_of_all_workers_count(
    start_server: StartServer, tmp_path: Path
) -> None:
    server, output = start_server(latency=0.02, faults={"400": 1.0}), tmp_path / "o.db"
    with pytest.raises(RuntimeError, match=r"N106.*HTTP 400"):
        run(get_overrides(server), output, max_failures=6)
    rows = list(read_journal(output))
    assert 6 <= len(rows) < len(TEXTS) // 2
    assert all(row.response is None for row in rows)
    server.change(faults={})
    result = run_plain(get_overrides(server), output)
    assert get_counts(result) == (len(TEXTS), 0, 0)


def test_ctrl_c_lets_open_requests_come_home(
    start_server: StartServer, tmp_path: Path
) -> None:
    server, output = start_server(latency=0.1), tmp_path / "out.sqlite"
    overrides = get_overrides(server)
    thread = after(server, 40, lambda: os.kill(os.getpid(), signal.SIGINT))
    result = run(overrides, output)
    thread.join()
    assert result.tally.stopped == "interrupted"
    n_asked = result.tally.n_asked
    assert 40 <= n_asked < len(TEXTS)
    assert len(server.requests()) == n_asked == len(list(read_journal(output)))
    result = run_plain(overrides, output)
    assert get_counts(result) == (len(TEXTS) - n_asked, n_asked, 0)
    assert set(count_asked(server).values()) == {1}


def test_budget_is_that_of_all_workers(
    start_server: StartServer, tmp_path: Path
) -> None:
    server, output = start_server(latency=0.02), tmp_path / "out.sqlite"
    overrides = get_overrides(server, config={"max_tokens": 50})
    overrides |= {"prices.input": 10.0, "prices.output": 20.0}
    prices = load_annotator(CONFIG, overrides).prices
    assert prices is not None
    one = run_plain(overrides, tmp_path / "one.sqlite", TEXTS[:1])
    budget = 60 * prices.cost(one.total)
    result = run(overrides, output, budget=budget)
    assert result.tally.stopped == "budget"
    # the worst price of a request is several times that of its reply
    assert 0.8 * budget < prices.cost(result.total) <= budget
    assert result.tally.n_asked == len(list(read_journal(output)))
    done = run_plain(overrides, output)
    assert done.tally.n_before == result.tally.n_asked


def test_second_pass_from_the_command_line(
    start_server: StartServer, tmp_path: Path
) -> None:
    server, output = start_server(), tmp_path / "out.sqlite"
    texts = tmp_path / "texts.jsonl"
    records = [{"id": id_, "text": text} for id_, text in TEXTS[:30]]
    texts.write_text("".join(json.dumps(record) + "\n" for record in records))
    # the first pass is done
    run_plain(get_overrides(server), output, TEXTS[:30])
    command = ["annotate", str(CONFIG), str(texts), "-o", str(output), "--ray", "1"]
    overrides = get_overrides(server)
    overrides["components.llm.task.second_pass"] = "true"
    for name, value in overrides.items():
        command += [f"--{name}", str(value)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "Nothing to do: all 30 replies" in result.output
    assert "30 asked, 0 from before, 0 failed" in result.output
    rows = list(read_journal(output))
    assert Counter(row.turn for row in rows) == {1: 30, 2: 30}
    firsts = {row.key: row.text for row in rows if row.turn == 1}
    assert all(firsts[row.follows or ""] == row.text for row in rows if row.turn == 2)
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0 and result.output.count("Nothing to do") == 2
    assert len(server.requests()) == 60


def test_address_without_workers(tmp_path: Path) -> None:
    command = ["annotate", str(CONFIG), "texts.jsonl", "--ray-address", "host:6379"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1 and "--ray-address needs --ray" in result.output
