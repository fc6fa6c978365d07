"""Labels that join a trained pipe, and labels that take the place of all others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from spacy.language import Language
from spacy.training import Example

from spacy_nuner.component.label_encoder import embed_labels

from .conftest import TEXTS, make_examples, make_sgd, read_ents
from .test_pipe import ENTS, FROZEN, encode

TEXT = TEXTS[0][0]


@pytest.fixture
def zero_shot(make_nlp: Callable[..., Language], encoder_folder: Path) -> Language:
    nlp = make_nlp(labels=["PER"], encoder=str(encoder_folder), none_bias=0.5)
    nlp.initialize()
    return nlp


@pytest.mark.parametrize("hidden_width", [None, 8])
def test_add_label(make_nlp: Callable[..., Language], hidden_width: int | None) -> None:
    nlp = make_nlp(pull=0.0, model={"hidden_width": hidden_width})
    nlp.initialize(lambda: make_examples(nlp))
    sgd = make_sgd()
    for _ in range(80):
        nlp.update(make_examples(nlp), sgd=sgd, **FROZEN)
    pipe = nlp.get_pipe("nuner")
    before = nlp(TEXT).spans["nuner"].attrs["scores"]
    assert pipe.add_label("PER") == 0
    assert pipe.add_label("FOOD") == 1
    assert pipe.tags[-2:] == ["B-FOOD", "I-FOOD"]
    assert pipe.label_data == ("CITY", "PER", "FOOD")
    doc = nlp(TEXT)
    assert read_ents(doc) == ENTS
    np.testing.assert_allclose(doc.spans["nuner"].attrs["scores"], before, atol=1e-3)
    # The new tags count as much as the rarest of the old ones
    assert len(pipe.class_weights) == 7
    assert set(pipe.class_weights[5:]) == {pipe.class_weights.max()}
    eg = Example.from_dict(
        nlp.make_doc("Ada eats soup ."), {"entities": [(9, 13, "FOOD")]}
    )
    sgd = make_sgd()
    for _ in range(80):
        nlp.update([eg], sgd=sgd, **FROZEN)
    assert ("soup", "FOOD") in read_ents(nlp("Ada eats soup ."))


@pytest.mark.parametrize("label", ["", 3])
def test_add_label_refuses(nlp: Language, label: object) -> None:
    with pytest.raises(ValueError, match="N417"):
        nlp.get_pipe("nuner").add_label(label)


def test_add_label_before_initialize(make_nlp: Callable[..., Language]) -> None:
    pipe = make_nlp().get_pipe("nuner")
    assert pipe.add_label("X") == 1 and not pipe.is_started


@pytest.mark.parametrize(
    "labels,phrases",
    [
        (["FOOD", "BIG_CITY"], [["food"], ["big city"]]),
        ({"FOOD": "meal", "X": {"phrases": ["a", "b"]}}, [["meal"], ["a", "b"]]),
    ],
)
def test_set_labels(
    zero_shot: Language, encoder_folder: Path, labels: Any, phrases: list[list[str]]
) -> None:
    pipe = zero_shot.get_pipe("nuner")
    pipe.set_labels(labels)
    assert pipe.labels == tuple(labels)
    X = encode(zero_shot, [zero_shot.make_doc(TEXT)])
    expected = X.dataXd @ embed_labels(encoder_folder, phrases).T - 0.5
    np.testing.assert_allclose(pipe.head.predict(X)[:, 2::2], expected, atol=1e-4)


def test_set_labels_finds_entities(zero_shot: Language) -> None:
    """A threshold that each token exceeds makes everything an entity; none, nothing."""
    pipe = zero_shot.get_pipe("nuner")
    pipe.settings.none_bias = -100.0
    pipe.set_labels(["THING"])
    assert {label for _, label in read_ents(zero_shot(TEXT))} == {"THING"}
    pipe.settings.none_bias = 100.0
    pipe.set_labels(["THING"])
    doc = zero_shot(TEXT)
    assert read_ents(doc) == [] and len(doc.spans["nuner"]) == 0


def test_set_labels_forgets_what_was_learned(
    make_nlp: Callable[..., Language], encoder_folder: Path
) -> None:
    nlp = make_nlp(encoder=str(encoder_folder), pull=0.7)
    nlp.initialize(lambda: make_examples(nlp))
    pipe = nlp.get_pipe("nuner")
    pipe.cfg["none_shift"] = 1.0
    learned = pipe.cfg["transitions"]
    pipe.set_labels(["THING"])
    assert pipe.class_weights is None and pipe.cfg["none_shift"] == 0.0
    assert pipe.cfg["transitions"] != learned
    assert pipe.head.get_ref("output").attrs["pull"] == 0.0
    assert "THING" in nlp.vocab.strings


@pytest.mark.parametrize("labels", [[], {}])
def test_set_no_labels(zero_shot: Language, labels: Any) -> None:
    pipe = zero_shot.get_pipe("nuner")
    with pytest.raises(ValueError, match="N403"):
        pipe.set_labels(labels)
    assert pipe.labels == ("PER",)


def test_set_labels_needs_the_concept_encoder(trained: Language) -> None:
    with pytest.raises(ValueError, match=r"\[N430\].*'nuner'.*spacy-nuner export"):
        trained.get_pipe("nuner").set_labels(["THING"])
    assert read_ents(trained(TEXT)) == ENTS


def test_freeze_labels(zero_shot: Language) -> None:
    """The labels stay and can be found; others can't be set any more."""
    pipe = zero_shot.get_pipe("nuner")
    pipe.set_labels(["A", "B"])
    before = zero_shot(TEXT)
    pipe.freeze_labels()
    after = zero_shot(TEXT)
    assert read_ents(after) == read_ents(before) and pipe.labels == ("A", "B")
    with pytest.raises(ValueError, match=r"\[N430\].*freeze_labels"):
        pipe.set_labels(["C"])


def test_freeze_labels_before_the_start(make_nlp: Callable[..., Language]) -> None:
    with pytest.raises(ValueError, match="N401"):
        make_nlp().get_pipe("nuner").freeze_labels()
