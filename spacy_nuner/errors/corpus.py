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
    N243 = (
        "One of {n} worker processes has died; nothing is written. Killed for want of "
        "memory? Ask for fewer with --jobs."
    )
    N260 = (
        "'{path}' is SQLite, but no annotation journal of this version. Got: {got}. "
        "Expected: a file of 'spacy-nuner annotate', version {version}. A newer "
        "journal needs a newer spacy-nuner; 'spacy-nuner journal export' of that "
        "version writes JSONL, which every version reads."
    )
    N261 = (
        "Can't read the journal '{path}': {error}. If it is damaged, take a copy of it "
        "and save what can be read with sqlite3's '.recover', then start again."
    )
    N250 = (
        "{path}, line {line}: the gzipped file is damaged or was not fetched to its "
        "end ({problem}). Fetch it again."
    )
    N251 = (
        "Can't read texts from '{source}': {problem}. Allowed: files and folders of "
        "files ({suffixes}), and hub://allenai/c4/en?shards=0-3 or "
        "hub://owner/dataset/path/of/a.file?revision=<40 hex digits>."
    )
    N252 = (
        "Can't get '{file}' of '{repo}' from {endpoint} after {tries} tries: {error}. "
        "What has arrived is kept: start the command again and it goes on from there."
    )
    N253 = (
        "'{package}' is needed for {what}, but isn't installed. Install the extra: "
        "pip install 'spacy-nuner[text]'{instead}."
    )
    N254 = (
        "The pipeline '{pipeline}' can't split text into sentences: {problem}. Give "
        "'sentencizer', or a pipeline that sets sentence starts (parser, senter)."
    )
    N255 = "Unknown filter: {got}. Allowed: {allowed}."
    N256 = (
        "Nothing to protect in '{path}': expected are folders with test.spacy in them "
        "(of 'spacy-nuner convert'), .spacy files, or JSONL files with \"text\"."
    )
    N257 = "The output '{path}' is one of the sources. Choose another output."
    N258 = (
        "The counts do not add up: {n_sentences} sentences, but {n_found} accounted "
        "for ({counts}). This is a fault of the package: please report it."
    )
    N259 = "{path}: can't be read as Parquet with the column '{field}': {problem}."
    N262 = (
        "Nothing was left of {n_sentences:,} sentences in {n_documents:,} documents "
        "(dropped: {reasons}). Look at the texts, and at --without and --language."
    )
    N263 = "'{name}' must be {allowed}. Got: {got}."
    N270 = (
        "Can't make a smaller corpus: {problem} was asked for. Allowed: --sentences "
        "and --top-concepts from 0 on, or --share from 0 to 1 in place of the latter; "
        "0 means all."
    )
    N271 = (
        "'{path}' has {n_train} train and {n_dev} dev sentences, too few for {got} in "
        "the same proportion with one of each at least. Ask for fewer, or 0 for all."
    )
