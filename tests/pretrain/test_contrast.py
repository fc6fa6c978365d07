import tracemalloc
from typing import Literal

import numpy
import pytest
from thinc.api import NumpyOps

from spacy_nuner.pretrain.contrast import Link, contrast
from spacy_nuner.pretrain.loss import InBatchBCE
from spacy_nuner.pretrain.targets import Targets

WIDTH = 4
MAX_CELLS = 20_000


def make_targets(n_tokens: int, n_concepts: int, synonyms: bool) -> Targets:
    rng = numpy.random.default_rng(0)
    vectors = rng.normal(size=(n_concepts, WIDTH)).astype("float32")
    vectors /= numpy.linalg.norm(vectors, axis=1, keepdims=True)
    tokens = numpy.arange(0, n_tokens, 3)
    return Targets(
        starts=numpy.asarray([0, n_tokens]),
        n_concepts=n_concepts,
        tokens=tokens,
        concepts=tokens % n_concepts,
        left_out_tokens=tokens,
        left_out_concepts=(tokens + 1) % n_concepts,
        similarity=vectors @ vectors.T if synonyms else None,
        synonyms="soften" if synonyms else "keep",
        threshold=0.9,
    )


def measure_peak(
    n_tokens: int, n_concepts: int, max_cells: int, *, synonyms: bool
) -> int:
    """Bytes that are taken on the way, beside what goes in and comes out."""
    targets = make_targets(n_tokens, n_concepts, synonyms)
    rng = numpy.random.default_rng(1)
    H, C = (
        rng.normal(size=(n, WIDTH)).astype("float32") for n in (n_tokens, n_concepts)
    )
    tracemalloc.start()
    result = contrast(
        H,
        C,
        Link(temperature=5.0, bias=-5.0),
        targets,
        loss=InBatchBCE(),
        ops=NumpyOps(),
        max_cells=max_cells,
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak - result.dH.nbytes - result.dC.nbytes


@pytest.mark.parametrize("synonyms", [False, True])
@pytest.mark.parametrize("grown", ["tokens", "concepts", "both"])
def test_memory_does_not_grow_with_the_cells(
    grown: Literal["tokens", "concepts", "both"], synonyms: bool
) -> None:
    n_tokens = 400 * (1 if grown == "concepts" else 4)
    n_concepts = 400 * (1 if grown == "tokens" else 4)
    small = measure_peak(400, 400, MAX_CELLS, synonyms=synonyms)
    large = measure_peak(n_tokens, n_concepts, MAX_CELLS, synonyms=synonyms)
    whole = measure_peak(n_tokens, n_concepts, 0, synonyms=synonyms)
    # 4 or 16 times the cells; a chunk has a whole row at least
    assert large < 1.25 * small
    assert whole > 2.5 * large
