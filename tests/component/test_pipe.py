from collections.abc import Callable

import numpy as np
import pytest
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Ragged

from .conftest import TEXTS, make_examples, make_sgd, read_ents, train

TEXT = TEXTS[0][0]
ENTS = [("Maria", "PER"), ("Bob", "PER"), ("Paris", "CITY")]
FROZEN = {"exclude": ["transformer"], "annotates": ["transformer"]}


def get_weights(nlp: Language) -> np.ndarray:
    return nlp.get_pipe("nuner").head.get_ref("output").get_param("W").copy()


def encode(nlp: Language, docs: list[Doc]) -> Ragged:
    docs = [nlp.get_pipe("transformer")(doc) for doc in docs]
    vectors = nlp.get_pipe("nuner").features(docs)
    return Ragged(np.concatenate(vectors), np.array([len(doc) for doc in docs]))


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


def test_fit_to_the_training_set_is_a_score(nlp: Language) -> None:
    """exp(-mean loss) of the updates since the last score, in hundredths."""
    losses = [train(nlp, 1)["nuner"] for _ in range(3)]
    pipe, examples = nlp.get_pipe("nuner"), make_examples(nlp)
    expected = np.exp(-np.mean(losses))
    assert pipe.score(examples)["nuner_fit"] == round(float(expected), 2)
    assert "nuner_fit" not in pipe.score(examples)


@pytest.mark.parametrize("tagging,n_tags", [("io", 3), ("bio", 5)])
@pytest.mark.parametrize("hidden_width", [None, 8])
@pytest.mark.parametrize("window", [0, 1])
def test_taggings_and_heads(
    make_nlp: Callable[..., Language],
    tagging: str,
    n_tags: int,
    hidden_width: int | None,
    window: int,
) -> None:
    model = {"hidden_width": hidden_width, "window": window}
    nlp = make_nlp(tagging=tagging, pull=0.0, model=model)
    np.random.seed(0)
    nlp.initialize(lambda: make_examples(nlp))
    pipe = nlp.get_pipe("nuner")
    assert len(pipe.tags) == n_tags and pipe.labels == ("CITY", "PER")
    train(nlp, 150)
    assert read_ents(nlp(TEXT)) == ENTS


@pytest.mark.parametrize("hidden_width", [None, 8])
def test_train_head_equals_update(
    make_nlp: Callable[..., Language], hidden_width: int | None
) -> None:
    """Arrays with the vectors computed once, and spaCy's loop: the same weights."""
    nlp = make_nlp(pull=0.05, model={"hidden_width": hidden_width})
    nlp.initialize(lambda: make_examples(nlp))
    pipe = nlp.get_pipe("nuner")
    assert pipe.class_weights is not None
    examples = make_examples(nlp)
    X = encode(nlp, [eg.predicted for eg in examples])
    Y = np.concatenate([pipe.gold_tags(eg) for eg in examples])
    pipe.begin(X, Y, list(pipe.labels))
    losses = [train_once(nlp, sgd) for sgd in [make_sgd()] for _ in range(20)]
    theirs = get_weights(nlp)
    pipe.begin(X, Y, list(pipe.labels))
    ours = pipe.train_head(X, Y, sgd=make_sgd(), n_steps=20)
    np.testing.assert_allclose(get_weights(nlp), theirs, atol=1e-5)
    np.testing.assert_allclose(ours, losses, rtol=1e-4)
    assert ours[-1] < ours[0]
    if hidden_width is None:
        assert ours[0] == pytest.approx(np.log(5))


def train_once(nlp: Language, sgd: object) -> float:
    return nlp.update(make_examples(nlp), sgd=sgd, **FROZEN)["nuner"]


def test_initialize_measures_what_begin_measures(nlp: Language) -> None:
    pipe = nlp.get_pipe("nuner")
    X = encode(nlp, [nlp.make_doc(text) for text, _ in TEXTS])
    first = pipe.head.get_ref("input")
    before = {name: first.get_param(name).copy() for name in ("mean", "whiten")}
    pipe.begin(X, np.zeros(len(X.dataXd), dtype="int64"), ["A"])
    assert pipe.tags == ["O", "B-A", "I-A"]
    for name, array in before.items():
        np.testing.assert_allclose(first.get_param(name), array, rtol=1e-4)


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
    assert nlp.update(mixed, sgd=make_sgd(), **FROZEN)["nuner"] > 0


