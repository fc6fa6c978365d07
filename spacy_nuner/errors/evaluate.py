"""Errors of the evaluation, N5xx."""


class EvaluateErrors:
    """Messages by code; see `Errors`."""

    N501 = (
        "A k~2k set must have {k} to {upper} mentions of each type. Out of bounds: "
        "{counts}. Draw it with 'sample' from the same pool and k."
    )
    N502 = (
        "A training set holds sentences more than once: rows {rows} of the pool. Each "
        "sentence may be drawn once."
    )
    N503 = (
        "The gold has {gold} tokens and the prediction {got}. Score predictions on the "
        "gold's own tokens."
    )
    N504 = (
        "The test set has no entity of any of the labels {labels}: nothing can be "
        "scored. Check the labels in meta.json and the entities in test.spacy."
    )
    N505 = (
        "{source}: the entity label '{got}' is not among the labels {labels}. Text: "
        "'{text}'. Add it to \"labels\" of meta.json or make the data set again with "
        "'spacy-nuner convert'."
    )
    N506 = (
        "The optimizer of the config averages parameters, which the cells of the grid "
        "don't. Set training.optimizer.use_averages = false."
    )
    N507 = (
        "The grid needs a fixed number of steps. Got max_steps = {max_steps}, "
        "max_epochs = {max_epochs}, patience = {patience}. Set training.max_steps to "
        "300 or so and the other two to 0."
    )
    N509 = (
        "Unknown system {got}. Allowed: {allowed}. Give one of them with --system, or "
        "leave the option out for all."
    )
    N510 = (
        "No data set in '{path}'{wanted}. Found: {found}. Make them with 'spacy-nuner "
        "convert' or check --dataset."
    )
    N511 = (
        "Which base encoder '{path}' was trained from can't be told: {problem}. Give "
        "its folder with --base."
    )
    N512 = (
        "Can't read the values of k: '{got}'. Give whole numbers from 1 on with commas "
        "between, like 1,2,4,8."
    )
