"""Our training and the plain loop on the same sentences, for `pretrain.py`."""

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from common import CLOCKS
from flops import Tower, count_cells
from plain_loop import PlainLoop, Sentence, read_sentences
from thinc.api import Config

from spacy_nuner.pretrain.batch import Padded, make_batch, plan_epoch
from spacy_nuner.pretrain.checkpoint import Progress, RunInfo
from spacy_nuner.pretrain.corpora import read_corpora
from spacy_nuner.pretrain.loop import Trainer, take_step
from spacy_nuner.pretrain.model import get_encoders
from spacy_nuner.pretrain.run import build_trainer
from spacy_nuner.pretrain.settings import load_settings, set_steps
from spacy_nuner.pretrain.step import add_batch
from spacy_nuner.pretrain.wordpieces import Ints, SubtokenCorpus

# By how much the two losses may differ
TOLERANCE = 1e-5

# What both loops can do, whatever the config's recipe is
PAPER = {
    "pretrain.targets.subtokens": "all",
    "pretrain.targets.unmarked": "keep",
    "pretrain.targets.synonyms": "keep",
    "pretrain.loss.positive_weight": 1.0,
    "pretrain.loss.label_smoothing": 0.0,
    "pretrain.model.concept_encoder": None,
    "pretrain.model.learn_temperature": False,
}


@dataclass(frozen=True)
class Both:
    """The same sentences for both loops."""

    corpus: SubtokenCorpus
    sentences: list[Sentence]

    @property
    def n(self) -> int:
        """Sentences."""
        return len(self.sentences)


@dataclass
class Ours:
    """Our training, as `spacy-nuner pretrain` does it."""

    trainer: Trainer
    seconds_of_states: float  # for one sentence, once in a run
    losses: list[float] = field(default_factory=list)

    @classmethod
    def build(
        cls, config: Config, both: Both, output: Path, clock: str = "wall"
    ) -> "Ours":
        """Build it and compute the states above the frozen layers.

        config (Config): From `read_config`.
        both (Both): The sentences.
        output (Path): Folder of the run.
        clock (str): "wall" or "cpu".
        RETURNS (Ours): It.
        """
        info = RunInfo(settings={}, corpus={}, config=dict(config))
        seconds = []
        # The second time, the states are there
        for _ in range(2):
            start = CLOCKS[clock]()
            trainer = build_trainer(
                config, both.corpus, both.corpus, info=info, output=output
            )
            seconds.append(CLOCKS[clock]() - start)
        return cls(trainer, (seconds[0] - seconds[1]) / both.n)

    def plan(self, sentences: Ints, seed: int) -> list[Ints]:
        """Divide sentences into batches of similar length, as in an epoch.

        sentences (Ints): Their indices.
        seed (int): Decides the order.
        RETURNS (list[Ints]): The batches.
        """
        plan, train = self.trainer.plan, self.trainer.train
        batches = plan_epoch(
            train.ids.lengths[sentences],
            batch_size=plan.batch_size,
            seed=seed,
            epoch=0,
            bucket=plan.bucket,
        )
        return [sentences[batch] for batch in batches]

    def train(self, sentences: Ints, seed: int) -> None:
        """Train on some sentences.

        sentences (Ints): Their indices.
        seed (int): Decides the order.
        """
        for batch in self.plan(sentences, seed):
            progress = Progress(step=len(self.losses))
            take_step(self.trainer, batch, progress)
            self.losses.append(progress.window.means()["loss"])

    def calculate_loss(self, sentences: Ints) -> float:
        """RETURNS (float): The loss of a batch; its gradient is in the model."""
        t = self.trainer
        batch = make_batch(t.train, sentences, frozen=t.frozen, rules=t.rules)
        return add_batch(t.model, batch, t.loss).loss

    def count(self, sentences: Ints, *, padded: bool) -> float:
        """Count the matrix products of a step.

        sentences (Ints): The batch.
        padded (bool): Whether padding is counted too.
        RETURNS (float): Operations.
        """
        batch = make_batch(self.trainer.train, sentences)
        texts = [n for part in batch.parts for n in get_lengths(part.texts, padded)]
        names = [
            n for group in batch.concepts.groups for n in get_lengths(group, padded)
        ]
        with_frozen = self.trainer.frozen is None
        n_tokens = batch.targets.n_tokens
        return self.count_products(texts, names, n_tokens, with_frozen=with_frozen)

    def count_products(
        self,
        texts: list[int],
        concepts: list[int],
        n_tokens: int,
        *,
        with_frozen: bool,
    ) -> float:
        """RETURNS (float): Operations of a step on texts of these lengths."""
        settings = self.trainer.info.config["pretrain"]["model"]
        config = get_encoders(self.trainer.model)[0].model.config
        text, concept = (
            Tower.read(
                config,
                n_frozen=settings[f"n_frozen_{kind}layers"],
                frozen_embeddings=settings[f"freeze_{kind}embeddings"],
            )
            for kind in ("", "concept_")
        )
        return (
            text.count(texts, with_frozen=with_frozen)
            + concept.count(concepts, with_frozen=True)
            + count_cells(n_tokens, len(concepts), text.width)
        )


