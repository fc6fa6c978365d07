from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.training import Example
from thinc.api import Ragged

from spacy_nuner.component.fit import BEGIN_BIAS
from spacy_nuner.component.label_encoder import embed_labels

from .conftest import NAMES, TEXTS, make_examples, make_sgd, read_ents


def get_output(nlp: Language):
    return nlp.get_pipe("nuner").head.get_ref("output")


def make_ragged(*shape: int) -> Ragged:
    return Ragged(np.ones(shape, dtype="f"), np.array([shape[0]]))


def init_pipe(nlp: Language, **settings) -> None:
    nlp.get_pipe("nuner").initialize(lambda: make_examples(nlp), nlp=nlp, **settings)


def test_frozen_transformer_is_read_when_it_is_disabled(
    make_nlp: Callable[..., Language],
) -> None:
    """As in `spacy train` with frozen_components: nobody else initializes it."""
    nlp = make_nlp(transition_weight=0.0)
    with nlp.select_pipes(disable=["transformer"]):
        nlp.initialize(lambda: make_examples(nlp))
    assert nlp.get_pipe("transformer").model.get_dim("nO") == 16
    assert get_output(nlp).get_dim("nI") == 16
    assert read_ents(nlp(TEXTS[3][0])) == []


def test_labels_in_given_order(make_nlp: Callable[..., Language]) -> None:
    nlp = make_nlp()
    init_pipe(nlp, labels=["PER", "OTHER", "CITY"])
    assert nlp.get_pipe("nuner").labels == ("PER", "OTHER", "CITY")


def test_unknown_gold_label(make_nlp: Callable[..., Language]) -> None:
    nlp = make_nlp()
    with pytest.raises(ValueError, match=r"\[N402\] The gold label 'CITY'.*PER"):
        init_pipe(nlp, labels=["PER"])


def test_unknown_gold_label_in_training(nlp: Language) -> None:
    eg = Example.from_dict(nlp.make_doc("Rome"), {"entities": [(0, 4, "TOWN")]})
    with pytest.raises(ValueError, match=r"\[N402\] The gold label 'TOWN'"):
        nlp.get_pipe("nuner").gold_tags(eg)


def test_no_labels(make_nlp: Callable[..., Language]) -> None:
    nlp = make_nlp()
    doc = nlp.make_doc("Nothing here")
    with pytest.raises(ValueError, match=r"\[N403\].*first 1 examples"):
        nlp.get_pipe("nuner").initialize(lambda: [Example(doc, doc)], nlp=nlp)


def test_no_transformer() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("nuner")
    with pytest.raises(ValueError, match=r"\[N412\].*Got: nuner"):
        nlp.initialize(lambda: make_examples(nlp))


def test_without_transformer_any_tok2vec_does() -> None:
    nlp = spacy.blank("en")
    tok2vec = {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "pretrained_vectors": None,
        "width": 8,
        "depth": 1,
        "embed_size": 50,
        "window_size": 1,
        "maxout_pieces": 2,
        "subword_features": True,
    }
    nlp.add_pipe("nuner", config={"pull": 0.0, "model": {"tok2vec": tok2vec}})
    nlp.initialize(lambda: make_examples(nlp))
    sgd = make_sgd()
    for _ in range(60):
        nlp.update(make_examples(nlp), sgd=sgd)
    assert ("Paris", "CITY") in read_ents(nlp(TEXTS[0][0]))


@pytest.mark.parametrize("tagging", ["io", "bio"])
def test_concept_start_is_a_zero_shot_classifier(
    make_nlp: Callable[..., Language], encoder_folder: Path, tagging: str
) -> None:
    """Logits of the started head: h · v / temperature, and a constant for "O"."""
    nlp = make_nlp(tagging=tagging, none_bias=1.5)
    init_pipe(nlp, start="concept", encoder=encoder_folder, label_names=NAMES)
    pipe = nlp.get_pipe("nuner")
    doc = nlp.get_pipe("transformer")(nlp.make_doc(TEXTS[0][0]))
    (X,) = pipe.features([doc])
    logits = pipe.head.predict(Ragged(X, np.array([len(X)])))
    vectors = embed_labels(encoder_folder, [["city"], ["person"]])
    inside = logits[:, 1:] if tagging == "io" else logits[:, 2::2]
    np.testing.assert_allclose(inside, X @ vectors.T, atol=1e-4)
    np.testing.assert_allclose(logits[:, 0], 1.5, atol=1e-5)
    if tagging == "bio":
        np.testing.assert_allclose(logits[:, 1::2], inside + BEGIN_BIAS, atol=1e-4)


