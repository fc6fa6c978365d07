import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import Model, set_dropout_rate

from .conftest import TEXTS, make_examples, make_sgd, read_ents, train

TEXT = TEXTS[0][0]
ENTS = [("Maria", "PER"), ("Bob", "PER"), ("Paris", "CITY")]


def get_weights(model: Model) -> np.ndarray:
    return model.get_ref("output").get_param("W").copy()


def test_learns_and_sets_confidences(trained: Language) -> None:
    doc = trained(TEXT)
    assert read_ents(doc) == ENTS
    group = doc.spans["nuner"]
    assert [(span.text, span.label_) for span in group] == ENTS
    scores = group.attrs["scores"]
    assert len(scores) == 3 and all(0.5 < s <= 1.0 for s in scores)


def test_scores(trained: Language) -> None:
    scores = trained.evaluate(make_examples(trained))
    assert scores["ents_f"] == scores["nuner_token_macro_f"] == 1.0
    assert set(scores["nuner_token_f_per_type"]) == {"CITY", "PER"}


@pytest.mark.parametrize("tagging,n_tags", [("io", 3), ("bio", 5)])
@pytest.mark.parametrize("hidden_width", [None, 8])
def test_taggings_and_heads(
    make_nlp: Callable[..., Language],
    tagging: str,
    n_tags: int,
    hidden_width: int | None,
) -> None:
    nlp = make_nlp(tagging=tagging, pull=0.0, model={"hidden_width": hidden_width})
    np.random.seed(0)
    nlp.initialize(lambda: make_examples(nlp))
    pipe = nlp.get_pipe("nuner")
    assert len(pipe.tags) == n_tags and pipe.labels == ("CITY", "PER")
    train(nlp, 150)
    assert read_ents(nlp(TEXT)) == ENTS


def test_train_head_equals_update(nlp: Language) -> None:
    """Arrays with the vectors computed once, and spaCy's loop: the same weights."""
    pipe = nlp.get_pipe("nuner")
    pipe.pull = 0.05
    examples = make_examples(nlp)
    docs = [nlp.get_pipe("transformer")(eg.predicted) for eg in examples]
    X = np.concatenate(pipe.features(docs))
    Y = np.concatenate([pipe.gold_tags(eg) for eg in examples])
    pipe.start_head(X, list(pipe.labels))
    train(nlp, 20)
    ours = get_weights(pipe.head)
    pipe.start_head(X, list(pipe.labels))
    losses = pipe.train_head(X, Y, sgd=make_sgd(), n_steps=20)
    np.testing.assert_allclose(get_weights(pipe.head), ours, atol=1e-6)
    assert losses[-1] < losses[0] == pytest.approx(np.log(3))


def test_initialize_measures_what_start_head_measures(nlp: Language) -> None:
    pipe = nlp.get_pipe("nuner")
    docs = [nlp.get_pipe("transformer")(nlp.make_doc(text)) for text, _ in TEXTS]
    mean = pipe.head.get_ref("standardise").get_param("mean").copy()
    pipe.start_head(np.concatenate(pipe.features(docs)), ["A"])
    assert pipe.tags == ["O", "I-A"]
    again = pipe.head.get_ref("standardise").get_param("mean")
    np.testing.assert_allclose(mean, again, atol=1e-6)


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\t \n", "Rome", "  Rome\u200b "])
def test_odd_docs(trained: Language, text: str) -> None:
    doc = trained(text)
    assert all(not ent[0].is_space and not ent[-1].is_space for ent in doc.ents)
    assert len(doc.spans["nuner"]) == len(doc.ents)
    piped = list(trained.pipe([text, TEXT, ""]))
    assert read_ents(piped[0]) == read_ents(doc)
    assert read_ents(piped[1]) == ENTS


def test_update_on_empty_docs(nlp: Language) -> None:
    empty = Example(nlp.make_doc(""), nlp.make_doc(""))
    assert nlp.update([empty], sgd=make_sgd())["nuner"] == 0.0
    mixed = [empty, *make_examples(nlp)]
    losses = nlp.update(
        mixed, sgd=make_sgd(), exclude=["transformer"], annotates=["transformer"]
    )
    assert losses["nuner"] > 0


def test_double_space_within_a_name(trained: Language) -> None:
    """White space has no vector: reduce_first would refuse it, here it's bridged."""
    doc = trained("Maria met Bob in  Paris .")
    assert ("Paris", "CITY") in read_ents(doc)


