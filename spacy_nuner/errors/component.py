"""Errors of the component, N4xx."""


class ComponentErrors:
    """Messages by code; see `Errors`."""

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
        'A hidden layer needs a unit for each tag, with "bio" two per label and one '
        "for O: {needed} or more. Got hidden_width = {got}. Raise it, or set it to "
        "null for a linear head."
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
    N437 = (
        "Can't read --times '{got}'. Allowed: numbers from 1 on with commas between, "
        "like 2,4,8."
    )
    N438 = (
        "A learning curve needs {least} sentences or more. Got: {got}. Annotate some "
        "more first."
    )
    N439 = (
        "A learning curve is measured with a frozen encoder and a fixed number of "
        "steps. Take the config of 'spacy-nuner fewshot' without --finetune."
    )
