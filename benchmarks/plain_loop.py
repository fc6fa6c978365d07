"""Pre-training as one writes it down at first: the reference of `pretrain.py`.

Hugging Face encoders, random batches padded to their longest text, the whole text
encoder in each step, autograd, torch's AdamW. It shares no code with the package, and
its settings are those of the config: they are looked up by the same names.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedModel

DTYPES = {"bf16": torch.bfloat16}


class Sentence(NamedTuple):
    """A text and its mentions: start and end in characters, concept."""

    text: str
    mentions: list[tuple[int, int, str]]


class PlainLoop:
    """Both encoders, what is trained of them, and a step."""

    def __init__(self, section: dict[str, Any], *, device: str = "cpu") -> None:
        """Load the encoders and freeze what the config says.

        section (dict[str, Any]): [pretrain] of the config, interpolated.
        device (str): Where to compute.
        """
        self.section, self.settings, self.device = section, section["model"], device
        path = self.settings["encoder"]
        self.tokenizer = AutoTokenizer.from_pretrained(path)
        self.texts, self.concepts = (self._load(path) for _ in "ab")
        s = self.settings
        freeze(self.texts, s["n_frozen_layers"], s["freeze_embeddings"])
        freeze(
            self.concepts, s["n_frozen_concept_layers"], s["freeze_concept_embeddings"]
        )
        self.bias = nn.Parameter(torch.tensor(float(s["bias"]), device=device))
        self.trained = [
            parameter
            for model in (self.texts, self.concepts)
            for parameter in model.parameters()
            if parameter.requires_grad
        ] + ([self.bias] if s["learn_bias"] else [])
        options = section["optimizer"]
        rate = options["learn_rate"]
        self.optimizer = torch.optim.AdamW(
            self.trained,
            lr=rate["initial_rate"],
            betas=(options["beta1"], options["beta2"]),
            eps=options["eps"],
            weight_decay=options["weight_decay"],
        )
        warm, total = rate["warmup_steps"], rate["total_steps"]
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer,
            lambda n: n / warm if n < warm else max(0, (total - n) / (total - warm)),
        )
        self.texts.train(), self.concepts.train()

    def _load(self, path: str) -> PreTrainedModel:
        config = AutoConfig.from_pretrained(path)
        config.hidden_dropout_prob = self.settings["dropout"]
        config.attention_probs_dropout_prob = self.settings["dropout"]
        model = AutoModel.from_pretrained(path, config=config, add_pooling_layer=False)
        return model.to(self.device)

    def step(self, sentences: Sequence[Sentence]) -> float:
        """Train on a batch.

        sentences (Sequence[Sentence]): The batch.
        RETURNS (float): Its loss.
        """
        loss = self.calculate_loss(sentences)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, self.section["max_grad_norm"])
        self.optimizer.step()
        self.schedule.step()
        return loss.item()

    def calculate_loss(self, sentences: Sequence[Sentence]) -> Tensor:
        """Compare all sub-tokens of a batch with all its concepts.

        sentences (Sequence[Sentence]): The batch.
        RETURNS (Tensor): The mean cross-entropy over the valid cells, ().
        """
        texts = self._tokenise([s.text for s in sentences], self.section["max_length"])
        offsets = texts.pop("offset_mapping")  # (n_texts, length, 2)
        names = sorted({name for s in sentences for _, _, name in s.mentions})
        index = {name: i for i, name in enumerate(names)}
        concepts = self._tokenise(names, self.section["max_concept_length"])
        concepts.pop("offset_mapping")
        targets = torch.zeros(*offsets.shape[:2], len(names), device=self.device)
        starts, ends = offsets.unbind(-1)  # (n_texts, length)
        for i, sentence in enumerate(sentences):
            for start, end, name in sentence.mentions:
                inside = (starts[i] < end) & (ends[i] > start)  # (length,)
                targets[i, inside, index[name]] = 1.0
        valid = ends > starts  # (n_texts, length)
        H = self._encode(self.texts, texts)  # (n_texts, length, width)
        C = self._encode(self.concepts, concepts)  # (n_concepts, length, width)
        if self.settings["pooling"] == "cls":
            C = C[:, 0]  # (n_concepts, width)
        else:
            mask = concepts["attention_mask"].unsqueeze(-1)
            C = (C * mask).sum(1) / mask.sum(1)  # (n_concepts, width)
        logits = H @ C.T / self.settings["temperature"] + self.bias
        return binary_cross_entropy_with_logits(logits[valid], targets[valid])

    def _tokenise(self, texts: list[str], max_length: int) -> dict[str, Tensor]:
        encoded = self.tokenizer(
            texts,
            padding=True,
            truncation=True,
            max_length=max_length,
            return_tensors="pt",
            return_offsets_mapping=True,
        )
        return {name: tensor.to(self.device) for name, tensor in encoded.items()}

    def _encode(self, model: PreTrainedModel, inputs: dict[str, Tensor]) -> Tensor:
        dtype = DTYPES.get(self.settings["precision"])
        device = torch.device(self.device).type
        with torch.autocast(device, dtype=dtype, enabled=dtype is not None):
            return model(**inputs).last_hidden_state.float()


def freeze(model: PreTrainedModel, n_layers: int, embeddings: bool) -> None:
    """Take bottom layers and embeddings out of the training.

    model (PreTrainedModel): A BERT or RoBERTa.
    n_layers (int): Layers to freeze.
    embeddings (bool): Whether the embeddings are frozen.
    """
    model.embeddings.requires_grad_(not embeddings)
    for layer in model.encoder.layer[:n_layers]:
        layer.requires_grad_(False)


def read_sentences(path: Path, limit: int = 0) -> list[Sentence]:
    """Read the sentences that have a mention.

    path (Path): Training part of a concept corpus.
    limit (int): Documents to read at most; 0: all.
    RETURNS (list[Sentence]): The sentences.
    """
    from spacy.vocab import Vocab

    from spacy_nuner.corpus.reader import read_docs

    sentences = []
    for doc in read_docs(path, Vocab(), limit=limit):
        mentions = [
            (span.start_char, span.end_char, span.label_)
            for span in doc.spans.get("concepts", [])
        ]
        if mentions:
            sentences.append(Sentence(doc.text, mentions))
    return sentences