@pytest.mark.parametrize(
    "on_existing,expected",
    [
        ("overwrite", ENTS),
        ("keep", [("Maria met", "MINE"), ("Bob", "PER"), ("Paris", "CITY")]),
    ],
)
def test_existing_entities(
    trained: Language, on_existing: str, expected: list[tuple[str, str]]
) -> None:
    pipe = trained.get_pipe("nuner")
    pipe.on_existing = on_existing
    doc = trained.make_doc(TEXT)
    doc.ents = [Span(doc, 0, 2, label="MINE")]
    doc = trained(doc)
    assert read_ents(doc) == expected
    ours = [ent for ent in doc.ents if ent.label_ != "MINE"]
    assert list(doc.spans["nuner"]) == ours
    assert len(doc.spans["nuner"].attrs["scores"]) == len(ours)


def test_existing_entities_raise(trained: Language) -> None:
    trained.get_pipe("nuner").on_existing = "raise"
    doc = trained.make_doc(TEXT)
    doc.ents = [Span(doc, 0, 1, label="MINE")]
    with pytest.raises(ValueError, match=r"\[N411\].*Maria \(MINE\)"):
        trained(doc)


@pytest.mark.parametrize("n_layers", [None, 8])
def test_serialization(
    make_nlp: Callable[..., Language], tmp_path: Path, n_layers: int | None
) -> None:
    nlp = make_nlp(model={"hidden_width": n_layers})
    nlp.initialize(lambda: make_examples(nlp))
    train(nlp, 10)
    pipe = nlp.get_pipe("nuner")
    nlp.to_disk(tmp_path / "nlp")
    loaded = spacy.load(tmp_path / "nlp")
    fresh = make_nlp(model={"hidden_width": n_layers})
    fresh.from_bytes(nlp.to_bytes())
    for other in (loaded, fresh):
        theirs = other.get_pipe("nuner")
        assert theirs.labels == pipe.labels and theirs.tags == pipe.tags
        for ours, node in zip(pipe.head.walk(), theirs.head.walk(), strict=True):
            for name in ours.param_names:
                np.testing.assert_array_equal(
                    ours.get_param(name), node.get_param(name)
                )
            assert ours.attrs.get("pull") == node.attrs.get("pull")
        assert read_ents(other(TEXT)) == read_ents(nlp(TEXT))
        np.testing.assert_array_equal(
            other(TEXT).spans["nuner"].attrs["scores"],
            nlp(TEXT).spans["nuner"].attrs["scores"],
        )


def test_loads_over_other_labels(trained: Language, nlp: Language) -> None:
    pipe = trained.get_pipe("nuner")
    data = pipe.to_bytes()
    pipe.start_head(np.ones((2, 16), dtype="f"), ["A", "B", "C"])
    pipe.from_bytes(data)
    assert pipe.labels == ("CITY", "PER") and len(get_weights(pipe.head)) == 3


def test_pickle(trained: Language) -> None:
    pipe = trained.get_pipe("nuner")
    restored = pickle.loads(pickle.dumps(trained))
    assert restored.get_pipe("nuner").labels == pipe.labels
    assert read_ents(restored(TEXT)) == ENTS


def test_doc_with_scores_survives_bytes(trained: Language) -> None:
    doc = trained(TEXT)
    again = Doc(trained.vocab).from_bytes(doc.to_bytes(exclude=["user_data"]))
    assert list(again.spans["nuner"].attrs["scores"]) == pytest.approx(
        list(doc.spans["nuner"].attrs["scores"])
    )


def test_add_label(trained: Language) -> None:
    pipe = trained.get_pipe("nuner")
    before = trained(TEXT).spans["nuner"].attrs["scores"]
    assert pipe.add_label("PER") == 0
    assert pipe.add_label("FOOD") == 1
    assert pipe.tags[-1] == "I-FOOD" and pipe.label_data == ("CITY", "PER", "FOOD")
    doc = trained(TEXT)
    assert read_ents(doc) == ENTS
    np.testing.assert_allclose(doc.spans["nuner"].attrs["scores"], before, atol=1e-3)
    eg = Example.from_dict(
        trained.make_doc("Ada eats soup ."), {"entities": [(9, 13, "FOOD")]}
    )
    sgd = make_sgd()
    for _ in range(80):
        trained.update(
            [eg], sgd=sgd, exclude=["transformer"], annotates=["transformer"]
        )
    assert ("soup", "FOOD") in read_ents(trained("Ada eats soup ."))


@pytest.mark.parametrize("label", ["", 3])
def test_add_label_refuses(nlp: Language, label: object) -> None:
    with pytest.raises(ValueError, match="N417"):
        nlp.get_pipe("nuner").add_label(label)


def test_add_label_before_initialize(make_nlp: Callable[..., Language]) -> None:
    pipe = make_nlp().get_pipe("nuner")
    assert pipe.add_label("X") == 1 and not pipe.is_started