@pytest.mark.parametrize("tagging", ["io", "bio"])
def test_double_space_within_a_name(
    make_nlp: Callable[..., Language], tagging: str
) -> None:
    """White space has no vector, and no tag to learn: a name goes on behind it."""
    text = "He met Maria  Rossi in Oslo ."
    nlp = make_nlp(pull=0.0, tagging=tagging)
    ents = [(7, 19, "PER"), (23, 27, "CITY")]
    eg = Example.from_dict(nlp.make_doc(text), {"entities": ents})
    nlp.initialize(lambda: [eg])
    sgd = make_sgd()
    for _ in range(60):
        nlp.update([eg], sgd=sgd, **FROZEN)
    assert read_ents(nlp(text)) == [("Maria  Rossi", "PER"), ("Oslo", "CITY")]


def test_missing_annotation_teaches_nothing(nlp: Language) -> None:
    """Tokens without annotation have no part in the loss and its gradient."""
    pipe = nlp.get_pipe("nuner")
    bare = Example(nlp.make_doc(TEXT), nlp.make_doc(TEXT))
    assert set(pipe.gold_tags(bare)) == {-1}
    before = get_weights(nlp)
    loss = nlp.update([bare], sgd=make_sgd(), **FROZEN)
    assert loss["nuner"] == 0.0
    np.testing.assert_array_equal(before, get_weights(nlp))


def test_frozen_transformer_stays_and_trained_one_moves(
    make_nlp: Callable[..., Language],
) -> None:
    for frozen in (True, False):
        nlp = make_nlp(model={"hidden_width": 8})
        nlp.initialize(lambda nlp=nlp: make_examples(nlp))
        encoder = nlp.get_pipe("transformer").model.shims[0].encoder.model
        before = encoder.encoder.layer[0].output.dense.weight.detach().clone()
        train(nlp, 4, frozen=frozen)
        after = encoder.encoder.layer[0].output.dense.weight
        assert bool((before == after).all()) is frozen


def test_dropout_is_that_of_the_update(make_nlp: Callable[..., Language]) -> None:
    """`drop` of an update reaches the head, and is gone in the next one."""
    nlp = make_nlp(model={"hidden_width": 8})
    nlp.initialize(lambda: make_examples(nlp))
    train(nlp, 3)  # all logits are zero at first
    pipe, examples = nlp.get_pipe("nuner"), make_examples(nlp)
    for eg in examples:
        nlp.get_pipe("transformer")(eg.predicted)
    losses = [pipe.update(examples, drop=drop)["nuner"] for drop in (0.0, 0.9, 0.0)]
    assert losses[0] == pytest.approx(losses[2]) != pytest.approx(losses[1])


def test_not_initialized(make_nlp: Callable[..., Language]) -> None:
    nlp = make_nlp()
    nlp.get_pipe("transformer").initialize(lambda: [], nlp=nlp)
    with pytest.raises(ValueError, match="N401"):
        nlp(TEXT)
    with pytest.raises(ValueError, match="N401"):
        nlp.update(make_examples(nlp), sgd=make_sgd())


@pytest.mark.parametrize(
    "name,got",
    [
        ("tagging", "bilou"),
        ("on_existing", "merge"),
        ("none_threshold", "best"),
    ],
)
def test_unknown_settings(
    make_nlp: Callable[..., Language], name: str, got: str
) -> None:
    with pytest.raises(ValueError, match=rf"\[N409\].*{name} = '{got}'"):
        make_nlp(**{name: got})


def test_vectors_of_another_encoder(trained: Language) -> None:
    X, lengths = np.ones((3, 8), dtype="f"), np.array([3])
    with pytest.raises(ValueError, match=r"\[N418\].*width 16.*8"):
        trained.get_pipe("nuner").tag_scores(X, lengths)


def test_no_tokens(trained: Language) -> None:
    pipe = trained.get_pipe("nuner")
    scores = pipe.tag_scores(np.zeros((0, 16), dtype="f"), np.zeros(0, "int64"))
    assert scores.shape == (0, 5) and pipe.predict([]) == []


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