@pytest.mark.parametrize("none_bias", [1.5, 7.0])
def test_none_bias(make_nlp: Callable[..., Language], none_bias: float) -> None:
    """It's that of "O" in a head that starts from vectors, and of no other."""
    nlp = make_nlp(none_bias=none_bias)
    pipe, X = nlp.get_pipe("nuner"), make_ragged(2, 16)
    X.dataXd[:] = 0.0
    Y = np.zeros(2, dtype="int64")
    pipe.begin(X, Y, ["A"], label_vectors=np.ones((1, 16), dtype="f"))
    assert get_output(nlp).get_param("b")[0] == none_bias
    pipe.begin(X, Y, ["A"])
    assert not get_output(nlp).get_param("b").any()


def test_pull_holds_the_start(
    make_nlp: Callable[..., Language], encoder_folder: Path
) -> None:
    distances = []
    for pull in (0.0, 0.1, 10.0):
        nlp = make_nlp(pull=pull)
        init_pipe(nlp, start="concept", encoder=encoder_folder)
        sgd = make_sgd(0.01)
        for _ in range(40):
            nlp.update(
                make_examples(nlp),
                sgd=sgd,
                exclude=["transformer"],
                annotates=["transformer"],
            )
        output = get_output(nlp)
        distances.append(
            float(np.abs(output.get_param("W") - output.get_param("W0")).mean())
        )
    assert distances[0] > distances[1] > distances[2] > 0


@pytest.mark.parametrize("tagging,n_tags", [("io", 3), ("bio", 5)])
def test_concept_start_of_two_layers(
    make_nlp: Callable[..., Language], encoder_folder: Path, tagging: str, n_tags: int
) -> None:
    """It takes a unit per tag."""
    nlp = make_nlp(tagging=tagging, model={"hidden_width": n_tags - 1})
    with pytest.raises(ValueError, match=rf"\[N404\].*{n_tags} or more"):
        init_pipe(nlp, start="concept", encoder=encoder_folder)
    nlp = make_nlp(tagging=tagging, model={"hidden_width": n_tags})
    init_pipe(nlp, start="concept", encoder=encoder_folder)
    assert nlp.get_pipe("nuner").is_started


@pytest.mark.parametrize("n_mib", [0, 1])
def test_vectors_are_kept_if_they_may(
    make_nlp: Callable[..., Language], n_mib: int
) -> None:
    """Those of the examples, for the epochs that follow."""
    nlp = make_nlp()
    init_pipe(nlp, keep_vectors_mb=n_mib)
    cache = nlp.get_pipe("transformer").model.shims[0].cache
    assert (cache is None) if n_mib == 0 else len(cache) == len(TEXTS)


def test_concept_start_without_encoder(make_nlp: Callable[..., Language]) -> None:
    with pytest.raises(ValueError, match="N410"):
        init_pipe(make_nlp(), start="concept")


def test_unknown_start(make_nlp: Callable[..., Language]) -> None:
    with pytest.raises(ValueError, match=r"\[N409\].*random, concept"):
        init_pipe(make_nlp(), start="warm")


@pytest.mark.parametrize(
    "shape,code", [((2, 17), "N406"), ((3, 16), "N406"), ((2, 16), ""), ((2, 8), "")]
)
def test_label_vectors(nlp: Language, shape: tuple[int, int], code: str) -> None:
    pipe, Y = nlp.get_pipe("nuner"), np.zeros(4, dtype="int64")
    X, vectors = make_ragged(4, 16), np.ones(shape, dtype="f")
    if code:
        with pytest.raises(ValueError, match=code):
            pipe.begin(X, Y, ["A", "B"], label_vectors=vectors)
    else:
        pipe.begin(X, Y, ["A", "B"], label_vectors=vectors)
        assert pipe.labels == ("A", "B")


def test_start_on_nothing(nlp: Language) -> None:
    with pytest.raises(ValueError, match=r"\[N405\].*\(0, 16\)"):
        nlp.get_pipe("nuner").begin(make_ragged(0, 16), np.zeros(0, "int64"), ["A"])
