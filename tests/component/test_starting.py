"""What a pipe knows before it learns: labels' names, the encoder's calibration."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from spacy.language import Language
from spacy.training import Example
from thinc.api import Ragged

from spacy_nuner.component.calibration import find_thresholds, read_calibration
from spacy_nuner.component.label_encoder import embed_labels
from spacy_nuner.component.viterbi import learn_transitions

from .conftest import TEXTS, make_examples, read_ents, train

TEXT = TEXTS[0][0]
LABELS = ["PER", "CITY"]
PHRASES = [["per"], ["city"]]


def make_bare(nlp: Language) -> list[Example]:
    """Examples without an entity."""
    return [Example(nlp.make_doc(t), nlp.make_doc(t)) for t, _ in TEXTS]


def init_pipe(nlp: Language, examples: list[Example], **settings: Any) -> Any:
    pipe = nlp.get_pipe("nuner")
    pipe.initialize(lambda: examples, nlp=nlp, **settings)
    return pipe


def encode(nlp: Language, text: str = TEXT) -> Ragged:
    doc = nlp.get_pipe("transformer")(nlp.make_doc(text))
    (X,) = nlp.get_pipe("nuner").features([doc])
    return Ragged(X, np.array([len(X)]))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))


@pytest.mark.parametrize("tagging", ["io", "bio"])
def test_zero_shot_without_calibration(
    make_nlp: Callable[..., Language], encoder_folder: Path, tagging: str
) -> None:
    """Logits are h · v less the one threshold that there is, that of "O" is 0."""
    nlp = make_nlp(
        labels=LABELS, encoder=str(encoder_folder), none_bias=0.7, tagging=tagging
    )
    nlp.initialize()
    pipe = nlp.get_pipe("nuner")
    assert pipe.labels == tuple(LABELS) and pipe.class_weights is None
    X = encode(nlp)
    logits = pipe.head.predict(X)
    scores = X.dataXd @ embed_labels(encoder_folder, PHRASES).T - 0.7
    np.testing.assert_allclose(logits[:, 0], 0, atol=1e-5)
    for first in range(1, 1 + pipe.settings.n_prefixes):
        own = logits[:, first :: pipe.settings.n_prefixes]
        np.testing.assert_allclose(own, scores, atol=1e-4)
    doc = nlp(TEXT)
    assert len(doc.spans["nuner"].attrs["scores"]) == len(doc.ents)


def test_zero_shot_with_calibration(
    make_nlp: Callable[..., Language], calibrated_folder: Path
) -> None:
    """With one label the probability is that of the calibration's curve."""
    calibration = read_calibration(calibrated_folder)
    assert calibration is not None
    nlp = make_nlp(
        trf={"name": str(calibrated_folder)},
        labels=["CITY"],
        encoder=str(calibrated_folder),
        tagging="io",
    )
    nlp.initialize(lambda: make_bare(nlp))
    X = encode(nlp)
    assert X.dataXd.shape[1] == 32
    vectors = embed_labels(calibrated_folder, PHRASES[1:])
    threshold = find_thresholds(calibration, vectors)
    # It's a frequent concept, with a threshold of its own
    expected = calibration.scale * (X.dataXd[:, 16:] @ vectors.T - threshold)
    probs = nlp.get_pipe("nuner").tag_scores(X.dataXd, X.lengths)
    np.testing.assert_allclose(probs[:, 1:], sigmoid(expected), atol=1e-4)


def test_labels_of_the_call(
    make_nlp: Callable[..., Language], encoder_folder: Path
) -> None:
    """They are named by `label_names`; a pipe without a setting keeps no encoder."""
    nlp = make_nlp()
    names = {"PER": "human", "CITY": ["town", "village"]}
    pipe = init_pipe(
        nlp, make_bare(nlp), labels=LABELS, encoder=encoder_folder, label_names=names
    )
    X = encode(nlp)
    vectors = embed_labels(encoder_folder, [["human"], ["town", "village"]])
    expected = X.dataXd @ vectors.T - pipe.settings.none_bias
    np.testing.assert_allclose(pipe.head.predict(X)[:, 2::2], expected, atol=1e-4)
    with pytest.raises(ValueError, match=r"\[N430\].*'nuner'"):
        pipe.set_labels(["RIVER"])


def test_labels_without_encoder(make_nlp: Callable[..., Language]) -> None:
    nlp = make_nlp(labels=LABELS)
    with pytest.raises(ValueError, match=r"\[N410\]"):
        nlp.initialize()


def test_examples_beat_names(
    make_nlp: Callable[..., Language], encoder_folder: Path
) -> None:
    """With entities the head is one to be trained, whatever the labels come from."""
    nlp = make_nlp(labels=LABELS, encoder=str(encoder_folder), pull=0.0)
    nlp.initialize(lambda: make_examples(nlp))
    pipe = nlp.get_pipe("nuner")
    assert pipe.labels == tuple(LABELS) and pipe.class_weights is not None
    train(nlp)
    assert read_ents(nlp(TEXT)) == [("Maria", "PER"), ("Bob", "PER"), ("Paris", "CITY")]


