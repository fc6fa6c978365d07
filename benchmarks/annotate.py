"""Asking an LLM: replies per second, CPU time, a storm of faults, memory.

The server is the one of the tests, in a process of its own, with a set latency. Each
way of asking has a fresh process, all in one run.

    python benchmarks/annotate.py --docs docs/llm_servers.md
"""

import tempfile
from pathlib import Path
from typing import Any

import typer
from asking import (
    MAX_REQUEST_TIME,
    N_CONCURRENT,
    RETRY_AFTER,
    STORM,
    ask_chat,
    ask_rest,
    ask_through_journal,
    explain_storm,
    start_server,
)
from common import (
    REPORTS,
    describe_machine,
    find_versions,
    machine_line,
    make_table,
    put_block,
    read_command,
    write_json,
)
from probes import alone
from wasabi import msg

GOALS = {
    "share_of_ideal": 0.9,
    "ratio_to_rest": 50.0,
    "cpu_ms": 3.0,
    "seconds_unexplained": 0.0,
    "mib_growth": 20.0,
}
VERSIONS = ("aiohttp", "tenacity", "aiolimiter", "spacy-llm", "spacy")


def main(
    n: int = typer.Option(3000, "--prompts", min=100, help="Of each timed part."),
    n_rest: int = typer.Option(40, "--rest", min=1, help="Of spacy-llm's own model."),
    n_long: int = typer.Option(200_000, "--long", min=0, help="To watch memory."),
    latency: float = typer.Option(0.5, help="Seconds until the server replies."),
    output: Path = typer.Option(REPORTS / "annotate.json", help="Where figures go."),
    docs: Path | None = typer.Option(None, help="Markdown file to put the table in."),
) -> None:
    """Ask the local server in several ways."""
    head = {"command": read_command(), "machine": describe_machine()}
    with tempfile.TemporaryDirectory() as temp:
        rows = measure(Path(temp), n, n_rest, n_long, latency)
    figures = find_figures(rows, latency)
    result = head | {
        "versions": find_versions(VERSIONS),
        "latency": latency,
        "n_concurrent": N_CONCURRENT,
        "storm": STORM | {"retry_after": RETRY_AFTER, "time_out": MAX_REQUEST_TIME},
        "rows": rows,
        "figures": figures,
        "goals": GOALS,
        "met": check_goals(figures),
    }
    write_json(output, result)
    lines = asking_lines(result)
    for line in lines:
        msg.text(line)
    if docs is not None:
        put_block(docs, "asking", lines)
    msg.good(f"Figures are in {output}")


def measure(
    folder: Path, n: int, n_rest: int, n_long: int, latency: float
) -> dict[str, dict[str, Any]]:
    """Ask in all ways, one after another.

    folder (Path): For logs and journals.
    n (int): Prompts of each timed part.
    n_rest (int): Prompts of spacy-llm's own model.
    n_long (int): Prompts of the part that watches memory; 0: leave it out.
    latency (float): Of the server, in seconds.
    RETURNS (dict[str, dict[str, Any]]): Figures by way of asking.
    """
    rows: dict[str, dict[str, Any]] = {}
    calm = {"log": folder / "calm.jsonl", "latency": latency}
    with start_server(**calm) as server:
        rows["rest"] = alone(ask_rest, server.url, n_rest)
        rows["chat"] = alone(ask_chat, server.url, n)
        rows["journal"] = alone(ask_through_journal, server.url, n, folder)
    log = folder / "storm.jsonl"
    with start_server(
        log, latency=latency, faults=STORM, retry_after=RETRY_AFTER
    ) as server:
        rows["storm"] = alone(ask_chat, server.url, n)
    rows["storm"] |= explain_storm(log)
    if n_long:
        with start_server(folder / "long.jsonl") as server:
            rows["long"] = alone(ask_chat, server.url, n_long)
    for name, row in rows.items():
        msg.text(f"{name}: {row}")
    return rows


def find_figures(rows: dict[str, dict[str, Any]], latency: float) -> dict[str, float]:
    """RETURNS (dict[str, float]): What the goals are about."""
    rest, chat, storm = rows["rest"], rows["chat"], rows["storm"]
    per_second = chat["n"] / chat["seconds"]
    overhead = storm["seconds"] - chat["seconds"]
    figures = {
        "share_of_ideal": per_second * latency / N_CONCURRENT,
        "ratio_to_rest": per_second * rest["seconds"] / rest["n"],
        "cpu_ms": 1000 * chat["cpu_seconds"] / chat["n"],
        "cpu_ms_journal": 1000 * rows["journal"]["cpu_seconds"] / rows["journal"]["n"],
        "seconds_unexplained": overhead - storm["seconds_explained"],
    }
    if "long" in rows:
        figures["mib_growth"] = rows["long"]["mib_late"] - rows["long"]["mib_early"]
    return {name: round(figure, 3) for name, figure in figures.items()}


def check_goals(figures: dict[str, float]) -> dict[str, bool]:
    """RETURNS (dict[str, bool]): Which goals are met."""
    at_least = {"share_of_ideal", "ratio_to_rest"}
    return {
        name: figures[name] >= goal if name in at_least else figures[name] <= goal
        for name, goal in GOALS.items()
        if name in figures
    }


def asking_lines(result: dict[str, Any]) -> list[str]:
    """RETURNS (list[str]): The Markdown block of the docs."""
    rows, figures, goals = result["rows"], result["figures"], result["goals"]
    titles = {
        "rest": "spacy-llm's own REST model",
        "chat": "`spacy-nuner.Chat.v1`",
        "journal": "the same through the journal",
        "storm": "in a storm of faults",
        "long": "without latency",
    }
    table = [
        (
            titles[name],
            f"{row['n']:,}",
            f"{row['n'] / row['seconds']:,.1f}",
            f"{1000 * row['cpu_seconds'] / row['n']:.2f}",
            str(row.get("n_failed", 0)),
        )
        for name, row in rows.items()
    ]
    storm, latency = rows["storm"], result["latency"]
    overhead = storm["seconds"] - rows["chat"]["seconds"]
    lines = [
        *make_table(("", "prompts", "replies a second", "CPU ms", "failed"), table),
        "",
        f"{N_CONCURRENT} at once and {1000 * latency:.0f} ms of latency allow "
        f"{N_CONCURRENT / latency:.0f} replies a second: "
        f"{figures['share_of_ideal']:.2f} of it is reached (goal: "
        f"{goals['share_of_ideal']}), {figures['ratio_to_rest']:.0f} times what "
        f"spacy-llm's model does (goal: {goals['ratio_to_rest']:.0f}). CPU time is the "
        "client's per reply, all included.",
        "",
        f"The storm took {overhead:.1f} s longer than the calm run. The server's "
        f"faults explain {storm['seconds_explained']:.1f} s: in "
        f"{storm['seconds_held']:.1f} s tries without a reply held the places, and "
        f"{storm['seconds_longest_wait']:.1f} s is what the prompt with most bad luck "
        f"had to wait. {storm['n_answered_twice']} prompts were asked again after "
        "their reply.",
    ]
    if "long" in rows:
        long = rows["long"]
        lines += [
            "",
            f"Over {long['n']:,} prompts, the client's private memory went from "
            f"{long['mib_early']:.0f} to {long['mib_late']:.0f} MiB.",
        ]
    return [*lines, "", f"`{result['command']}`; {machine_line(result)}"]


if __name__ == "__main__":
    typer.run(main)
