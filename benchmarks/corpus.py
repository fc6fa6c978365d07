"""The concept corpus of a million recorded replies: time, memory, all cores.

The replies are those of the sample, repeated and perturbed; `spacy-nuner corpus` runs
as it does for a user, with one process and with one for each core.

    python benchmarks/corpus.py --docs docs/corpus.md
"""

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import typer
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
from journals import SAMPLE, write_journal
from process_tree import run_command
from wasabi import msg

MILLION = 1_000_000
GOALS = {"cpu_minutes_per_million": 6.0, "mib": 1024.0}
TITLES = (
    ("minutes by the clock", "minutes", ",.1f"),
    ("CPU minutes, all processes", "cpu_minutes", ",.1f"),
    ("CPU minutes for a million", "cpu_minutes_per_million", ",.1f"),
    ("of them in the first process", "share_parent", ".0%"),
    ("most memory, MiB", "mib_proportional", ",.0f"),
    ("with shared pages counted in each process", "mib_resident", ",.0f"),
)


def main(
    n_replies: int = typer.Option(MILLION, "--replies", min=100),
    sample: Path = typer.Option(SAMPLE, help="Recorded replies to repeat."),
    jobs: list[int] = typer.Option([1, 0], help="--jobs of each run; 0: all cores."),
    folder: Path | None = typer.Option(
        None, help="Where journal and corpora are kept; none: thrown away."
    ),
    output: Path = typer.Option(REPORTS / "corpus.json", help="Where the figures go."),
    docs: Path | None = typer.Option(None, help="Markdown file to put the table in."),
) -> None:
    """Make the corpus of many replies and measure what it takes."""
    head = {"command": read_command(), "machine": describe_machine()}
    with tempfile.TemporaryDirectory() as temp:
        place = Path(temp) if folder is None else folder
        journal = place / f"replies-{n_replies}.jsonl"
        if not journal.exists():
            write_journal(journal, n_replies, sample=sample)
            msg.text(f"{journal}: {n_replies:,} replies")
        rows = []
        for n in jobs:
            rows.append(measure(journal, place / f"corpus-{n}", n, n_replies))
            msg.text(json.dumps(rows[-1]))
    result = {
        **head,
        "versions": find_versions(("spacy", "numpy")),
        "n_replies": n_replies,
        "rows": rows,
        "goals": GOALS,
        "same_files": len({row["sha256"] for row in rows}) == 1,
        "met": {
            "cpu_minutes_per_million": all(
                row["cpu_minutes_per_million"] <= GOALS["cpu_minutes_per_million"]
                for row in rows
            ),
            "mib": all(row["mib_proportional"] < GOALS["mib"] for row in rows),
        },
    }
    write_json(output, result)
    lines = corpus_lines(result)
    for line in lines:
        msg.text(line)
    if docs is not None:
        put_block(docs, "corpus-speed", lines)
    msg.good(f"Figures are in {output}")


def measure(journal: Path, corpus: Path, jobs: int, n_replies: int) -> dict[str, Any]:
    """Make the corpus once.

    journal (Path): The replies.
    corpus (Path): Where the corpus goes.
    jobs (int): Processes; 0: one for each core.
    n_replies (int): Replies of the journal.
    RETURNS (dict[str, Any]): What it took, and what came of it.
    """
    command = [sys.executable, "-m", "spacy_nuner", "corpus", str(journal), str(corpus)]
    usage = run_command([*command, "--jobs", str(jobs)])
    stats = json.loads((corpus / "stats.json").read_text(encoding="utf8"))
    row = {
        "jobs": jobs,
        "minutes": usage.seconds / 60,
        "cpu_minutes": usage.cpu_seconds / 60,
        "cpu_minutes_per_million": usage.cpu_seconds / 60 * MILLION / n_replies,
        "share_parent": usage.cpu_parent / usage.cpu_seconds,
        "mib_resident": usage.mib_resident,
        "mib_proportional": usage.mib_proportional,
        "n_sentences": stats["n_sentences"],
        "n_mentions": stats["n_mentions"],
        "n_concepts": stats["n_concepts"],
        "share_lost": stats["share_lost"],
        "sha256": hash_files(corpus),
    }
    shutil.rmtree(corpus)
    return {
        key: round(value, 4) if isinstance(value, float) else value
        for key, value in row.items()
    }


def hash_files(folder: Path) -> str:
    """RETURNS (str): SHA-256 of all files below a folder, with their names."""
    state = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        state.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            state.update(hashlib.file_digest(file, "sha256").digest())
    return state.hexdigest()


def corpus_lines(result: dict[str, Any]) -> list[str]:
    """RETURNS (list[str]): The Markdown block of the docs."""
    rows, goals = result["rows"], result["goals"]
    notes = {
        "cpu_minutes_per_million": f"≤ {goals['cpu_minutes_per_million']:.0f}",
        "mib_proportional": f"< {goals['mib']:,.0f}",
    }
    header = ["", *(f"`--jobs {row['jobs']}`" for row in rows), "goal"]
    table = [
        [title, *(format(row[key], form) for row in rows), notes.get(key, "")]
        for title, key, form in TITLES
    ]
    row = rows[0]
    same = "are the same" if result["same_files"] else "DIFFER"
    return [
        *make_table(header, table),
        "",
        f"{result['n_replies']:,} replies, {row['n_sentences']:,} sentences with "
        f"{row['n_mentions']:,} mentions of {row['n_concepts']:,} concepts, "
        f"{row['share_lost']:.1%} of the lines lost; the files of all runs {same}. "
        f"`{result['command']}`; {machine_line(result)}",
    ]


if __name__ == "__main__":
    typer.run(main)
