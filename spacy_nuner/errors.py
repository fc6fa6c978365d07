"""Coded messages. Each says what was got, what is allowed and what to do next.

Usage: `raise ValueError(Errors.N001.format(...))`. Codes are stable: a code is never
given to another message. Blocks: N0xx general, N1xx annotate, N2xx corpus, N3xx
pretrain, N4xx component, N5xx evaluate, N6xx report.
"""


class Coded(type):
    """Metaclass that prefixes each message with its own code."""

    def __getattribute__(cls, code: str) -> str:
        message = super().__getattribute__(code)
        return message if code.startswith("__") else f"[{code}] {message}"


class Errors(metaclass=Coded):
    N001 = (
        "Can't find {what} '{path}'. Check the path; files of the project are made by "
        "the earlier steps of 'spacy project run all'."
    )
    N002 = (
        "'{path}' has the SHA-256 {got}, but {expected} is expected. The file is "
        "damaged or another version: delete it and fetch it again."
    )
    N004 = (
        "Can't get the base encoder '{name}': {error}. Nothing of it was kept. Check "
        "the network (model hub or package index) and start the command again."
    )
    N003 = "{path}, line {line}: {problem}. Got: {got!r}. Expected: {expected}."
    N201 = (
        "No '.spacy' shard in '{path}'. A concept corpus has them in 'train' and "
        "'dev': give one of these folders, or make the corpus with 'spacy-nuner corpus'."
    )
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
    N202 = (
        "{path}, line {line}: not a record of an annotation journal, {missing} missing. "
        "Got: {got}. The corpus is made from the journal that 'spacy-nuner annotate' "
        "writes for the concept prompt; replies to another prompt are no use here."
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
        "{lost:.1%} of the lines are lost, allowed are {max_lost:.1%} ({reasons}). Look "
        "at the replies; if it must be so, raise --max-lost."
    )
    N208 = (
        "'{path}' is there, but is not a folder made by this step. It would be replaced "
        "as a whole: choose another output, or remove it yourself."
    )
    N209 = "Unknown format '{got}' of NER data. Allowed: {allowed}."
    N210 = (
        "{path}: not a label file. Got: {got!r}. Expected for each label: "
        'LABEL: {{name: "plain words", definition: "what it covers"}}.'
    )
    N301 = (
        "Can't calculate the in-batch cross-entropy: mismatched shapes: {guesses} vs "
        "{truths}. Both are (n_tokens, n_concepts)."
    )
    N302 = (
        "Can't load a base encoder from '{path}': {error} Give an encoder folder "
        "(config.json, model.safetensors and tokenizer files) or a name on the hub."
    )
    N303 = (
        "The encoder '{path}' has no fast tokenizer: {problem}. Put the tokenizer files "
        "of the model (tokenizer.json, tokenizer_config.json) into the folder."
    )
    N304 = (
        "{name} is not built like BERT or RoBERTa (encoder.layer, embeddings): can't "
        "find the layers to freeze. Use an encoder of these families."
    )
    N305 = (
        "Can't freeze {got} layers: the encoder has {n_layers}. Set n_frozen_layers and "
        "n_frozen_concept_layers from 0 to {n_layers}."
    )
    N306 = (
        "No sentence of {source} has a mention in doc.spans['concepts'] ({n} were "
        "read). Make the corpus again and look at its stats.json and drops.jsonl."
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
        "Data of your own need exactly one name and all of --pool, --test, --format and "
        "--label-file, without --all. Got: {given} and the names {names}."
    )


class Warnings(metaclass=Coded):
    W001 = "{count} of {total} {what} were left out: {reason}."
    W201 = (
        "No sentence fell to '{part}' ({n} sentences in all). The split is by a hash of "
        "the text: use more sentences or another --dev-share."
    )
    W301 = (
        "Cut in {source}: {texts} sentences at max_length ({subtokens} sub-tokens and "
        "{mentions} mentions lost), {concepts} concepts at max_concept_length."
    )
