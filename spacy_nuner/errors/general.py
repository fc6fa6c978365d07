"""Errors of all rooms, N0xx."""


class GeneralErrors:
    """Messages by code; see `Errors`."""

    N001 = (
        "Can't find {what} '{path}'. Check the path; files of the project are made by "
        "the earlier steps of 'spacy project run all'."
    )
    N002 = (
        "'{path}' has the SHA-256 {got}, but {expected} is expected. The file is "
        "damaged or another version: delete it and fetch it again."
    )
    N003 = "{path}, line {line}: {problem}. Got: {got!r}. Expected: {expected}."
    N004 = (
        "Can't get the base encoder '{name}': {error}. Nothing of it was kept. Check "
        "the network (model hub or package index) and start the command again."
    )
    N008 = (
        "Can't keep {got} layers of '{path}'. Allowed: 1 to {most}, fewer than it has."
    )
    N009 = "'{path}' is there already. Choose another output, or remove it yourself."
