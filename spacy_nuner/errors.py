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
    N101 = (
        "The template of the task 'spacy-nuner.Concepts.v1' does not use the text. "
        "Write {{{{ text }}}} where the sentence belongs. Template: {template!r}"
    )
    N102 = (
        "No reply was recorded for a prompt: '{path}' has {n_records} replies, to "
        "other texts or prompts. Record a reply for this text, or ask an LLM (another"
        " [model] in the config). The prompt begins {beginning!r} and ends {end!r}."
    )
    N103 = (
        "'{path}' was recorded with another prompt: it has a reply for this text, but "
        "not for this prompt. Use the template, labels and examples of the recording, "
        "or record replies to this prompt. It begins {beginning!r} and ends {end!r}."
    )
    N104 = (
        "'{path}' holds no reply. Expected: one JSON object per line with the strings "
        "text and response. Record replies, or give the path of another file."
    )
    N105 = (
        "'{path}' needs exactly one component with factory \"llm\" in its pipeline. "
        "Found components: {found}. See configs/sample/annotate.cfg for an example."
    )
    N106 = (
        "Gave up after {n} failed texts. Replies that came are in the journal: start "
        "the command again when the cause is removed. The last error: {error}"
    )
    N107 = (
        "The task {task} splits texts into several prompts; the journal keeps one "
        "reply per text. Use a task that does not split, as 'spacy-nuner.Concepts.v1'."
    )
    N201 = (
        "No '.spacy' shard in '{path}'. A concept corpus has them in 'train' and "
        "'dev': give one of these folders, or make it with 'spacy-nuner corpus'."
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
    N301 = (
        "Can't calculate the in-batch cross-entropy: mismatched shapes: {guesses} vs "
        "{truths}. Both are (n_tokens, n_concepts)."
    )
    N302 = (
        "Can't load a base encoder from '{path}': {error} Give an encoder folder "
        "(config.json, model.safetensors and tokenizer files) or a name on the hub."
    )
    N303 = (
        "The encoder '{path}' has no fast tokenizer: {problem}. Put the tokenizer "
        "files of the model (tokenizer.json, tokenizer_config.json) into the folder."
    )
    N304 = (
        "Can't find the layers of {name} (looked for 'embeddings' and {known}). Use an "
        "encoder of the families BERT, RoBERTa, XLM-R, DeBERTa, ModernBERT, DistilBERT."
    )
    N305 = (
        "Can't freeze {got} layers: the encoder has {n_layers}. Set n_frozen_layers "
        "and n_frozen_concept_layers from 0 to {n_layers}."
    )
    N306 = (
        "No sentence of {source} has a mention in doc.spans['concepts'] ({n} were "
        "read). Make the corpus again and look at its stats.json and drops.jsonl."
    )
    N307 = (
        "The loss is {loss} in step {step} (learning rate {rate}). Nothing was written "
        "after the last checkpoint. Lower initial_rate or start with more warm-up, and "
        "use --restart, since the same steps would lead there again."
    )
    N308 = (
        "Can't write the checkpoint in '{path}': {error}. The previous one, if there "
        "is one, is whole. Free space and start the same command again: it goes on "
        "there."
    )
    N309 = (
        "Can't read the checkpoint '{path}': {error}. Expected is one of this package. "
        "Start anew with --restart."
    )
    N310 = (
        "The checkpoint in '{path}' belongs to another run. {differences}. Use the "
        "same settings and corpus to go on, another --output, or --restart to delete "
        "it."
    )
    N311 = (
        "The base encoder '{base}' is not the one of the run: digest {got}, expected "
        "{expected}. Name the right one with --base."
    )
    N312 = (
        "Can't write the encoder folder '{path}': {problem}. Choose another folder, or "
        "replace an older export with --overwrite."
    )
    N313 = (
        "The exported encoder gives other outputs than the checkpoint: they differ by "
        "{difference}, allowed is {tolerance}. Nothing was kept. Please report this "
        "with your versions of torch and transformers."
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
    N401 = (
        "The pipe '{name}' has no labels and no weights yet. Train it ('spacy train') "
        "or call 'nlp.initialize' with examples first."
    )
    N402 = (
        "The gold label '{label}' is not among the labels of the pipe: {known}. Add it "
        "to the labels file (made again by 'spacy init labels') or correct the data. "
        "It's in: {text!r}"
    )
    N403 = (
        "The pipe '{name}' needs labels. Got neither labels in the config "
        "([initialize.components.{name}.labels]) nor entities in the first {count} "
        "examples."
    )
    N404 = (
        "A hidden layer that starts from concept vectors needs two units per label: "
        "{needed} or more. Got hidden_width = {got}. Raise it or set start = "
        '"random".'
    )
    N405 = (
        "The head starts from the token vectors of the training set, an array "
        "(n_tokens, width). Got the shape {shape}: is the corpus empty?"
    )
    N406 = (
        "Expected label vectors for {n_tags} tags of at most the width {width} of the "
        "token vectors. Got the shape {got}: use the concept encoder that was trained "
        "with this encoder, and one vector per label."
    )
    N407 = (
        "The label '{label}' has no name in {source}. Got {got!r}. Expected for each "
        "label of the pipe: a text, a list of texts, or a record with a text under "
        "'name' (and, if you like, 'definition' and a list under 'phrases')."
    )
    N408 = (
        "'{path}' {problem}. It stands in every folder made by 'spacy-nuner export' "
        "and must hold temperature, bias and pooling ('mean' or 'cls')."
    )
    N409 = "Unknown setting {name} = {got!r}. Allowed: {allowed}."
    N410 = (
        'start = "concept", and labels without any example, need the concept encoder. '
        "Set 'encoder' in [initialize.components.{name}] to the folder made by "
        "'spacy-nuner export', or start = \"random\"."
    )
    N411 = (
        'The document has entities already ({ents}), and on_existing is "raise". Set '
        'it to "keep" or "overwrite", or run \'{name}\' before other components '
        "that set entities."
    )
    N412 = (
        "The model of '{name}' listens to a 'transformer', but there's none before it "
        "in the pipeline. Got: {pipes}. Add one before '{name}'."
    )
    N413 = (
        "'{name}' got a document without the output of its transformer. Is the "
        "transformer disabled? When it's frozen in training, it must also be in "
        "[training] annotating_components."
    )
    N414 = (
        "The transformer does not give one vector per token. With "
        "'spacy-nuner.TransformerListener.v1' it needs the model "
        "'spacy-nuner.TransformerModel.v1'; with a model of spacy-transformers use "
        "'spacy-transformers.TransformerListener.v1' and a pooling layer."
    )
    N415 = (
        "The encoder has the hidden states 0 to {last} (0: embeddings, {last} or -1: "
        "last layer). Got {layer} among the layers to join."
    )
    N417 = "A label is a text that isn't empty. Got {label!r}."
    N418 = (
        "The head was built with width {width} per token, but the encoder now gives "
        "{got}. Load the pipe with the encoder that it was trained with."
    )
    N419 = "{path}: {where} is wrong. Got: {got!r}. Expected: {expected}."
    N420 = (
        "{path}: the section [teach] is missing, or has unknown or missing settings: "
        "{wrong}. Expected: {allowed}."
    )
    N421 = (
        "No mention of the label(s) {labels} in {path}. Take them out of the file of "
        "labels, or give them concepts that occur (see stats.json of the corpus)."
    )
    N422 = (
        "The encoder '{name}' has not been read yet. Call 'nlp.initialize()', or load "
        "a pipeline that was saved with its encoder."
    )
    N423 = (
        "The saved encoder is damaged or another one than the config says: {problem}. "
        "Load the pipeline with its own config, or build it again."
    )
    N424 = (
        "A window of {window} sub-tokens with a stride of {stride} leaves gaps or "
        "nothing. Expected: 0 < stride <= window."
    )
    N425 = (
        "The runtimes 'onnx' and 'onnx-int8' need more packages. Install them with "
        "pip install 'spacy-nuner[onnx]', or set runtime = \"torch\"."
    )
    N426 = (
        "The ONNX graph gives other vectors than the encoder: they differ by {got}, "
        'allowed is {allowed}. Set runtime = "torch" and report this with your '
        "versions of torch and onnxruntime."
    )
    N427 = (
        "The whitening matrix has the shape {got}, the token vectors have the width "
        "{width}. It belongs to another encoder or to other layers: use that of this "
        "encoder ('spacy-nuner calibrate'), or set whitening = null."
    )
    N428 = "Can't read '{path}': {problem}. Make it again with 'spacy-nuner calibrate'."
    N429 = (
        "'{path}' has mentions of {n} concepts; two or more are needed to calibrate an "
        "encoder. Use a larger concept corpus, or leave the step out."
    )
    N430 = (
        "The pipe '{name}' has no concept encoder, so it can't find labels that it was "
        "not trained on. Give it one: encoder in [components.{name}], the folder "
        "made by 'spacy-nuner export', before 'nlp.initialize()'. 'freeze_labels' has "
        "dropped it, perhaps."
    )
    N431 = (
        "Can't load '{source}': {problem}. Load the pipeline with its own config; if "
        "files were changed or cut, get them again."
    )
    N432 = (
        "'{path}' is missing. The pipeline's folder is incomplete: get it again, or "
        "save it again with 'nlp.to_disk'."
    )
    N433 = (
        "The data have the label(s) {unknown}, which --labels does not name. Got: "
        "{given}. Add them, or take their entities out of the data: what is not "
        "among the labels would be learned as no entity."
    )
    N434 = (
        "Can't read --labels '{got}': {problem}. Expected: a YAML file (LABEL: plain "
        'words) or a list such as "PER=person,LOC=place" or "PER,LOC".'
    )
    N435 = (
        "'{path}' is there already. Replace it with --overwrite, or choose another "
        "folder with --output."
    )
    N436 = (
        "The pipeline of '{path}' has no component '{name}'. Take a config like "
        "configs/sample/fewshot_frozen.cfg. Got: {pipes}."
    )
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


class Warnings(metaclass=Coded):
    W001 = "{count} of {total} {what} were left out: {reason}."
    W101 = "No reply for the text '{id}': {error}"
    W201 = (
        "No sentence fell to '{part}' ({n} sentences in all). The split is by a hash "
        "of the text: use more sentences or another --dev-share."
    )
    W401 = (
        "The vectors of {n} docs fill the {size:.0f} MiB that training may keep; those "
        "of further docs are computed in each epoch. Raise "
        "keep_vectors_mb in [initialize.components.nuner]."
    )
    W402 = (
        "The pipeline was saved with {differences}. Its results may differ from those "
        "that it had then. Check some texts; if they differ, install the versions that "
        "it was saved with, or train it again with the installed ones."
    )
    W403 = (
        "None of the {n} concepts in '{path}' has {least} mentions or more: there's "
        "one threshold for all labels, and it rests on little. Use a larger concept "
        "corpus for thresholds that can be relied on."
    )
    W404 = (
        "Tokens of a concept are not nearer to it than others (a fitted scale of "
        "{scale:.2g}): the encoder has not learned from the concept corpus, and its "
        "zero-shot results are worth nothing. The scale 1 is kept."
    )
    W405 = (
        "There is no concept encoder in '{path}', so that the head can't start from "
        "what the labels are called. A folder made by 'spacy-nuner export' has one."
    )
    W301 = (
        "Cut in {source}: {texts} sentences at max_length ({subtokens} sub-tokens and "
        "{mentions} mentions lost), {concepts} concepts at max_concept_length."
    )
