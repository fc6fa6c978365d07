"""Checkpoint of a token classifier -> encoder folder, checked."""

import json
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from ...errors import Errors
from ...hf import find_layers, load_model, load_tokenizer
from ...plain import escape_md
from ..encoders import get_encoder_digest, is_base
from ..export import (
    Exported,
    check_difference,
    check_output,
    compare,
    get_name,
    replace_folder,
)
from ..log import TrainLog
from ..loop import LOG
from .checkpoint import TagHeader, load_encoder_weights, read_tag_header

FORMAT = 1
OBJECTIVE = "token classification"

CARD = """\
---
license: other
language: en
library_name: transformers
pipeline_tag: token-classification
base_model: {base}
tags: [ner, few-shot, spacy]
---

# {name}

A text encoder for few-shot named entity recognition, pre-trained NER-BERT's way
([Liu et al., 2021](https://arxiv.org/abs/2112.00405)): as a token classifier with a
fixed set of labels. The classifier is left out. The encoder is made to be compared with
encoders that are pre-trained by the NuNER method; it has no concept encoder.

```python
from transformers import AutoModel, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{name}")
model = AutoModel.from_pretrained("{name}", add_pooling_layer=False)
```

## Data

| | |
|---|---|
{corpus}

Labels: {labels}. See the source of the data set for its terms: some (WikiNEuRal: CC
BY-NC-SA 4.0) do not allow commercial use.

## Training

Base encoder: {base}; its lowest {n_frozen_layers} of {n_layers} layers are frozen.
{step} steps (best checkpoint by `{best_by}` on a part that was set aside).

| epoch | dev loss | dev F1 |
|---|---|---|
{epochs}

Dev F1: of sub-tokens, mean over the labels.

| setting | value |
|---|---|
{settings}
"""


def export_tagger(
    checkpoint: Path, output: Path, *, base: str | None = None, overwrite: bool = False
) -> Exported:
    """Write the encoder of a checkpoint as an encoder folder.

    It is loaded again with transformers alone and has to give the checkpoint's own
    outputs; only then the folder gets its name.

    checkpoint (Path): Folder `best` or `last` of a run.
    output (Path): The encoder folder.
    base (str | None): Base encoder; None: where the run had it.
    overwrite (bool): Replace an encoder folder that is there.
    RETURNS (Exported): What was written.
    RAISES (ValueError): If the base encoder is another one, if `output` is something
        else than an encoder folder, or if outputs differ.
    """
    header = read_tag_header(checkpoint)
    check_output(output, overwrite=overwrite)
    base = base or header.run.base
    expected = header.run.settings["paths.encoder"]
    if not is_base(base, expected):
        got = get_encoder_digest(base)
        at = {"base": base, "got": got, "expected": expected, "option": "--base"}
        raise ValueError(Errors.N311.format(**at))
    model = load_model(base)
    model.load_state_dict(load_encoder_weights(checkpoint))
    with replace_folder(output) as beside:
        model.save_pretrained(beside, safe_serialization=True)
        load_tokenizer(base).save_pretrained(beside)
        records = TrainLog(checkpoint.parent / LOG).read()
        record = describe_encoder(header, model, base=get_name(base))
        text = json.dumps(record, indent=2) + "\n"
        (beside / "nuner.json").write_text(text, encoding="utf8")
        card = write_card(record, name=output.name, records=records)
        (beside / "README.md").write_text(card, encoding="utf8")
        difference = compare(model, beside)
        check_difference(difference)
    return Exported(output, header.progress.step, difference)


def is_exported(checkpoint: Path, output: Path) -> bool:
    """Tell whether an encoder folder was made from this very checkpoint's run.

    checkpoint (Path): Folder `best` of a run.
    output (Path): The encoder folder.
    RETURNS (bool): Whether step, settings and corpus are the same.
    """
    file = output / "nuner.json"
    if not file.is_file():
        return False
    header, record = read_tag_header(checkpoint), json.loads(file.read_text("utf8"))
    expected = (header.progress.step, header.run.settings, header.run.corpus)
    return expected == tuple(record.get(key) for key in ("step", "settings", "corpus"))


def describe_encoder(
    header: TagHeader, model: PreTrainedModel, *, base: str
) -> dict[str, Any]:
    """Make the content of `nuner.json`.

    header (TagHeader): The checkpoint's.
    model (PreTrainedModel): The encoder.
    base (str): Name of the base encoder.
    RETURNS (dict[str, Any]): What a reader needs to know beside the encoder.
    """
    settings = header.run.settings
    return {
        "format": FORMAT,
        "objective": OBJECTIVE,
        "base": base,
        "n_layers": len(find_layers(model)),
        "width": int(model.config.hidden_size),
        "n_frozen_layers": settings["pretrain.n_frozen_layers"],
        "step": header.progress.step,
        "labels": header.run.labels,
        "corpus": header.run.corpus,
        "settings": settings,
    }


def write_card(
    record: dict[str, Any], *, name: str, records: list[dict[str, Any]]
) -> str:
    """Write the model card.

    record (dict[str, Any]): Content of `nuner.json`.
    name (str): Name of the encoder.
    records (list[dict[str, Any]]): The training log.
    RETURNS (str): Markdown with the metadata that the hub reads.
    """
    done = [one for one in records if one["step"] <= record["step"]]
    return CARD.format(
        name=name,
        base=record["base"],
        n_layers=record["n_layers"],
        n_frozen_layers=record["n_frozen_layers"],
        step=record["step"],
        best_by=record["settings"]["pretrain.best_by"],
        labels=", ".join(escape_md(label) for label in record["labels"]),
        corpus=_write_rows(record["corpus"]),
        settings=_write_rows(record["settings"]),
        epochs="\n".join(
            f"| {one['epoch'] + 1} | {one['dev_loss']:.5f} | {one['dev_f1']:.3f} |"
            for one in done
            if "dev_loss" in one
        ),
    )


def _write_rows(values: dict[str, Any]) -> str:
    rows = values.items()
    return "\n".join(
        f"| {escape_md(key)} | {escape_md(value)} |" for key, value in rows
    )
