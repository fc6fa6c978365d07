"""`nlp` and `nlp.pipe` find the same, whatever the texts, batches and their order."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc

from spacy_nuner.component.encoder.model import MAX_ITEMS, get_shim
from spacy_nuner.component.encoder.states import JoinedStates

from .conftest import TEXTS, make_examples, train

TOLERANCE = 1e-4
PARTS = [
    *(text for text, _ in TEXTS),
    "Maria",
    "Paris",
    "Oslo .",
    "😀",
    "🏳️\u200d🌈🇳🇴",
    "Zo\u0308e\u0301",
    "a\u0315\u0300\u0323",  # combining marks that normal forms reorder
    "\u0301",  # one without a letter
    "\u00a0",
    "\u200b",
    "\u200d\ufeff",
    "\u2028",
    "\t\n",
    " ",
    "     ",
    "x" * 150,
    "Maria" * 40,
    "العربية",
    "東京へ",
]
parts = st.lists(st.sampled_from(PARTS), max_size=8)
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
texts = parts.map("".join) | parts.map(" ".join) | any_text

Found = list[tuple[int, int, str]]


@pytest.fixture(scope="module")
def pipeline(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Language:
    """A trained pipeline, loaded, so that no vectors of the training are kept."""
    nlp = spacy.blank("en")
    model = {
        "@architectures": "spacy-nuner.TransformerModel.v1",
        "name": str(tiny_encoder),
        "layers": [1, 2],
        "window": 32,
        "stride": 24,
    }
    nlp.add_pipe("transformer", config={"model": model})
    nlp.add_pipe("nuner", config={"pull": 0.0})
    nlp.initialize(lambda: make_examples(nlp))
    train(nlp, 150)
    path = tmp_path_factory.mktemp("property") / "nlp"
    nlp.to_disk(path)
    loaded = spacy.load(path)
    assert get_shim(loaded.get_pipe("transformer").model).cache is None
    return loaded


def find(doc: Doc) -> tuple[Found, Found, np.ndarray]:
    """Entities, spans with confidences, confidences."""
    ents, group = doc.ents, doc.spans["nuner"]
    return (
        [(ent.start_char, ent.end_char, ent.label_) for ent in ents],
        [(span.start_char, span.end_char, span.label_) for span in group],
        np.array(group.attrs["scores"]),
    )


def check_same(alone: Doc, doc: Doc, text: str) -> None:
    assert doc.text == alone.text == text
    assert [token.text for token in doc] == [token.text for token in alone]
    expected, got = find(alone), find(doc)
    assert got[:2] == expected[:2]
    np.testing.assert_allclose(got[2], expected[2], atol=TOLERANCE)
    for ent in doc.ents:
        assert ent.text == text[ent.start_char : ent.end_char]
        assert not ent[0].is_space and not ent[-1].is_space


@settings(
    derandomize=True,
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    texts=st.lists(texts, max_size=6),
    batch_size=st.integers(1, 7),
    order=st.randoms(use_true_random=False),
)
def test_alone_and_in_batches(
    pipeline: Language, texts: list[str], batch_size: int, order: Any
) -> None:
    alone = [pipeline(text) for text in texts]
    places = list(range(len(texts)))
    order.shuffle(places)
    shuffled = [texts[i] for i in places]
    docs = list(pipeline.pipe(shuffled, batch_size=batch_size))
    assert len(docs) == len(texts)
    for i, doc in zip(places, docs, strict=True):
        check_same(alone[i], doc, texts[i])


def test_the_pipeline_finds_something(pipeline: Language) -> None:
    """Or the properties would hold for nothing."""
    for text, ents in TEXTS:
        assert find(pipeline(text))[0] == ents
    assert find(pipeline("Maria met Bob in Paris . 😀"))[0][0] == (0, 5, "PER")


@pytest.mark.parametrize("text", PARTS)
def test_each_part(pipeline: Language, text: str) -> None:
    """Each of the odd texts by itself, and among the others."""
    batch = [text, *PARTS[:3], "", text]
    docs = list(pipeline.pipe(batch, batch_size=4))
    for doc in (docs[0], docs[-1]):
        check_same(pipeline(text), doc, text)


def test_long_document(pipeline: Language) -> None:
    """10,000 tokens: all are seen, nothing is cut, and what is in memory at a time
    is bounded: windows and their number in a pass do not grow with the text."""
    words = " ".join(text for text, _ in TEXTS)
    text = " ".join([words] * 530)
    sizes: list[tuple[int, int]] = []
    shim = get_shim(pipeline.get_pipe("transformer").model)
    encoder = shim._find_predictor()
    assert isinstance(encoder, JoinedStates)
    hook = encoder.register_forward_hook(
        lambda module, inputs, output: sizes.append(tuple(inputs[0].shape))
    )
    alone = pipeline(text)
    largest, total = max(n * m for n, m in sizes), sum(n * m for n, m in sizes)
    assert len(alone) > 10_000
    assert largest <= MAX_ITEMS["cpu"] and max(m for _, m in sizes) <= 34
    assert sum(n for n, _ in sizes) > len(alone) / 24
    # A tenth of the text takes a tenth of the work
    del sizes[:]
    pipeline(text[: len(text) // 10])
    assert total == pytest.approx(10 * sum(n * m for n, m in sizes), rel=0.05)
    hook.remove()
    short, doc, empty = pipeline.pipe([words, text, ""], batch_size=2)
    check_same(alone, doc, text)
    check_same(pipeline(words), short, words)
    assert len(empty) == 0
    # Entities all over the text, to the very end
    starts = [ent.start_char for ent in doc.ents]
    assert max(np.diff([0, *starts, len(text)])) < 10 * len(words)
