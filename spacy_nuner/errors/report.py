"""Errors of the report, N6xx."""


class ReportErrors:
    """Messages by code; see `Errors`."""

    N601 = (
        "'{path}' is not a cell of the evaluation: {missing} missing. Delete it and "
        "run 'spacy-nuner evaluate' again."
    )
    N602 = (
        "Can't read '{path}': {problem}. The file is damaged: delete it and run the "
        "step that makes it again."
    )
    N603 = (
        "'{path}' does not have the marks of the results, once each: '{start}' and, "
        "further down, '{end}'. Put them where the tables shall stand."
    )
