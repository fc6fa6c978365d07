"""Errors of the experiments, N7xx."""


class ExperimentErrors:
    """Messages by code; see `Errors`."""

    N701 = (
        "{path}, {place}: {problem}. Allowed: {allowed}. Look at "
        "configs/sample/experiments.cfg."
    )
    N702 = (
        "'{path}' is in use: another 'spacy-nuner experiments' runs there. Wait for it "
        "or stop it; what it has done is kept."
    )
    N703 = "No such ablation: {got}. Allowed: {allowed}."
    N704 = (
        "Step '{step}' of {variant} failed with exit code {code}. All it said is in "
        "'{log}'. Its end:\n{tail}"
    )
    N705 = (
        "{place}: '{key} = {value}' can't be set in '{path}': {problem}. Correct it in "
        "the file of the experiments; nothing was run."
    )
    N706 = (
        "{place}: this variant would fail: {problem}. Correct it in the file of the "
        "experiments; nothing was run."
    )
