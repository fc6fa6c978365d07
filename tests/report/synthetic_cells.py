"""A folder of made-up cells, clearly synthetic: for the tests of this room alone."""

import json
import math
import random
import struct
from pathlib import Path
from typing import Any, NamedTuple

KS = (1, 4, 16, 64)
SYSTEMS = {
    "base": (18.0, 7.0),
    "base_best_layer": (22.0, 7.3),
    "nuner": (31.0, 7.2),
    "nuner_concept_start": (43.0, 5.0),
}
DATASETS = {
    "mit_restaurant": 1521,
    "mit_movie": 2443,
    "bionlp2004": 3856,
    "gallery": 260,
}
HOSTILE = '<script>alert("x")</script>'


class Files(NamedTuple):
    """Where the inputs of a report lie."""

    metrics: Path
    corpus: Path
    log: Path
    encoder: Path


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf8")
    return path


def write_cell(
    metrics: Path,
    *,
    system: str,
    dataset: str,
    k: int | str,
    seed: int = 0,
    score: float,
    experiment: str = "fewshot",
    n_test: int | None = None,
    **extra: Any,
) -> Path:
    folder = k if isinstance(k, str) else f"k{k}"
    cell = {
        "key": "synthetic",
        "experiment": experiment,
        "system": system,
        "dataset": dataset,
        "k": k,
        "seed": seed,
        "token_macro_f1": score,
        "token_macro_f1_with_none": score / 2 + 0.5,
        "entity_micro_f1": score * 0.9,
        "n_train_entities": 12,
        "n_test_sentences": n_test or DATASETS.get(dataset, 10),
        "sampler": "exact",
        "settings": {"lr": 0.01},
        "seconds": 0.5,
    }
    path = metrics / experiment / system / dataset / folder / f"seed{seed}.json"
    return write_json(path, cell | extra)


def make_files(root: Path) -> Files:
    """Write a whole set of inputs."""
    rng = random.Random(0)
    metrics = root / "metrics"
    for i, dataset in enumerate(DATASETS):
        for k in KS:
            if (dataset, k) == ("gallery", 64):
                continue
            for seed in range(5):
                luck = rng.gauss(0, 4 / math.sqrt(k) + 1)
                for system, (start, slope) in SYSTEMS.items():
                    own = rng.gauss(0, 0.5)
                    points = start + slope * math.log2(k) * 0.9 + luck + own - 2 * i
                    write_cell(
                        metrics,
                        system=system,
                        dataset=dataset,
                        k=k,
                        seed=seed,
                        score=points / 100,
                    )
    for dataset, n_test in (("mit_restaurant", 200), ("gallery", 260)):
        for k, score in (("kw0", 0.5), ("kw8", 0.6)):
            for system, more in (("llm_ner_v3", 0.0), ("llm_ner_v3_repaired", 0.04)):
                write_cell(
                    metrics,
                    system=system,
                    dataset=dataset,
                    k=k,
                    score=score + more,
                    experiment="ner_v3",
                    n_test=n_test,
                )
    write_json(
        metrics / "fewshot" / "unreachable.json",
        [
            {
                "dataset": "gallery",
                "k": 64,
                "types": {"ARTWORK": 12, HOSTILE: 1},
                "reason": "the pool has fewer than 64 of ARTWORK",
            }
        ],
    )
    write_zero_shot(metrics)
    return Files(metrics, _make_corpus(root), _make_log(root), _make_encoder(root))


def write_zero_shot(metrics: Path) -> None:
    """Write cells without examples and what a calibration measured."""
    for dataset, score in (("wnut17", 0.4), ("gallery", 0.3)):
        for system, more in (("", 0.05), ("_uncalibrated", 0.0)):
            write_cell(
                metrics,
                system=f"nuner_zero_shot{system}",
                dataset=dataset,
                k=0,
                score=score + more,
                n_test=1287,
            )
    points = [
        {"name": name, "predicted": p, "observed": p * share, "n": 1000}
        for name, share in (("calibrated", 0.9), ("as trained", 0.5), (HOSTILE, 0.1))
        for p in (0.05, 0.55, 0.95)
    ]
    calibration = {
        "threshold": 2.75,
        "scale": 1.25,
        "n_concepts": 142,
        "concepts": [{"concept": HOSTILE, "n": 99, "threshold": 2.5}],
        "reliability": points,
    }
    write_json(metrics / "calibration.json", calibration)


def write_llm(metrics: Path, n_test: int = 200) -> None:
    """Cells of an LLM that was asked about so many test sentences."""
    for k, score in (("kw0", 0.50), ("kw8", 0.55)):
        write_cell(
            metrics,
            system="llm_ner_v3_repaired",
            dataset="mit_restaurant",
            k=k,
            score=score,
            experiment="ner_v3",
            n_test=n_test,
        )


def _make_corpus(root: Path) -> Path:
    counts = [max(1, round(900 / rank)) for rank in range(1, 2001)]
    concepts = [[f"concept {rank}", n] for rank, n in enumerate(counts, start=1)]
    concepts[0][0] = HOSTILE
    concepts[9][0] = "a|b `c` [d](http://evil) & <e>"
    return write_json(
        root / "stats.json",
        {
            "n_sentences": 1100,
            "n_train": 1000,
            "n_dev": 100,
            "n_words": 22_000,
            "n_lines": 7000,
            "n_placed_lines": 6900,
            "n_dropped_lines": 100,
            "dropped_lines": {"not_found": 90, "noise": 10},
            "share_lost": 100 / 7000,
            "n_mentions": sum(counts),
            "n_mentions_exact": sum(counts) - 5,
            "n_mentions_folded": 5,
            "n_concepts": 2000,
            "n_concepts_once": counts.count(1),
            "n_without_mention": 3,
            "n_duplicate_texts": 0,
            "mentions_per_sentence": {"6": 600, "7": 500},
            "concepts": concepts,
        },
    )


def _make_log(root: Path) -> Path:
    records = []
    for step in range(10, 401, 10):
        done = step / 400
        records.append(
            {
                "step": step,
                "epoch": (step - 1) // 100,
                "loss": 0.02 + 0.1 * math.exp(-6 * done),
                "p_pos": 0.6 * (1 - math.exp(-3 * done)),
                "p_neg": 0.01,
                "lr": 5e-4,
                "sentences_per_second": 20.0,
            }
        )
        if step % 100 == 0:
            epoch = {"epoch": step // 100, "dev_loss": 0.03, "dev_p_pos": 0.4}
            records.append(epoch)
    path = root / "log.jsonl"
    lines = "".join(json.dumps(record) + "\n" for record in records)
    path.write_text(lines + '{"step": 41')  # a run that was stopped while it wrote
    return path


def _make_encoder(root: Path) -> Path:
    tensors = {
        "__metadata__": {"format": "pt"},
        "embeddings": {"dtype": "F32", "shape": [1000, 384], "data_offsets": [0, 0]},
        "ids": {"dtype": "I64", "shape": [1, 512], "data_offsets": [0, 0]},
        "norm": {"dtype": "F32", "shape": [384], "data_offsets": [0, 0]},
    }
    header = json.dumps(tensors).encode()
    weights = root / "encoder" / "model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(struct.pack("<Q", len(header)) + header)
    return write_json(
        root / "encoder" / "nuner.json",
        {"format": 1, "base": "assets/encoders/tiny-base", "n_layers": 6},
    )
