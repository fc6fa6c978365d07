"""Errors of corpus and NER data, N2xx."""


class CorpusErrors:
    """Messages by code; see `Errors`."""

    N201 = (
        "No '.spacy' shard in '{path}'. A concept corpus has them in 'train' and "
        "'dev': give one of these folders, or make it with 'spacy-nuner corpus'."
    )
    N202 = (
        "{path}, line {line}: not a record of an annotation journal, {missing} "
        "missing. Got: {got}. The corpus is made from the journal that 'spacy-nuner "
        "annotate' writes for the concept prompt; replies to another prompt are no "
        "use here."
    )
    N203 = "No file with texts in '{path}'. Allowed: {suffixes}."
    N204 = (
        "The counts of the corpus do not add up: {n_lines} lines of replies, but "
        "{n_placed} placed and {n_dropped} dropped. This is a fault of the package: "
        "please report it with the replies."
    )
    N205 = (
        "The reply to '{id}' has {n_lines} lines, but these are accounted for: placed "
        "{placed}, dropped {dropped}. Each line has to be one or the other, once."
    )
    N206 = (
        "No mention could be placed: {n_replies} replies with {n_lines} lines gave "
        "nothing ({reasons}). Expected are lines 'entity <> concept <> description'. "
        "Look at the replies: another prompt or model, or an error page of a server?"
    )
    N207 = (
        "{lost:.1%} of the lines are lost, allowed are {max_lost:.1%} ({reasons}). "
        "Look at the replies; if it must be so, raise --max-lost."
    )
    N208 = (
        "'{path}' is there, but is not a folder made by this step. It would be "
        "replaced as a whole: choose another output, or remove it yourself."
    )
    N209 = "Unknown format '{got}' of NER data. Allowed: {allowed}."
    N210 = (
        "{path}: not a label file. Got: {got!r}. Expected for each label: "
        'LABEL: {{name: "plain words", definition: "what it covers"}}, and if you like '
        'phrases: ["other words", ...] beside them.'
    )
    N211 = (
        "Unknown data set: {got}. Allowed: {allowed}, or --all; for data of your own "
        "give one name with --pool, --test, --format and --label-file."
    )
    N212 = (
        "None of the data sets is there: no file was found in '{assets}'. Check "
        "--assets; 'scripts/import_datasets.py' brings the public ones."
    )
    N213 = (
        "Data of your own need exactly one name and all of --pool, --test, --format "
        "and --label-file, without --all. Got: {given} and the names {names}."
    )
    N214 = "{path}, {place}: {problem}. Got: {got}. Expected: {expected}."
    N215 = (
        "Can't tell the format of '{path}': {problem}. It may be JSON lines (of this "
        "project, spaCy, Prodigy, doccano), a JSON export of Label Studio, columns "
        "(CoNLL) or a DocBin (.spacy). If it's one of these, name it with --format: "
        "{formats}."
    )
    N216 = (
        "There is no annotated entity in {paths} ({n} sentences). Check the files with "
        "'spacy-nuner debug'."
    )
    N217 = "Can't read '{path}' as UTF-8: {problem}. Save the file as UTF-8."
    N240 = (
        "Unknown format '{got}' of annotations. Allowed: journal (of 'spacy-nuner "
        "annotate'), {allowed}."
    )
    N241 = (
        "{path}, line {line}: a row of NuNER's data has the columns input and output. "
        "Got: {got}. Is it of another --format?"
    )
    N242 = (
        "'{path}' is Parquet, which isn't read here. Write it as CSV or JSON lines: "
        "pandas.read_parquet(path).to_csv('annotations.csv', index=False)."
    )