@pytest.mark.parametrize("hidden_width", [None, 8])
def test_concept_start_with_calibration(
    make_nlp: Callable[..., Language], calibrated_folder: Path, hidden_width: int | None
) -> None:
    """The head whitens by the calibration, and says what the vectors say."""
    nlp = make_nlp(
        trf={"name": str(calibrated_folder)}, model={"hidden_width": hidden_width}
    )
    pipe = init_pipe(
        nlp, make_examples(nlp), start="concept", encoder=calibrated_folder
    )
    calibration = read_calibration(calibrated_folder)
    assert calibration is not None
    first = pipe.head.get_ref("input")
    np.testing.assert_array_equal(first.get_param("whiten"), calibration.whitening)
    X = encode(nlp)
    vectors = embed_labels(calibrated_folder, [["city"], ["per"]])
    expected = X.dataXd[:, 16:] @ vectors.T
    np.testing.assert_allclose(pipe.head.predict(X)[:, 2::2], expected, atol=1e-3)


@pytest.mark.parametrize(
    "trf,whiten",
    [
        ({"layers": [2]}, True),
        ({"layers": [0, 2]}, True),
        ({"layers": [2, 1]}, True),
        ({"join": "mean"}, True),
        ({"pooling": "first"}, True),
        ({}, False),
    ],
)
def test_whitening_of_other_vectors_is_not_used(
    make_nlp: Callable[..., Language],
    calibrated_folder: Path,
    trf: dict[str, Any],
    whiten: bool,
) -> None:
    """The spread of the training set takes its place; all else stays calibrated."""
    nlp = make_nlp(trf={"name": str(calibrated_folder), **trf})
    examples = make_examples(nlp)
    pipe = init_pipe(nlp, examples, encoder=calibrated_folder, whiten=whiten)
    assert pipe.head.get_ref("input").get_param("whiten").ndim == 1
    calibration = read_calibration(calibrated_folder)
    assert calibration is not None
    expected = learn_transitions(
        np.concatenate([pipe.gold_tags(eg) for eg in examples]),
        np.array([len(eg.predicted) for eg in examples]),
        weight=pipe.settings.transition_weight,
        prior=calibration.transitions,
    )
    np.testing.assert_allclose(pipe.cfg["transitions"], expected)


def test_whitening_on_arrays(nlp: Language, calibrated_folder: Path) -> None:
    """Arrays do not say what they are: the width must be right, or it's an error."""
    pipe, X = nlp.get_pipe("nuner"), encode(nlp)
    Y = np.zeros(len(X.dataXd), dtype="int64")
    with pytest.raises(ValueError, match=r"\[N427\].*\(32, 32\).*width 16"):
        pipe.begin(X, Y, LABELS, encoder=calibrated_folder)
    pipe.begin(X, Y, LABELS, encoder=calibrated_folder, whiten=False)
    assert pipe.head.get_ref("input").get_param("whiten").shape == (16,)
    joined = Ragged(np.hstack([X.dataXd, X.dataXd]), X.lengths)
    pipe.begin(joined, Y, LABELS, encoder=calibrated_folder)
    assert pipe.head.get_ref("input").get_param("whiten").shape == (32, 32)


@pytest.mark.parametrize("is_calibrated", [True, False])
def test_zero_shot_on_arrays(
    nlp: Language, calibrated_folder: Path, is_calibrated: bool
) -> None:
    pipe, X = nlp.get_pipe("nuner"), encode(nlp)
    vectors = embed_labels(calibrated_folder, PHRASES)
    folder = calibrated_folder if is_calibrated else None
    pipe.begin(X, None, LABELS, label_vectors=vectors, encoder=folder)
    scores = X.dataXd @ vectors.T
    calibration = read_calibration(calibrated_folder)
    assert calibration is not None
    expected = scores - pipe.settings.none_bias
    if is_calibrated:
        thresholds = find_thresholds(calibration, vectors)
        expected = calibration.scale * (scores - thresholds)
    np.testing.assert_allclose(pipe.head.predict(X)[:, 1::2], expected, atol=1e-4)


def test_io_has_no_transitions(make_nlp: Callable[..., Language]) -> None:
    for tagging in ("io", "bio"):
        nlp = make_nlp(tagging=tagging)
        pipe = init_pipe(nlp, make_examples(nlp))
        assert (pipe.cfg["transitions"] is None) is (tagging == "io")


@pytest.mark.parametrize("class_weight", [0.0, 0.5])
def test_class_weights(make_nlp: Callable[..., Language], class_weight: float) -> None:
    nlp = make_nlp(class_weight=class_weight)
    pipe = init_pipe(nlp, make_examples(nlp))
    if not class_weight:
        assert pipe.class_weights is None
        return
    # O, B-CITY, I-CITY, B-PER, I-PER
    assert pipe.class_weights.shape == (5,)
    assert pipe.class_weights.argmin() == 0
    assert pipe.class_weights.mean() == pytest.approx(1.0)


def test_shift_of_none_counts_in_prediction_alone(
    make_nlp: Callable[..., Language],
) -> None:
    nlp = make_nlp(none_threshold="cross_validation", pull=0.0)
    pipe = init_pipe(nlp, make_examples(nlp))
    X = encode(nlp)
    before = pipe.tag_scores(X.dataXd, X.lengths)
    pipe.cfg["none_shift"] += np.log(2)
    after = pipe.tag_scores(X.dataXd, X.lengths)
    ratio = (after[:, 0] / after[:, 1]) / (before[:, 0] / before[:, 1])
    np.testing.assert_allclose(ratio, 2.0, rtol=1e-4)
