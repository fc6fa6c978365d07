"""kill -9 of the annotator at random moments, against the local server of the tests.

    python benchmarks/annotate_kill.py

After each kill: what the journal holds is never asked for again. At the end: the
journal equals that of a run nobody killed. The figures go to
reports/benchmarks/annotate_kill.json.
"""

import sys
import tempfile
import time
from pathlib import Path

import typer
from common import (
    REPORTS,
    ROOT,
    describe_machine,
    find_versions,
    read_command,
    write_json,
)
from wasabi import msg

if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))

from tests.annotate.killing import (
    MAX_CONCURRENT,
    MAX_OPEN,
    annotate,
    get_content,
    kill_again_and_again,
)
from tests.annotate.running import RunningServer

VERSIONS = ("aiohttp", "spacy-llm", "spacy")


def main(
    n_kills: int = typer.Option(20, "--kills", min=1),
    n_texts: int = typer.Option(3000, "--texts", min=100),
    latency: float = typer.Option(0.05, help="Seconds until the server replies."),
    seed: int = typer.Option(0, help="Decides the moments."),
    output: Path = typer.Option(REPORTS / "annotate_kill.json"),
) -> None:
    """Kill, resume, and compare with a run that was left alone."""
    head = {"command": read_command(), "machine": describe_machine()}
    texts = [(f"t{i}", f"Sentence number {i} of some.") for i in range(n_texts)]
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        server = RunningServer(folder / "killed.jsonl", latency=latency)
        calm = RunningServer(folder / "straight.jsonl")
        try:
            killed = kill_again_and_again(
                server, texts, folder / "killed.sqlite", n_kills=n_kills, seed=seed
            )
            annotate(calm.url, texts, folder / "straight.sqlite")
        finally:
            server.stop()
            calm.stop()
        journals = [
            get_content(folder / f"{name}.sqlite") for name in ("killed", "straight")
        ]
    result = head | {
        "versions": find_versions(VERSIONS),
        "latency": latency,
        "seed": seed,
        "max_concurrent": MAX_CONCURRENT,
        "seconds": time.perf_counter() - start,
        **killed._asdict(),
        "n_rows": len(journals[0]),
        "met": {
            "journal_equals_uninterrupted": journals[0] == journals[1],
            "no_reply_asked_again": killed.n_asked_again == 0,
            "lost_at_most_what_was_open": all(n <= MAX_OPEN for n in killed.n_open),
            "twice_only_what_was_open": killed.n_answered_twice <= sum(killed.n_open),
        },
    }
    write_json(output, result)
    msg.text(
        f"{n_kills} kills over {n_texts:,} texts: {sum(killed.n_open)} open at a kill, "
        f"{killed.n_answered_twice} of them answered twice; {killed.n_requests:,} "
        f"requests in all. {result['met']}"
    )
    msg.good(f"Figures are in {output}")


if __name__ == "__main__":
    typer.run(main)
