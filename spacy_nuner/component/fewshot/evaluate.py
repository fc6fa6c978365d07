"""How good a few-shot pipeline is, and which sentences it is least sure of."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Config

from .crossval import cross_validate, deal_folds
from .labels import Names
from .predict import Prediction, predict
from .report import list_unsure, make_report
from .unsure import rank


class Data(NamedTuple):
    """Sentences and where they come from."""

    docs: list[Doc]  # with gold entities, or without for texts to annotate next
    places: list[str]
    name: str  # of the files


class Evaluation(NamedTuple):
    """What is known of a pipeline."""

    report: dict[str, Any]  # see `report.make_report`; and where it comes from
    least_sure: list[Prediction]  # in the order of the report's "unsure"


def evaluate(
    config: Config,
    nlp: Language,
    names: Names,
    train: Data,
    *,
    test: Data | None = None,
    unlabelled: Data | None = None,
    n_folds: int,
) -> Evaluation:
    """Evaluate on test data, or else by cross-validation; rank by sureness.

    The least sure sentences are those of the unlabelled texts, to be annotated next, or
    else of the training data, each predicted by what has not seen it. Test data are
    never ranked: who looks at them tunes on them.

    config (Config): From `train.read_config`.
    nlp (Language): The pipeline, trained on the training data.
    names (Names): The labels and their phrases.
    train (Data): The training data.
    test (Data | None): Test data.
    unlabelled (Data | None): Texts without annotation.
    n_folds (int): Parts of the cross-validation; below 2 there is none.
    RETURNS (Evaluation): The report.
    """
    labels = list(names)
    report: dict[str, Any] = {}
    held_out: list[Prediction] = []
    if n_folds > 1 and (test is None or unlabelled is None):
        seed = config.interpolate()["training"]["seed"]
        folds = deal_folds(train.docs, n_folds, seed or 0)
        n_folds = int(folds.max()) + 1
        if n_folds > 1:
            held_out = cross_validate(config, nlp, train.docs, names, folds)
    scored, part = held_out, train
    how = f"{n_folds}-fold cross-validation on the data"
    if test is not None:
        scored, part = _predict(nlp, test, "test"), test
        how = f"Tested on {test.name}"
    if scored:
        report["evaluated_on"] = how
        pairs = zip(scored, part.docs, strict=True)
        examples = [Example(prediction.doc, gold) for prediction, gold in pairs]
        report |= make_report(scored, examples, part.places, labels)
    ranked, part = held_out, train
    report["unsure_from"] = "Sentences of the data, predicted by cross-validation"
    if unlabelled is not None:
        ranked, part = _predict(nlp, unlabelled, "unlabelled"), unlabelled
        report["unsure_from"] = f"Texts of {unlabelled.name}, to be annotated next"
    report["unsure"] = list_unsure(ranked, part.places, labels)
    return Evaluation(report, [ranked[u.sentence] for u in rank(ranked, labels)])


def _predict(nlp: Language, data: Data, desc: str) -> list[Prediction]:
    bare: Sequence[Doc] = [nlp.make_doc(doc.text) for doc in data.docs]
    return predict(nlp, bare, desc=desc)
