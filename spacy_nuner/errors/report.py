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
    N610 = (
        "There is no annotation to check. Give the folder of a concept corpus that "
        "'spacy-nuner corpus' wrote."
    )
    N611 = (
        "'{path}' is not a file of verdicts: {problem}. Expected: the JSON file that "
        "the page of 'spacy-nuner check-sheet' saves with the key s."
    )
    N620 = "The paper has no Table {got}. Allowed: {allowed}."
    N621 = (
        "No finished cell in '{path}': there is no figure of ours to put into a table. "
        "Give the folder of the metrics with --metrics, or run 'spacy-nuner evaluate'."
    )
