"""Draw a sample of sentences: documents, filters, protection, candidates, output."""

import hashlib
import logging
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from ...errors import Errors
from ..workers import count_cores, map_in_order, start_workers
from .counts import add_counts, close_counts, start_counts
from .duplicates import find_near_duplicates
from .hub import HubFile
from .output import Outputs, name_outputs, write_lines, write_stats
from .protection import list_test_files
from .settings import TextSettings
from .sift import get_tools
from .sources import Source, find_sources
from .spool import Candidate, Spool, open_spool, remove_spool
from .tasks import Position, do_tasks, read_tasks

FORMAT = 1  # of the spool's state
# Batches that are worked on, or wait, for each process
AHEAD = 3

logger = logging.getLogger("spacy_nuner")

ProgressT = Callable[[int, int], None]  # documents and sentences up to now


def draw_texts(
    given: Sequence[str],
    output: str | Path,
    settings: TextSettings | None = None,
    *,
    protect: Sequence[str | Path] = (),
    jobs: int = 1,
    progress: ProgressT | None = None,
) -> dict[str, Any]:
    """Draw a random sample of sentences from web text (Section 3.1).

    Drawn are the sentences whose hash, of the seed and the folded words, is smallest;
    they are written in the order of that hash. So the sample depends on the seed and
    the texts, not on their order, and the first lines of a sample are a smaller one.
    A run that was stopped goes on where it was when it is started again.

    given (Sequence[str]): files, folders and addresses of the hub.
    output (str | Path): JSONL of {"id", "text"}; its companions are named after it.
    settings (TextSettings | None): the settings; None: the defaults.
    protect (Sequence[str | Path]): test data whose sentences are left out.
    jobs (int): processes; 0: as many as there are cores. The result is the same.
    progress (ProgressT | None): is told how far the run is.
    RETURNS (dict[str, Any]): the counts, as in `<output>.stats.json`.
    RAISES (ValueError): on bad input, naming file and line.
    """
    settings = settings or TextSettings()
    sources, outputs = find_sources(given), name_outputs(output)
    if outputs.texts.resolve() in [source.file for source in sources]:
        raise ValueError(Errors.N257.format(path=output))
    protected = tuple(str(path) for path in protect)
    get_tools.cache_clear()  # test data may have changed under the same name
    get_tools(settings, protected)  # what is wrong with the settings shows at once
    fingerprint = _identify(sources, settings, protected)
    with open_spool(outputs.spool, settings.n_candidates) as spool:
        state = spool.read_state()
        is_other = state is not None and state["fingerprint"] != fingerprint
    if is_other:
        logger.info("Another run has left '%s': beginning anew.", outputs.spool)
        remove_spool(outputs.spool)
    with open_spool(outputs.spool, settings.n_candidates) as spool:
        counts = _collect(
            spool, sources, settings, protected, fingerprint, jobs, progress
        )
        stats = _write(spool, outputs, settings, counts)
    remove_spool(outputs.spool)
    return stats


def _identify(
    sources: Sequence[Source], settings: TextSettings, protected: Sequence[str]
) -> dict[str, Any]:
    """Say what a run depends on, to go on with no other."""
    files = [
        list(source.file)
        if isinstance(source.file, HubFile)
        else [str(source.file), source.file.stat().st_size, source.file.stat().st_mtime]
        for source in sources
    ]
    tests = [
        hashlib.sha256(file.read_bytes()).hexdigest()
        for file in list_test_files(protected)
    ]
    # a run that met a bad record goes on when it is told to pass it by
    named = _list_settings(settings) | {"skip_bad": None}
    return {"format": FORMAT, "files": files, "tests": tests, "settings": named}


def _list_settings(settings: TextSettings) -> dict[str, Any]:
    return asdict(settings) | {"without": list(settings.without)}


def _collect(
    spool: Spool,
    sources: Sequence[Source],
    settings: TextSettings,
    protected: tuple[str, ...],
    fingerprint: dict[str, Any],
    jobs: int,
    progress: ProgressT | None,
) -> dict[str, Any]:
    """Read the sources into the spool."""
    state = spool.read_state() or {"counts": start_counts(), "position": Position()}
    counts, start = state["counts"], Position(*state["position"])
    if start.n_total:
        logger.info("Going on after %s documents.", f"{start.n_total:,}")
    n_jobs = jobs or count_cores()
    call = partial(do_tasks, settings=settings, protect=protected)
    tasks = read_tasks(sources, settings, start, lambda: spool.ceiling)
    with start_workers(n_jobs) as workers:
        ahead = 0 if n_jobs == 1 else AHEAD * n_jobs
        for some in map_in_order(workers, call, tasks, size=1, ahead=ahead):
            for sifted, problems, end in some:
                add_counts(counts, sifted, len(problems))
                state = {"fingerprint": fingerprint, "counts": counts, "position": end}
                spool.add(sifted.kept, sifted.leaks, problems, state)
                if progress is not None:
                    progress(counts["n_documents"], counts["n_sentences"])
    return counts


def _write(
    spool: Spool, outputs: Outputs, settings: TextSettings, counts: dict[str, Any]
) -> dict[str, Any]:
    """Write what is in the spool."""
    near = _find_near(spool, settings.near) if settings.near else set()
    seen = {"duplicates": 0, "near": 0, "drawn": 0}

    def draw() -> Iterator[Candidate]:
        for index, candidate in enumerate(spool.read_candidates()):
            if settings.n and seen["drawn"] == settings.n:
                return
            seen["duplicates"] += candidate.copies - 1
            seen["near" if index in near else "drawn"] += 1
            if index not in near:
                yield candidate

    records = ({"id": drawn.id, "text": drawn.text} for drawn in draw())
    if not counts["n_passed"]:
        reasons = ", ".join(f"{n:,} {name}" for name, n in counts["dropped"].items())
        raise ValueError(
            Errors.N262.format(
                n_sentences=counts["n_sentences"],
                n_documents=counts["n_documents"],
                reasons=reasons or "nothing",
            )
        )
    write_lines(outputs.leaks, spool.read_leaks())
    problems = ({"problem": problem} for problem in spool.read_problems())
    write_lines(outputs.bad, problems)
    write_lines(outputs.texts, records)
    stats = close_counts(counts, seen["duplicates"], seen["near"], seen["drawn"])
    # fewer than asked for, though there were more: too many near duplicates
    stats["is_short"] = 0 < stats["n_drawn"] < settings.n and stats["n_not_drawn"] > 0
    stats["settings"] = _list_settings(settings)
    write_stats(outputs.stats, stats)
    return stats


def _find_near(spool: Spool, least: float) -> set[int]:
    priorities = array("Q")

    def read() -> Iterator[str]:
        for candidate in spool.read_candidates():
            priorities.append(candidate.priority)
            yield candidate.text

    return find_near_duplicates(
        read(), lambda index: spool.get_text(priorities[index]), least=least
    )
