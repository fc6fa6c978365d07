"""Pre-training in a process of its own, so that its memory is its own."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from common import CLOCKS, ROOT

from spacy_nuner.corpus.reader import read_docs
from spacy_nuner.hf import load_tokenizer
from spacy_nuner.pretrain.corpora import INDEX, read_corpora
from spacy_nuner.pretrain.run import pretrain
from spacy_nuner.pretrain.settings import load_settings

CONFIG = ROOT / "configs" / "tiny" / "pretrain.cfg"
STATUS = Path("/proc/self/status")
# Steps before the clock starts
N_WARM = 10
BATCH_SIZE = 48


def alone(call: Callable[..., Any], *args: Any) -> Any:
    """Call in a fresh process, so that its memory is its own.

    call (Callable): The function.
    args (Any): Its arguments.
    RETURNS (Any): What it returns.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(call, *args).result()


def read_memory() -> dict[str, float]:
    """RETURNS (dict[str, float]): MiB that this process has to itself ("private"), of
    files that are mapped ("mapped"), which the system can drop, and the most that both
    together have been ("peak") (Linux)."""
    lines = (line.split() for line in STATUS.read_text("utf8").splitlines())
    found = {line[0].rstrip(":"): line[1] for line in lines if len(line) > 1}
    names = {"private": "RssAnon", "mapped": "RssFile", "peak": "VmHWM"}
    return {
        f"mib_{name}": round(int(found[key]) / 1024, 1) for name, key in names.items()
    }


def index(overrides: dict[str, Any], output: Path, clock: str) -> dict[str, Any]:
    """Read and tokenise a corpus for the first time.

    overrides (dict[str, Any]): Settings.
    output (Path): Folder of the run.
    clock (str): "wall" or "cpu".
    RETURNS (dict[str, Any]): Sizes, seconds, and the most memory on the way.
    """
    now, memory = CLOCKS[clock], [read_memory()["mib_private"]]

    def look() -> bool:
        memory.append(read_memory()["mib_private"])
        return False

    config = load_settings(CONFIG, overrides)
    start = now()
    corpus, _ = read_corpora(config, output / INDEX, should_stop=look)
    seconds = now() - start
    look()
    files = [path for path in (output / INDEX / "train").rglob("*") if path.is_file()]
    reading, tokenising = _time_parts(overrides, now)
    per_sentence = seconds / len(corpus)
    return {
        "n_sentences": len(corpus),
        "n_subtokens": len(corpus.ids.data),
        "n_positives": len(corpus.positive_tokens.data),
        "n_concepts": len(corpus.concepts),
        "seconds_to_index": round(seconds, 2),
        "share_tokenizer": round(tokenising / per_sentence, 3),
        "share_reading": round(reading / per_sentence, 3),
        "mib_on_disk": round(sum(path.stat().st_size for path in files) / 2**20, 1),
        "mib_private_before_indexing": memory[0],
        "mib_private_indexing": max(memory),
        "mib_private_indexed": memory[-1],
    }


def _time_parts(
    overrides: dict[str, Any], now: Callable[[], float]
) -> tuple[float, float]:
    shard = min(Path(overrides["paths.train"]).glob("*.spacy"))
    start = now()
    texts = [doc.text for doc in read_docs(shard, None)]
    reading = now() - start
    tokenizer = load_tokenizer(overrides["paths.encoder"])
    start = now()
    for i in range(0, len(texts), 1000):
        # In Python's own numbers, as they are needed
        _ = [
            (encoding.ids, encoding.offsets)
            for encoding in tokenizer(texts[i : i + 1000], truncation=True).encodings
        ]
    return reading / len(texts), (now() - start) / len(texts)


def train(
    overrides: dict[str, Any], output: Path, n_steps: int, clock: str
) -> dict[str, float]:
    """Start a run on a corpus that is indexed, and take some steps.

    overrides (dict[str, Any]): Settings.
    output (Path): Folder of the run.
    n_steps (int): Timed steps.
    clock (str): "wall" or "cpu".
    RETURNS (dict[str, float]): Seconds to the end of the first step, sentences per
        second, memory after the last step.
    """
    times: list[float] = []
    memory: dict[str, float] = {}
    now = CLOCKS[clock]

    def count() -> bool:
        times.append(now())
        is_last = len(times) > N_WARM + n_steps
        if is_last:
            memory.update(read_memory())
        return is_last

    config = load_settings(CONFIG, overrides)
    start = now()
    pretrain(config, output, restart=True, should_stop=count)
    seconds = times[-1] - times[N_WARM]
    return {
        "seconds_to_start": round(times[0] - start, 2),
        "sentences_per_second": round(n_steps * BATCH_SIZE / seconds, 2),
        **memory,
    }
