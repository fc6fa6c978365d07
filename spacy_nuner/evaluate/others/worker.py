"""GLiNER or SpanMarker in a process of its own: texts in, entities out, all in files.

Such packages don't always stand beside the versions that we pin, so this file is run by
the Python of any environment that has them. It imports nothing of ours:

    /elsewhere/bin/python spacy_nuner/evaluate/others/worker.py work/

The folder holds `spec.json` ("system", "model", "labels": {label: phrase}, "threshold",
"batch_size", "texts", and "train" for SpanMarker). `predictions.jsonl` gets a line for
each text as soon as it is there, `{"text", "spans": [{"start", "end", "label",
"score"}]}`; `outcome.json` says how it went.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

Entity = dict[str, Any]
Predict = Callable[[list[str]], list[list[Entity]]]
# Package, lowest version that is allowed, lowest one that is not
PACKAGES = {
    "gliner": ("gliner", (0, 2, 27), (0, 3)),
    "span_marker": ("span_marker", (1, 5), (2,)),
}
# What SpanMarker is trained with unless told otherwise
TRAINING = {"n_epochs": 10, "learn_rate": 5e-5, "batch_size": 4, "seed": 0}


class Refused(Exception):
    """The package is missing or of a version that was not tried."""


def make_gliner(spec: dict[str, Any], counts: dict[str, int]) -> Predict:
    """GLiNER without training: labels are asked for by their phrases."""
    from gliner import GLiNER

    model = GLiNER.from_pretrained(spec["model"], local_files_only=True)
    model.eval()
    label_of = {phrase: label for label, phrase in spec["labels"].items()}
    most = int(getattr(model.config, "max_len", 0) or 0)

    def predict(texts: list[str]) -> list[list[Entity]]:
        # GLiNER cuts longer texts without a word
        counts["n_long"] += sum(bool(most) and len(t.split()) > most for t in texts)
        found = model.inference(
            texts,
            list(label_of),
            flat_ner=True,
            threshold=spec["threshold"],
            batch_size=spec["batch_size"],
        )
        return [
            [
                make_entity(e["start"], e["end"], label_of[e["label"]], e["score"])
                for e in entities
            ]
            for entities in found
        ]

    return predict


def make_span_marker(spec: dict[str, Any], counts: dict[str, int]) -> Predict:
    """SpanMarker, trained already or trained here on a few sentences."""
    from span_marker import SpanMarkerModel

    if spec.get("train"):
        model = train_span_marker(spec)
    else:
        model = SpanMarkerModel.from_pretrained(spec["model"])
        model.eval()
    label_of = {fold(label): label for label in spec["labels"]}
    for label, phrase in spec["labels"].items():
        label_of.setdefault(fold(phrase), label)

    def predict(texts: list[str]) -> list[list[Entity]]:
        rows = []
        found = model.predict(texts, batch_size=spec["batch_size"])
        for entities in found:
            kept = []
            for e in entities:
                label = label_of.get(fold(e["label"]))
                if label is None:
                    counts["n_other_label"] += 1
                    continue
                start, end = e["char_start_index"], e["char_end_index"]
                kept.append(make_entity(start, end, label, e["score"]))
            rows.append(kept)
        return rows

    return predict


def train_span_marker(spec: dict[str, Any]) -> Any:
    """Train SpanMarker on the sentences of the spec."""
    import tempfile

    from datasets import Dataset
    from span_marker import SpanMarkerModel, Trainer
    from transformers import TrainingArguments

    how = TRAINING | spec.get("training", {})
    labels = ["O", *(f"{p}-{label}" for label in spec["labels"] for p in "BI")]
    number = {label: i for i, label in enumerate(labels)}
    model = SpanMarkerModel.from_pretrained(
        spec["model"], labels=labels, model_max_length=256, entity_max_length=8
    )
    rows = Dataset.from_dict(
        {
            "tokens": [row["tokens"] for row in spec["train"]],
            "ner_tags": [[number[t] for t in row["tags"]] for row in spec["train"]],
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=how["n_epochs"],
            learning_rate=how["learn_rate"],
            per_device_train_batch_size=how["batch_size"],
            warmup_ratio=0.1,
            seed=how["seed"],
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        Trainer(model=model, args=arguments, train_dataset=rows).train()
    model.eval()
    return model


MAKERS = {"gliner": make_gliner, "span_marker": make_span_marker}


def make_entity(start: int, end: int, label: str, score: float) -> Entity:
    """An entity as it is written."""
    return {
        "start": int(start),
        "end": int(end),
        "label": label,
        "score": round(float(score), 5),
    }


def drop_overlaps(spans: list[Entity], counts: dict[str, int]) -> list[Entity]:
    """Keep the surer of two entities that overlap. RETURNS: In order of the text."""
    kept: list[Entity] = []
    for span in sorted(spans, key=lambda s: (-s["score"], s["start"])):
        if all(span["end"] <= k["start"] or k["end"] <= span["start"] for k in kept):
            kept.append(span)
        else:
            counts["n_overlap"] += 1
    return sorted(kept, key=lambda s: s["start"])


def fold(label: str) -> str:
    """Make labels comparable: "Restaurant_Name", "restaurant name"."""
    return label.replace("_", " ").replace("-", " ").casefold().strip()


def check_version(system: str) -> str:
    """RETURNS (str): The installed version. RAISES (Refused): If it can't be used."""
    package, low, high = PACKAGES[system]
    wanted = f"{package}>={dotted(low)},<{dotted(high)}"
    try:
        found = version(package)
    except PackageNotFoundError:
        raise Refused(f"it is not installed; pip install '{wanted}'") from None
    numbers = tuple(int(part) for part in found.split(".")[:3] if part.isdecimal())
    if not low <= numbers < high:
        raise Refused(f"version {found} was not tried; pip install '{wanted}'")
    return found


def dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(str(number) for number in numbers)


def batches(texts: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(texts), size):
        yield texts[start : start + size]


def work(folder: Path) -> dict[str, Any]:
    """Do what the folder's spec says.

    folder (Path): With `spec.json`.
    RETURNS (dict[str, Any]): "version", "seconds", and counts of what was cut or left.
    """
    spec = json.loads((folder / "spec.json").read_text(encoding="utf8"))
    found = check_version(spec["system"])
    counts = {"n_long": 0, "n_other_label": 0, "n_overlap": 0}
    start = time.perf_counter()
    predict = MAKERS[spec["system"]](spec, counts)
    loaded = time.perf_counter()
    with (folder / "predictions.jsonl").open("w", encoding="utf8") as file:
        for texts in batches(spec["texts"], 8 * spec["batch_size"]):
            for text, spans in zip(texts, predict(texts), strict=True):
                record = {"text": text, "spans": drop_overlaps(spans, counts)}
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
            file.flush()
    now = time.perf_counter()
    times = {"load_seconds": loaded - start, "seconds": now - loaded}
    return {"version": found, **times, **counts}


def main(folder: Path) -> int:
    """Work, and leave word of how it went. RETURNS (int): Exit status."""
    try:
        outcome = work(folder)
    except Refused as error:
        outcome = {"refused": str(error)}
    text = json.dumps(outcome)
    (folder / "outcome.json").write_text(text, encoding="utf8")
    return int("refused" in outcome)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
