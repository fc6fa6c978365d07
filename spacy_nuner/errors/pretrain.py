"""Errors of the pre-training, N3xx."""


class PretrainErrors:
    """Messages by code; see `Errors`."""

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
    N314 = (
        "Can't make the loss: positive_weight is {weight} and label_smoothing "
        "{smoothing}. The weight has to be above 0; smoothing goes from 0 to below 1."
    )
    N315 = "'{got}' is no precision. Set pretrain.model.precision to one of: {allowed}."