@dataclass
class Plain:
    """The plain loop."""

    loop: PlainLoop
    sentences: list[Sentence]
    ours: Ours  # for its counts
    losses: list[float] = field(default_factory=list)

    @classmethod
    def build(cls, config: Config, both: Both, ours: Ours) -> "Plain":
        """RETURNS (Plain): The loop with the settings of ours."""
        return cls(PlainLoop(config["pretrain"]), both.sentences, ours)

    def plan(self, sentences: Ints, seed: int) -> list[Ints]:
        """RETURNS (list[Ints]): Random batches of some sentences."""
        order = sentences.tolist()
        random.Random(seed).shuffle(order)
        size = self.loop.section["batch_size"]
        starts = range(0, len(order), size)
        return [np.asarray(order[start : start + size]) for start in starts]

    def train(self, sentences: Ints, seed: int) -> None:
        """Train on some sentences, see `Ours`."""
        for batch in self.plan(sentences, seed):
            self.losses.append(self.loop.step([self.sentences[i] for i in batch]))

    def calculate_loss(self, sentences: Ints) -> float:
        """RETURNS (float): The loss of a batch."""
        chosen = [self.sentences[i] for i in sentences]
        return self.loop.calculate_loss(chosen).item()

    def count(self, sentences: Ints, *, padded: bool) -> float:
        """RETURNS (float): Operations of a step, see `Ours`."""
        batch = make_batch(self.ours.trainer.train, sentences)
        texts = get_lengths(batch.parts[0].texts, padded)
        names = [
            n for group in batch.concepts.groups for n in get_lengths(group, False)
        ]
        n_tokens = batch.targets.n_tokens
        if padded:
            # Concepts are one group here, and padding has logits
            names, n_tokens = [max(names)] * len(names), sum(texts)
        return self.ours.count_products(texts, names, n_tokens, with_frozen=True)


System = Ours | Plain


def get_lengths(texts: Padded, padded: bool) -> list[int]:
    """RETURNS (list[int]): Sub-tokens of each text, without or with the padding."""
    return [texts.ids.shape[1]] * len(texts.ids) if padded else list(texts.mask.sum(1))


def read_config(
    path: Path, precision: str, *, total_steps: int = 1, **changes: Any
) -> Config:
    """Read a config for both loops.

    path (Path): Of pre-training.
    precision (str): "fp32" or "bf16".
    total_steps (int): Steps of the schedule.
    changes (Any): Further settings, keys with dots.
    RETURNS (Config): The config, interpolated.
    """
    steps = {"pretrain.total_steps": total_steps, "pretrain.max_steps": 0}
    chosen = {"pretrain.model.precision": precision}
    settings = load_settings(path, PAPER | chosen | steps | changes)
    return set_steps(settings, n_sentences=1)


def read_both(config: Config, n: int) -> Both:
    """Read so many sentences of the training part.

    config (Config): From `read_config`.
    n (int): Sentences; 0: all.
    RETURNS (Both): The sentences.
    RAISES (ValueError): If there are too few.
    """
    config = config.copy()
    sentences = read_sentences(Path(config["paths"]["train"]), limit=n)
    for part in config["corpus"].values():
        part["limit"] = n
    corpus, _ = read_corpora(config)
    if len(corpus) != len(sentences) or len(corpus) < n:
        found = f"{len(corpus)} and {len(sentences)}"
        raise ValueError(f"{n} sentences with mentions are needed, there are {found}")
    return Both(corpus, sentences)


def check_agreement(path: Path, folder: Path, both: Both) -> dict[str, float]:
    """Compare the losses of both loops on a batch, at the start and without dropout.

    path (Path): Config of the pre-training.
    folder (Path): Where runs keep their files.
    both (Both): The sentences.
    RETURNS (dict[str, float]): Both losses.
    RAISES (ValueError): If they differ by more than 1e-5.
    """
    config = read_config(path, "fp32", **{"pretrain.model.dropout": 0.0})
    batch = np.arange(config["pretrain"]["batch_size"])
    ours = Ours.build(config, both, folder / "fp32")
    plain = Plain.build(config, both, ours)
    losses = {
        "ours": ours.calculate_loss(batch),
        "plain loop": plain.calculate_loss(batch),
    }
    if abs(losses["ours"] - losses["plain loop"]) > TOLERANCE:
        raise ValueError(f"The loops have different losses: {losses}")
    return losses
