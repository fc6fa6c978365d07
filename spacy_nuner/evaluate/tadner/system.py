"""TadNER as a system: trained on source types, adapted to each episode anew."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize
from transformers import PreTrainedTokenizerBase

from ...hf import load_model
from ..metrics import Ints
from .adapt import adapt
from .networks import Batch, SpanDetector, TypeClassifier, WordEncoder, make_batch
from .prototypes import average_by_type, classify, pool_spans
from .settings import TadnerConfig
from .train import Course, LossT, train_on_source
from .words import (
    Encoded,
    Marked,
    Words,
    encode_words,
    read_tags,
    tag_words,
    type_words,
)

# Support sets from this k on are given more patience
MANY = 5
# Sentences that are encoded together where no gradient is wanted
N_TOGETHER = 32


class Found(NamedTuple):
    """What TadNER says of the query set of an episode."""

    spans: list[Ints]  # of each sentence, rows (start, end, type)
    detected: list[Ints]  # rows (start, end), before types and filter
    threshold: float
    n_detector_steps: int
    n_classifier_steps: int


class Tadner:
    """Span detector and type classifier on encoders of their own."""

    def __init__(
        self, encoder: Path, tokenizer: PreTrainedTokenizerBase, config: TadnerConfig
    ) -> None:
        """Load the encoder twice; nothing is trained yet.

        encoder (Path): Encoder folder.
        tokenizer (PreTrainedTokenizerBase): Its tokenizer.
        config (TadnerConfig): The settings.
        """
        self.config = config
        self.tokenizer = tokenizer
        gpu_id = config.system.gpu_id
        self.device = torch.device("cpu" if gpu_id < 0 else f"cuda:{gpu_id}")
        if config.system.n_threads:
            torch.set_num_threads(config.system.n_threads)
        network = config.tadner
        torch.manual_seed(config.system.seed)

        def make_encoder() -> WordEncoder:
            return WordEncoder(
                load_model(str(encoder)),
                layers=network.layers,
                pooling=network.pooling,
                n_frozen_layers=network.n_frozen_layers,
                freeze_embeddings=network.freeze_embeddings,
            )

        n_tags = 2 if network.tags == "io" else 3
        self.detector = SpanDetector(
            make_encoder(), n_tags=n_tags, dropout=network.dropout
        ).to(self.device)
        self.classifier = TypeClassifier(
            make_encoder(), temperature=network.temperature
        ).to(self.device)
        self._source: list[dict[str, Tensor]] = []

    def train(
        self,
        source: Marked,
        names: Sequence[str],
        *,
        folder: Path,
        key: str,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Train both networks on the source types, or load what was trained before.

        source (Marked): Sentences with mentions, types from 1.
        names (Sequence[str]): What the types are called in plain words.
        folder (Path): Folder of the two checkpoints.
        key (str): Hash of all that decides the weights.
        should_stop (Callable): Asked after each step.
        RETURNS (bool): Whether both are finished.
        """
        rows = [i for i, spans in enumerate(source.spans) if len(spans)]
        source = source.choose(rows)
        settings = self.config.tadner.source
        per_epoch = -(-len(rows) // settings.batch_size)
        total = per_epoch * settings.max_epochs
        course = Course(
            lengths=np.array([len(one.ids) for one in source.sentences]),
            batch_size=settings.batch_size,
            total_steps=min(total, settings.max_steps or total),
            learn_rate=settings.learn_rate,
            seed=self.config.system.seed,
            checkpoint_minutes=settings.checkpoint_minutes,
        )
        named = self._make_name_batch(names)

        def detector_loss(chosen: Ints) -> Tensor:
            part = source.choose(chosen)
            batch = self._make_batch(part)
            return self.detector.loss(batch, self._get_tags(part, batch))

        def classifier_loss(chosen: Ints) -> Tensor:
            part = source.choose(chosen)
            batch = self._make_batch(part)
            types = self._get_types(part, batch)
            return self.classifier.source_loss(batch, named, types)

        both: list[tuple[str, torch.nn.Module, LossT]] = [
            ("detector", self.detector, detector_loss),
            ("classifier", self.classifier, classifier_loss),
        ]
        for name, module, loss in both:
            path = folder / f"{name}.safetensors"
            options: dict[str, Any] = {"path": path, "key": key, "what": name}
            if not train_on_source(
                module, loss, course, should_stop=should_stop, **options
            ):
                return False
        self._source = [
            {name: value.clone() for name, value in module.state_dict().items()}
            for _, module, _ in both
        ]
        return True

    def run_episode(
        self, support: Marked, query: Marked, names: Sequence[str], *, k: int, seed: int
    ) -> Found:
        """Adapt to a support set and find the mentions of a query set.

        support (Marked): Sentences with mentions, types from 1.
        query (Marked): Sentences; their mentions are not looked at.
        names (Sequence[str]): What the types of the episode are called.
        k (int): Mentions of each type in the support set, at least.
        seed (int): Seed of dropout.
        RETURNS (Found): Mentions with their types.
        """
        for module, weights in zip(
            (self.detector, self.classifier), self._source, strict=True
        ):
            module.load_state_dict(weights)
        torch.manual_seed(seed)
        batch = self._make_batch(support)
        n_detector = self._adapt_detector(support, batch, k=k)
        types, named = self._get_types(support, batch), self._make_name_batch(names)
        n_classifier = self._adapt_classifier(batch, named, types)
        detected = self._detect(query)
        with torch.no_grad():
            vectors = self._encode(support, self.classifier.encoder)
            own = normalize(self.classifier.encoder.encode_names(named), dim=1)
            threshold = self._find_threshold(vectors, own, type_words(support))
            prototypes = average_by_type(
                pool_spans(vectors, support.spans), support, own
            )
            query_vectors = self._encode(query, self.classifier.encoder)
            spans = [
                classify(rows, vectors, own, prototypes, threshold=threshold)
                for rows, vectors in zip(detected, query_vectors, strict=True)
            ]
        return Found(spans, detected, threshold, n_detector, n_classifier)

    def encode_sentences(self, sentences: Sequence[Words]) -> list[Encoded]:
        """RETURNS (list[Encoded]): The sentences in sub-tokens."""
        limit = self.config.tadner.max_length
        return encode_words(sentences, self.tokenizer, max_length=limit)

    def _adapt_detector(self, support: Marked, batch: Batch, *, k: int) -> int:
        settings = self.config.tadner.support
        patience = settings.patience_from_5 if k >= MANY else settings.patience
        tags = self._get_tags(support, batch)
        return adapt(
            self.detector,
            lambda: self.detector.loss(batch, tags),
            rate=settings.detector_rate,
            max_steps=settings.max_steps,
            patience=patience,
        )

    def _adapt_classifier(self, batch: Batch, named: Batch, types: Tensor) -> int:
        settings = self.config.tadner.support
        self.classifier.eval()
        with torch.no_grad():
            names = self.classifier.encoder.encode_names(named)  # (n_types, width)
        return adapt(
            self.classifier,
            lambda: self.classifier.support_loss(batch, names, types),
            rate=settings.classifier_rate,
            max_steps=settings.max_steps,
            patience=0,
        )

    def _detect(self, query: Marked) -> list[Ints]:
        tags = []
        with torch.no_grad():
            for start in range(0, len(query.sentences), N_TOGETHER):
                part = range(start, min(start + N_TOGETHER, len(query.sentences)))
                batch = self._make_batch(query.choose(part))
                row = np.zeros(len(batch.found), dtype="int64")  # (n_words,)
                row[batch.found] = self.detector(batch).argmax(1).cpu().numpy()
                tags.append(row)
        scheme = self.config.tadner.tags
        return read_tags(np.concatenate(tags), query.n_words, scheme)

    def _find_threshold(self, vectors: list[Tensor], own: Tensor, types: Ints) -> float:
        how = self.config.tadner.filter
        if how == "off":
            return -1.0
        words = torch.cat(vectors)  # (n_words, width)
        numbers = torch.from_numpy(types).to(words.device)  # (n_words,)
        inside = (numbers > 0) & words.any(1)  # (n_words,)
        cosines = (normalize(words[inside], dim=1) * own[numbers[inside] - 1]).sum(1)
        return float(cosines.min() if how == "min" else cosines.mean())

    def _encode(self, marked: Marked, encoder: WordEncoder) -> list[Tensor]:
        """Vectors of each sentence's words, (n_words, width); 0 where there is none."""
        found: list[Tensor] = []
        for start in range(0, len(marked.sentences), N_TOGETHER):
            part = range(start, min(start + N_TOGETHER, len(marked.sentences)))
            batch = self._make_batch(marked.choose(part))
            known = encoder(batch)  # (n_found, width)
            every = known.new_zeros(len(batch.found), encoder.width)  # (n_words, width)
            every[torch.from_numpy(batch.found)] = known
            sizes = marked.n_words[part.start : part.stop].tolist()
            found += every.split(sizes)
        return found

    def _make_batch(self, marked: Marked) -> Batch:
        return self._pad(marked.sentences)

    def _make_name_batch(self, names: Sequence[str]) -> Batch:
        none = np.zeros(0, dtype="int64")
        words = [Words(name, none, none) for name in names]
        return self._pad(self.encode_sentences(words))

    def _pad(self, sentences: Sequence[Encoded]) -> Batch:
        pad_id = int(self.tokenizer.pad_token_id or 0)
        return make_batch(sentences, pad_id=pad_id, device=self.device)

    def _get_tags(self, marked: Marked, batch: Batch) -> Tensor:
        tags = tag_words(marked, self.config.tadner.tags)[batch.found]
        return torch.from_numpy(tags).to(self.device)

    def _get_types(self, marked: Marked, batch: Batch) -> Tensor:
        types = type_words(marked)[batch.found] - 1
        return torch.from_numpy(types).to(self.device)
