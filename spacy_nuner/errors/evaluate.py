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
    N513 = (
        "Can't read the predictions '{path}': {problem}. The file is damaged: delete "
        "it and run 'spacy-nuner evaluate' again, which makes the cell anew."
    )
    N514 = (
        "A comparison needs two systems or more. Got: {got}. Name them after the "
        "folder of the experiment: spacy-nuner compare metrics/fewshot base nuner."
    )
    N515 = (
        "'{path}' has no cell with predictions (cells: {n}). Systems that are there: "
        "{found}. Cells of earlier versions kept none: run 'spacy-nuner evaluate' "
        "again, it makes them anew."
    )
    N516 = (
        "The predictions '{path}' can't be used: {problem}. Run 'spacy-nuner evaluate' "
        "again with the data sets that are there now."
    )
    N517 = (
        "'{one}' and '{other}' were trained on different sentences: a paired "
        "comparison needs the same training sets. Run 'spacy-nuner evaluate' for both "
        "systems with the same data and sets."
    )
    N518 = (
        "Gold and prediction don't go together: {problem}. Both must have the same "
        "texts in the same order, one record each, also where nothing was found."
    )
    N519 = (
        "{path}, line {number}: {problem}. Got: {got}. Expected: a JSON object with "
        '"text" and "spans", a list of entities with "start", "end" (characters of the '
        'text) and "label", none of which overlaps another. Correct the line.'
    )
    N520 = "Can't read '{path}' as {what}. Allowed: {allowed}."
    N521 = (
        "No episode with {n_way} types, {k} to {upper} mentions of each to learn from "
        "and {q} to {q_upper} to be asked: {problem}. Take fewer types or mentions, or "
        "a larger pool."
    )
    N522 = (
        "The training set '{path}' can't be used: {problem}. Draw it again with "
        "'spacy-nuner sample'."
    )
    N523 = "Unknown sampler {got}. Allowed: {allowed}."
    N524 = (
        "The values of k of nested sets must rise. Got: {got}. Give each once, the "
        "smallest first."
    )
    N525 = "Unknown metric {got}. Allowed: {allowed}."
    N526 = (
        "No such row where the encoder is trained, too: {got}. Allowed: {allowed}. "
        "Name them with --system, or give a config with a frozen encoder."
    )
    N530 = (
        "Can't read '{path}' as a DocBin: {problem}. Expected: a file that spaCy's "
        "'DocBin.to_disk' wrote. Write it anew, or give the documents as .jsonl."
    )
    N531 = (
        "The gold '{path}' has no entity in its {n} texts: nothing can be scored. "
        "Expected: {where}. Give the file with the annotation; did you give the "
        "prediction first?"
    )
    N532 = (
        "No tokenizer for --lang '{got}': {problem}. Allowed: {allowed}. Give the "
        "language of the texts, or xx for any other."
    )
    N533 = (
        "No set was written and none was there: no pool has enough for k = {k} by the "
        "sampler '{sampler}'. The warnings say what is missing. Allowed are values "
        "that each type of the pool can reach: take a smaller --k{ways}, or a larger "
        "pool with 'spacy-nuner convert'."
    )
    N534 = (
        "Can't write '{path}': {problem}. Expected: the name of a file in a folder "
        "that is there or can be made, such as figures.json."
    )
    N535 = (
        "Can't read '{path}': {problem}. Expected: a JSON object with \"labels\", a "
        "list of the entity labels. Make the data set again with 'spacy-nuner convert'."
    )
    N570 = (
        "'{path}' can't be used for episodes of unseen types: its pool has {n_pool} "
        "types, its test part {n_test}, and these in both: {shared}. Convert a file "
        "with the source types as the pool and one with other types as the test part."
    )
    N571 = (
        "Can't go on with the network '{path}': {problem}. Name another --training "
        "folder, or delete it to train anew."
    )
    N572 = (
        "The loss is {loss} in step {step}. Lower tadner.source.learn_rate and delete "
        "the network's checkpoint, since the same steps would lead there again."
    )
    N580 = (
        "The names of labels in '{path}' can't be used: {problem}. Each label of the "
        "data set needs a name of its own, case aside."
    )
    N581 = (
        "'{path}' can't be filled in for a data set: the task of [components.llm] is "
        "{got!r}. Allowed: spacy.NER.v3 and spacy-nuner.UniversalNER.v1. For another "
        "task write a config <dataset>.kw0.cfg for each data set and give their folder."
    )
    N582 = (
        "UniversalNER's prompt takes no examples. Got k_w = {got}; allowed: 0. Write "
        "data with 'spacy-nuner universal-data', fine-tune the model, and name a "
        "config <dataset>.kw8.cfg or <dataset>.k8.seed0.cfg for each such model."
    )
    N583 = (
        "Conversations are written as .json (a list, for UniversalNER's trainer) or "
        ".jsonl (a line for each). Got the file '{got}'."
    )
    N584 = (
        "No training set: {problem}. Give either k (mentions of each type, to 2k) or "
        "k_w (words of each type), not larger than the pool allows."
    )
    N585 = (
        "{system} is not trained here: leave --k out. Training on k~2k sets is there "
        "for span_marker and, by 'spacy-nuner evaluate', for our own systems."
    )
    N586 = (
        "{system} can't be used with '{python}': {problem} into an environment and "
        "give its Python with --python."
    )
    N587 = (
        "{system} failed and no cell was written. Look at what it said, and at whether "
        "the folder of --model is one of its own. It said: {said}"
    )
    N590 = (
        "Unknown way to lay out the concept map: '{got}'. Allowed for --method: "
        "{allowed}."
    )
    N591 = (
        "UMAP is not installed. Get it with pip install 'spacy-nuner[umap]', or lay "
        "the map out with --method pca."
    )
    N592 = (
        "A map needs two concepts or more. Got {n} with {least} mentions or more, of "
        "{of} in the corpus. Lower --min-count or use a larger corpus."
    )
    N593 = (
        "'{path}' has no names of labels. Got: {got!r}. Expected: YAML with a name for "
        "each label, like assets/labels/gallery.yml."
    )
