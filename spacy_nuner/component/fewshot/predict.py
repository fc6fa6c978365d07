"""Predictions with the probability of each type, for every token."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch
from tqdm import tqdm

from ..decode import sum_prefixes
from .train import PIPE

BATCH = 64


class Prediction(NamedTuple):
    """A doc with its entities and what the pipe thought."""

    doc: Doc
    probs: NDArray[np.float32]  # (n_tokens, 1 + n_labels): no entity, then the labels


def predict(
    nlp: Language, docs: Sequence[Doc], *, desc: str = "predict"
) -> list[Prediction]:
    """Let a pipeline annotate docs.

    nlp (Language): Pipeline with a pipe `nuner`.
    docs (Sequence[Doc]): Docs from `nlp.make_doc`; they get the entities.
    desc (str): Name of the progress bar.
    RETURNS (list[Prediction]): One per doc.
    """
    pipe: Any = nlp.get_pipe(PIPE)
    found: list[Prediction] = []
    with tqdm(total=len(docs), desc=desc, disable=None, leave=False, delay=1) as bar:
        for batch in minibatch(docs, BATCH):
            encoded = run_before(nlp, batch)
            scores = pipe.predict(encoded)
            pipe.set_annotations(encoded, scores)
            found += merge(pipe, encoded, scores)
            bar.update(len(encoded))
    return found


def run_before(nlp: Language, docs: Iterable[Doc]) -> list[Doc]:
    """RETURNS (list[Doc]): Docs that have gone through all in front of the pipe."""
    for name, proc in nlp.pipeline:
        if name == PIPE:
            break
        docs = proc.pipe(docs) if hasattr(proc, "pipe") else map(proc, docs)
    return list(docs)


def merge(pipe: Any, docs: Sequence[Doc], scores: Iterable[Any]) -> list[Prediction]:
    """Add up the tags of each label.

    pipe (NuNER): The pipe.
    docs (Sequence[Doc]): The docs.
    scores (Iterable[Floats2d]): Probabilities of the tags, per doc.
    RETURNS (list[Prediction]): With probabilities of labels.
    """
    merged = []
    for doc, rows in zip(docs, scores, strict=True):
        probs = pipe.model.ops.to_numpy(rows)
        by_label = sum_prefixes(probs, pipe.settings.n_prefixes)
        merged.append(Prediction(doc, by_label))
    return merged
