"""What a run works out once from its corpus and its base encoder, before step 1."""

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import numpy
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from .encoders import get_weights_digest
from .evaluate import encode_concepts
from .frozen import FrozenStates, remove_states
from .index import IndexingStopped
from .model import ContrastiveModel, get_encoders, get_shims
from .store import StoreWriter, load_store
from .targets import Synonyms, TargetRules
from .unmarked import find_unmarked
from .wordpieces import Ints, SubtokenCorpus, Subtokens
from .world import World

logger = logging.getLogger(__name__)

FOLDER = "frozen"
VECTORS = "vectors"
# Concepts that are encoded before anyone asks whether to stop: seconds
CONCEPTS_AT_ONCE = 1024
# A bar comes up after so many seconds
DELAY = 2.0


def prepare(
    model: ContrastiveModel,
    corpus: SubtokenCorpus,
    output: Path,
    *,
    settings: dict[str, Any],
    world: World,
    should_stop: Callable[[], bool],
) -> tuple[TargetRules, FrozenStates | None]:
    """Work out all that a run needs to know, one process after the other.

    model (Model): The contrastive model, at its start.
    corpus (SubtokenCorpus): The training part.
    output (Path): Folder of the run.
    settings (dict[str, Any]): The section "pretrain" of the config.
    world (World): The processes.
    should_stop (Callable[[], bool]): Asked now and then.
    RETURNS (tuple[TargetRules, FrozenStates | None]): See `make_rules`, `keep_frozen`.
    RAISES (IndexingStopped): In all processes, if one of them was told to stop.
    """
    rules = frozen = None
    with world.in_turn(), suppress(IndexingStopped):
        frozen = keep_frozen(
            model,
            corpus,
            output,
            max_gib=float(settings["cache_frozen_gib"]),
            tidy=world.local_rank == 0,
            should_stop=should_stop,
        )
        rules = make_rules(
            model, corpus, **settings["targets"], should_stop=should_stop
        )
    if world.any(rules is None) or rules is None:
        raise IndexingStopped
    return rules, frozen


def make_rules(
    model: ContrastiveModel,
    corpus: SubtokenCorpus,
    *,
    subtokens: Subtokens,
    unmarked: str,
    synonyms: Synonyms,
    similarity: float,
    should_stop: Callable[[], bool] = bool,
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
    should_stop (Callable[[], bool]): Asked now and then.
    RETURNS (TargetRules): The rules.
    RAISES (IndexingStopped): If `should_stop` says so.
    """
    vectors = None
    if synonyms != "keep":
        vectors = make_vectors(model, corpus, should_stop=should_stop)
    tokens = concepts = None
    if unmarked == "mask":
        tokens, concepts = find_unmarked(corpus, should_stop=should_stop)
    return TargetRules(
        vectors=vectors,
        synonyms=synonyms,
        threshold=similarity,
        left_out_tokens=tokens,
        left_out_concepts=concepts,
    )


def make_vectors(
    model: ContrastiveModel,
    corpus: SubtokenCorpus,
    *,
    should_stop: Callable[[], bool] = bool,
) -> NDArray[numpy.float16]:
    """Encode all concepts of the training part, to tell which of them are near.

    In half precision, and beside the corpus's index, if it has one: 300,000 concepts
    would be half a gigabyte of memory.

    model (Model): The contrastive model, at its start.
    corpus (SubtokenCorpus): The training part.
    should_stop (Callable[[], bool]): Asked after each `CONCEPTS_AT_ONCE`.
    RETURNS (NDArray[numpy.float16]): Vectors of length 1, (n_concepts, width).
    RAISES (IndexingStopped): If `should_stop` says so. Nothing is left then.
    """

    def encode() -> Iterator[NDArray[numpy.float16]]:
        n = len(corpus.concept_ids)
        bar = tqdm(total=n, desc="concept vectors", delay=DELAY, disable=None)
        with bar:
            for start in range(0, n, CONCEPTS_AT_ONCE):
                if start and should_stop():
                    raise IndexingStopped
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
    model: ContrastiveModel,
    corpus: SubtokenCorpus,
    output: Path,
    *,
    max_gib: float,
    tidy: bool = True,
    should_stop: Callable[[], bool] = bool,
) -> FrozenStates | None:
    """Compute what the frozen part of the text encoder makes of the training part.

    The file stays until the run is finished: a run that goes on finds it. Without room
    for it, the states are computed in each epoch, as a warning says.

    model (Model): The contrastive model.
    corpus (SubtokenCorpus): The training part.
    output (Path): Folder of the run.
    max_gib (float): The largest size of the file; 0: nothing is kept.
    tidy (bool): Whether files of other settings are deleted; of the processes of a
        machine, one does so.
    should_stop (Callable[[], bool]): Asked now and then.
    RETURNS (FrozenStates | None): The states; None: nothing is kept.
    RAISES (IndexingStopped): If `should_stop` says so. Half a file is not left.
    """
    encoder, shim = get_encoders(model)[0], get_shims(model)[0]
    folder = output / FOLDER
    if not max_gib or not encoder.can_split:
        if tidy:
            remove_states(folder)
        return None
    digest = hashlib.sha256(corpus.digest().encode())
    digest.update(get_weights_digest(encoder.model).encode())
    digest.update(f"{encoder.n_frozen_layers} {shim.precision}".encode())
    name = f"{digest.hexdigest()[:16]}.bin"
    if tidy:
        remove_states(folder, but=name)
    states = FrozenStates(
        folder / name,
        corpus.ids,
        width=int(encoder.model.config.hidden_size),
        max_gib=max_gib,
    )

    def encode(ids: Ints) -> NDArray[numpy.float32]:
        tensor = torch.from_numpy(ids.astype("int64")).to(shim.device)
        with shim.autocast():
            encoded = encoder.encode_frozen(tensor, torch.ones_like(tensor))
        return cast(NDArray[numpy.float32], encoded.float().cpu().numpy())

    states.fill(encode, should_stop=should_stop)
    return states if states.n_kept else None
