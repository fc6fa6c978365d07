import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.training import Example

from spacy_nuner.component import fit
from spacy_nuner.component.label_vectors import embed_names

from .conftest import NAMES, TEXTS, make_examples, make_sgd, read_ents


def get_output(nlp: Language):
    return nlp.get_pipe("nuner").head.get_ref("output")


def init_pipe(nlp: Language, **settings) -> None:
    nlp.get_pipe("nuner").initialize(lambda: make_examples(nlp), nlp=nlp, **settings)


def test_frozen_transformer_is_read_when_it_is_disabled(
    make_nlp: Callable[..., Language],
) -> None:
    """As in `spacy train` with frozen_components: nobody else initializes it."""
    nlp = make_nlp()
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
    init_pipe(nlp, start="concept", concept_encoder=encoder_folder, label_names=NAMES)
    pipe = nlp.get_pipe("nuner")
    doc = nlp.get_pipe("transformer")(nlp.make_doc(TEXTS[0][0]))
    (X,) = pipe.features([doc])
    logits = pipe.head.predict(X)
    vectors = embed_names(encoder_folder / "concept_encoder", ["city", "person"])
    inside = logits[:, 1:] if tagging == "io" else logits[:, 2::2]
    np.testing.assert_allclose(inside, X @ vectors.T, atol=1e-4)
    np.testing.assert_allclose(logits[:, 0], 1.5, atol=1e-5)
    if tagging == "bio":
        np.testing.assert_allclose(logits[:, 1::2], inside - 1, atol=1e-4)


def test_none_bias_of_call_beats_setting(nlp: Language) -> None:
    pipe = nlp.get_pipe("nuner")
    X = np.zeros((2, 16), dtype="f")
    vectors = np.ones((1, 16), dtype="f")
    pipe.start_head(X, ["A"], label_vectors=vectors, none_bias=7.0)
    assert get_output(nlp).get_param("b")[0] == 7.0
    pipe.start_head(X, ["A"], label_vectors=vectors)
    assert get_output(nlp).get_param("b")[0] == fit.NONE_BIAS


def test_pull_holds_the_start(
    make_nlp: Callable[..., Language], encoder_folder: Path
) -> None:
    distances = []
    for pull in (0.0, 0.1, 10.0):
        nlp = make_nlp(pull=pull)
        init_pipe(nlp, start="concept", concept_encoder=encoder_folder)
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


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_label_vectors(
    nlp: Language, encoder_folder: Path, tmp_path: Path, pooling: str
) -> None:
    from transformers import AutoModel, AutoTokenizer

    path = tmp_path / "enc"
    shutil.copytree(encoder_folder, path)
    settings = {"temperature": 2.0, "bias": -5.0, "pooling": pooling}
    (path / "nuner.json").write_text(json.dumps(settings))
    vectors = nlp.get_pipe("nuner").label_vectors(path, {"PER": "a P", "CITY": "b"})
    model = AutoModel.from_pretrained(encoder_folder, add_pooling_layer=False).eval()
    ids = AutoTokenizer.from_pretrained(encoder_folder)("a p", return_tensors="pt")
    hidden = model(**ids).last_hidden_state[0].detach().numpy()
    expected = hidden.mean(0) if pooling == "mean" else hidden[0]
    np.testing.assert_allclose(vectors[1], expected / 2.0, atol=1e-5)


def test_concept_start_of_two_layers(
    make_nlp: Callable[..., Language], encoder_folder: Path
) -> None:
    nlp = make_nlp(model={"hidden_width": 4})
    with pytest.raises(ValueError, match="N404"):
        init_pipe(nlp, start="concept", concept_encoder=encoder_folder)


def test_concept_start_without_encoder(make_nlp: Callable[..., Language]) -> None:
    with pytest.raises(ValueError, match="N410"):
        init_pipe(make_nlp(), start="concept")


def test_unknown_start(make_nlp: Callable[..., Language]) -> None:
    with pytest.raises(ValueError, match=r"\[N409\].*random, concept"):
        init_pipe(make_nlp(), start="warm")


@pytest.mark.parametrize(
    "shape,code", [((2, 8), "N406"), ((3, 16), "N406"), ((2, 16), "")]
)
def test_wrong_label_vectors(nlp: Language, shape: tuple[int, int], code: str) -> None:
    pipe = nlp.get_pipe("nuner")
    X, vectors = np.ones((4, 16), dtype="f"), np.ones(shape, dtype="f")
    if code:
        with pytest.raises(ValueError, match=code):
            pipe.start_head(X, ["A", "B"], label_vectors=vectors)
    else:
        pipe.start_head(X, ["A", "B"], label_vectors=vectors)
        assert pipe.labels == ("A", "B")


def test_start_on_nothing(nlp: Language) -> None:
    with pytest.raises(ValueError, match=r"\[N405\].*\(0, 16\)"):
        nlp.get_pipe("nuner").start_head(np.zeros((0, 16), dtype="f"), ["A"])
