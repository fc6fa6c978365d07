"""The model card of an exported encoder."""

from typing import Any

from ..plain import escape_md
from .checkpoint import Header

# Of the base encoders that the profiles use
LICENCES = {
    "all-MiniLM-L6-v2": "apache-2.0",
    "roberta-base": "mit",
    "roberta-large": "mit",
}
OTHER = "other"
PROJECTED = ", then the linear layer in `projection.safetensors`"

CARD = """\
---
license: {licence}
language: en
library_name: transformers
pipeline_tag: token-classification
base_model: {base}
tags: [ner, few-shot, nuner, spacy]
---

# {name}

A text encoder for few-shot named entity recognition, pre-trained by the NuNER method
([Bogdanov et al., 2024](https://arxiv.org/abs/2402.15343)) with spacy-nuner. Its token
vectors are meant as features of a token classifier. It has no head.

```python
from transformers import AutoModel, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{name}")
model = AutoModel.from_pretrained("{name}", add_pooling_layer=False)
```

`concept_encoder/` holds the second encoder of the pre-training, which turns the name of
a concept into a vector ({pooling} pooling{projected}).
The logit of a token vector h for a concept vector c is h · c / {temperature:g} +
({bias:.4g}). These are scores, not calibrated probabilities: negatives are the concepts
of the same batch alone.

## Data

| | |
|---|---|
{corpus}

Sentences were annotated by a large language model with free-form concepts. Mentions are
missed often, and the annotation carries the language model's errors and biases.

## Training

Base encoder: {base}{second}. {step} steps of contrastive pre-training (best checkpoint
by `{best_by}` on the dev part, unless another one was exported).

| epoch | dev loss | p(positive) | p(negative) | MRR | hits@10 | first |
|---|---|---|---|---|---|---|
{epochs}

MRR, hits@10, first: for each sub-token of a mention, the place of its concept among all
concepts of the dev part: mean of 1 / place, share of places up to 10, share of first
places.

| setting | value |
|---|---|
{settings}

## Licence

Base encoder: {licence_text}. Code and training: MIT (spacy-nuner).
"""


def write_card(
    header: Header,
    *,
    name: str,
    base: str,
    concept_base: str,
    is_projected: bool,
    records: list[dict[str, Any]],
) -> str:
    """Write the model card.

    header (Header): The checkpoint's.
    name (str): Name of the encoder.
    base (str): Name of the base encoder.
    concept_base (str): Name of the concept encoder's.
    is_projected (bool): Whether a projection comes behind the concept encoder.
    records (list[dict[str, Any]]): The training log.
    RETURNS (str): Markdown with the metadata that the hub reads.
    """
    settings = header.info.settings
    licence = LICENCES.get(base, OTHER)
    known = licence.replace("apache-2.0", "Apache-2.0").replace("mit", "MIT")
    unknown = "see its own model card"
    return CARD.format(
        name=name,
        base=base,
        licence=licence,
        second=f" (concept encoder: {concept_base})" if concept_base != base else "",
        projected=PROJECTED if is_projected else "",
        licence_text=unknown if licence == OTHER else known,
        pooling=settings["pretrain.model.pooling"],
        temperature=settings["pretrain.model.temperature"],
        bias=header.bias,
        step=header.progress.step,
        best_by=settings["pretrain.best_by"],
        corpus=_write_rows(header.info.corpus),
        settings=_write_rows(settings),
        epochs="\n".join(
            f"| {record['epoch'] + 1} | {record['dev_loss']:.5f} "
            f"| {record['dev_p_pos']:.3f} | {record['dev_p_neg']:.5f} "
            f"| {record['dev_mrr']:.3f} | {record['dev_hits10']:.3f} "
            f"| {record['dev_first']:.3f} |"
            for record in records
            if "dev_loss" in record
        ),
    )


def _write_rows(values: dict[str, Any]) -> str:
    return "\n".join(f"| {key} | {escape_md(value)} |" for key, value in values.items())