def test_missing_annotation_teaches_nothing(nlp: Language) -> None:
    """Tokens without annotation have no part in the loss and its gradient."""
    pipe = nlp.get_pipe("nuner")
    bare = Example(nlp.make_doc(TEXT), nlp.make_doc(TEXT))
    assert set(pipe.gold_tags(bare)) == {-1}
    before = get_weights(pipe.head)
    loss = nlp.update(
        [bare], sgd=make_sgd(), exclude=["transformer"], annotates=["transformer"]
    )
    assert loss["nuner"] == 0.0
    np.testing.assert_array_equal(before, get_weights(pipe.head))


def test_frozen_transformer_stays_and_trained_one_moves(
    make_nlp: Callable[..., Language],
) -> None:
    for frozen in (True, False):
        nlp = make_nlp(model={"hidden_width": 8})
        nlp.initialize(lambda nlp=nlp: make_examples(nlp))
        encoder = nlp.get_pipe("transformer").model.transformer
        before = encoder.encoder.layer[0].output.dense.weight.detach().clone()
        train(nlp, 4, frozen=frozen)
        after = encoder.encoder.layer[0].output.dense.weight
        assert bool((before == after).all()) is frozen


def test_dropout_is_that_of_training(make_nlp: Callable[..., Language]) -> None:
    nlp = make_nlp(model={"hidden_width": 8})
    nlp.initialize(lambda: make_examples(nlp))
    pipe = nlp.get_pipe("nuner")
    X = np.ones((4, 16), dtype="f")
    pipe.head.get_ref("output").set_param("W", np.ones((3, 8), dtype="f"))
    set_dropout_rate(pipe.head, 0.5)
    dropped, _ = pipe.head.begin_update(X)
    set_dropout_rate(pipe.head, 0.0)
    whole, _ = pipe.head.begin_update(X)
    assert not np.allclose(dropped, whole)
    np.testing.assert_allclose(whole, pipe.head.predict(X))


def test_disabled_transformer_is_an_error(trained: Language) -> None:
    with (
        trained.select_pipes(disable=["transformer"]),
        pytest.raises(ValueError, match=r"\[N413\].*transformer disabled"),
    ):
        trained(TEXT)


def test_not_initialized(make_nlp: Callable[..., Language]) -> None:
    nlp = make_nlp()
    nlp.get_pipe("transformer").initialize(lambda: [], nlp=nlp)
    with pytest.raises(ValueError, match="N401"):
        nlp(TEXT)


@pytest.mark.parametrize("name,got", [("tagging", "bilou"), ("on_existing", "merge")])
def test_unknown_settings(
    make_nlp: Callable[..., Language], name: str, got: str
) -> None:
    with pytest.raises(ValueError, match=rf"\[N409\].*{name} = '{got}'"):
        make_nlp(**{name: got})


def test_vectors_of_another_encoder(trained: Language) -> None:
    with pytest.raises(ValueError, match=r"\[N418\].*width 16.*8"):
        trained.get_pipe("nuner").tag_scores(np.ones((3, 8), dtype="f"))


@pytest.mark.slow
def test_two_processes(trained: Language) -> None:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        docs = list(trained.pipe([TEXT] * 4, n_process=2, batch_size=2))
    finally:
        torch.set_num_threads(threads)
    assert [read_ents(doc) for doc in docs] == [ENTS] * 4
    assert all(len(doc.spans["nuner"].attrs["scores"]) == 3 for doc in docs)


def test_long_document(make_nlp: Callable[..., Language]) -> None:
    """Entities far beyond the window of the encoder (128 sub-tokens) are found."""
    nlp = make_nlp(pull=0.0)
    text = "Nothing happened there . " * 60 + TEXT
    start = len(text) - len(TEXT)
    ents = [(start + a, start + b, label) for a, b, label in TEXTS[0][1]]
    eg = Example.from_dict(nlp.make_doc(text), {"entities": ents})
    nlp.initialize(lambda: [eg])
    sgd = make_sgd()
    for _ in range(250):
        nlp.update([eg], sgd=sgd, exclude=["transformer"], annotates=["transformer"])
    doc = nlp(text)
    pieces = doc._.trf_data.wordpieces
    assert sum(pieces.lengths) > 512 and max(pieces.lengths) <= 128
    assert read_ents(doc) == ENTS


def test_every_token_has_a_vector_on_borders_of_windows(nlp: Language) -> None:
    """Each token stands in some window, with the vector of its first piece there."""
    text = "Nothing happened there . " * 40
    doc = nlp.get_pipe("transformer")(nlp.make_doc(text))
    (X,) = nlp.get_pipe("nuner").features([doc])
    assert len(X) == len(doc) and np.abs(X).sum(axis=1).min() > 0
    states = doc._.trf_data.model_output.last_hidden_state.reshape(-1, 16)
    align = doc._.trf_data.align
    first = align.dataXd[np.cumsum(align.lengths) - align.lengths]
    np.testing.assert_array_equal(X, states[first])
