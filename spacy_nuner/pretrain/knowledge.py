"""What a run works out once from its corpus and its base encoder, before step 1."""

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from .encoders import get_weights_digest
from .evaluate import encode_concepts
from .frozen import FrozenStates
from .model import ContrastiveModel, get_encoders, get_shims
from .store import StoreWriter, load_store
from .targets import Synonyms, TargetRules
from .unmarked import find_unmarked
from .wordpieces import Ints, SubtokenCorpus, Subtokens

logger = logging.getLogger(__name__)

FOLDER = "frozen"
VECTORS = "vectors"
# Concepts whose vectors are in memory together
CONCEPTS_AT_ONCE = 8192
# A bar comes up after so many seconds
DELAY = 2.0


def make_rules(
    model: ContrastiveModel,
    corpus: SubtokenCorpus,
    *,
    subtokens: Subtokens,
    unmarked: str,
    synonyms: Synonyms,
    similarity: float,
) -> TargetRules:
    """Find out which cells are likely false negatives, where the config asks for it.

    model (Model): The contrastive model, at its start: concepts are compared by the
        base encoder's vectors.
    corpus (SubtokenCorpus): The training part.
    subtokens (Subtokens): Which sub-tokens are scored; the corpus has it in it.
    unmarked (str): "keep": a mention that this sentence's annotator did not mark is
        negative, as in the paper; "mask": its cells do not count.
    synonyms (Synonyms): "keep", "mask" or "soften" cells of near-synonyms.
    similarity (float): Cosine from which two concepts are near-synonyms.
    RETURNS (TargetRules): The rules.
    """
    vectors = None
    if synonyms != "keep":
        vectors = make_vectors(model, corpus)
    tokens = concepts = None
    if unmarked == "mask":
        tokens, concepts = find_unmarked(corpus)
    return TargetRules(
        vectors=vectors,
        synonyms=synonyms,
        threshold=similarity,
        left_out_tokens=tokens,
        left_out_concepts=concepts,
    )


def make_vectors(
    model: ContrastiveModel, corpus: SubtokenCorpus
) -> NDArray[numpy.float16]:
    """Encode all concepts of the training part, to tell which of them are near.

    In half precision, and beside the corpus's index, if it has one: 300,000 concepts
    would be half a gigabyte of memory.

    model (Model): The contrastive model, at its start.
    corpus (SubtokenCorpus): The training part.
    RETURNS (NDArray[numpy.float16]): Vectors of length 1, (n_concepts, width).
    """

    def encode() -> Iterator[NDArray[numpy.float16]]:
        n = len(corpus.concept_ids)
        bar = tqdm(total=n, desc="concept vectors", delay=DELAY, disable=None)
        with bar:
            for start in range(0, n, CONCEPTS_AT_ONCE):
                chosen = numpy.arange(start, min(start + CONCEPTS_AT_ONCE, n))
                found = model.ops.to_numpy(encode_concepts(model, corpus, chosen))
                lengths = numpy.linalg.norm(found, axis=1, keepdims=True)
                yield (found / lengths).astype("float16")  # (n_chosen, width)
                bar.update(len(chosen))

    if corpus.folder is None:
        return numpy.concatenate(list(encode()))

    def fill(writer: StoreWriter) -> None:
        for vectors in encode():
            writer.append(VECTORS, vectors)

    encoder, shim = get_encoders(model)[1], get_shims(model)[1]
    weights = get_weights_digest(encoder)
    key = f"{corpus.digest()} {weights} {encoder.pooling} {shim.precision}"
    return load_store(corpus.folder / VECTORS, key, fill).arrays[VECTORS]


def keep_frozen(
    model: ContrastiveModel, corpus: SubtokenCorpus, output: Path, *, max_gib: float
) -> FrozenStates | None:
    """Compute what the frozen part of the text encoder makes of the training part.

    The file stays until the run is finished: a run that goes on finds it.

    model (Model): The contrastive model.
    corpus (SubtokenCorpus): The training part.
    output (Path): Folder of the run.
    max_gib (float): The largest size of the file; 0: nothing is kept.
    RETURNS (FrozenStates | None): The states; None: nothing is kept.
    """
    encoder, shim = get_encoders(model)[0], get_shims(model)[0]
    if not max_gib or not encoder.can_split:
        return None
    digest = hashlib.sha256(corpus.digest().encode())
    digest.update(get_weights_digest(encoder.model).encode())
    digest.update(f"{encoder.n_frozen_layers} {shim.precision}".encode())
    states = FrozenStates(
        output / FOLDER / f"{digest.hexdigest()[:16]}.bin",
        corpus.ids,
        width=int(encoder.model.config.hidden_size),
        max_gib=max_gib,
    )

    def encode(ids: Ints) -> NDArray[numpy.float32]:
        tensor = torch.from_numpy(ids.astype("int64")).to(shim.device)
        with shim.autocast():
            encoded = encoder.encode_frozen(tensor, torch.ones_like(tensor))
        return cast(NDArray[numpy.float32], encoded.float().cpu().numpy())

    states.fill(encode)
    return states
