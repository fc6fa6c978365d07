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
        "No sentence of {source} can be used ({n} were read): {empty} have no mention "
        "in doc.spans['concepts'], and {cut} have theirs behind the first {max_length} "
        "sub-tokens. Raise pretrain.max_length for the latter; if all are the former, "
        "make the corpus again and look at its stats.json and drops.jsonl."
    )
    N307 = (
        "The loss is {loss} in step {step} (learning rate {rate}). The batch is in "
        "'{path}'. Nothing was written after the last checkpoint. Lower initial_rate "
        "or start with more warm-up, and use --restart, since the same steps would "
        "lead there again."
    )
    N308 = (
        "Can't write the checkpoint in '{path}': {error}. The previous one, if there "
        "is one, is whole. Free space and start the same command again: it goes on "
        "there."
    )
    N309 = (
        "Can't read the checkpoint {problems}. Expected is one of this package. Start "
        "anew with --restart."
    )
    N310 = (
        "The checkpoint '{path}' belongs to another run. {differences}. Use the "
        "same settings and corpus to go on, another --output, or --restart to delete "
        "it. (A base encoder stands there as SHA-256 of its weights, configuration and "
        "tokenizer, and corpus.sha256 is that of all texts, mentions and concepts as "
        "sub-tokens. Older versions left out the tokenizer and the concepts' "
        "sub-tokens: if nothing else differs, go on with the version that began.)"
    )
    N311 = (
        "The base encoder '{base}' is not the one of the run: digest {got}, expected "
        "{expected}. Name the right one with {option}."
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
        "Can't make the loss: positive_weight is {weight!r} and label_smoothing "
        "{smoothing!r}. The weight has to be a number above 0; smoothing goes from 0 "
        "to below 1. Set them in [pretrain.loss]."
    )
    N315 = "'{got}' is no precision. Set pretrain.model.precision to one of: {allowed}."
    N320 = (
        "Can't join the other processes at {address}: {error}. All of them have to "
        "start within {seconds:g} seconds (pretrain.distributed.timeout), with the "
        "same --nproc-per-node, --nnodes and --master-addr, and to reach that address."
    )
    N321 = (
        "No answer from rank {ranks} of {size}: it has ended (its own message says "
        "why), was killed, can't be reached, or took longer than {seconds} seconds "
        "(pretrain.distributed.timeout). All processes stop. Start the same command "
        "again, with as many processes as you like: it goes on after step {step}. "
        "({error})"
    )
    N322 = (
        "The connection between the processes broke, though all {size} of them are "
        "still there: the network failed, or one took longer than {seconds} seconds "
        "(pretrain.distributed.timeout). All stop. Start the same command again: it "
        "goes on after step {step}. ({error})"
    )
    N323 = (
        "The processes of the run don't start from the same: {differences}. Give each "
        "of them the same config and corpus, and an --output that all machines share, "
        "or a copy of its folder 'last'."
    )
    N324 = (
        "Rank {rank} needs GPU {chosen}, and this machine has {n_gpus}: each process "
        "has one to itself. Use a smaller --nproc-per-node, or --system.gpu_id -1."
    )
    N325 = (
        "Memory ran out in rank {rank} when the processes told each other their "
        "gradients ({error}), where a batch can't be tried again. Set pretrain.n_parts "
        "to {n_parts} or more, or use more processes, and start the same command "
        "again: it goes on after the last checkpoint."
    )
    N330 = (
        "The gradient's norm is {norm} in step {step} (loss {loss}, learning rate "
        "{rate}). The batch is in '{path}'. Nothing was written after the last "
        "checkpoint. Lower initial_rate, set max_grad_norm, or try another precision; "
        "use --restart, since the same steps would lead there again."
    )
    N331 = (
        "The loss explodes: in step {step} it's {loss}, and it has been more than "
        "{ratio:g} times its lowest mean ({lowest:.4g}) for {n} steps in a row. The "
        "batch is in '{path}'. Lower initial_rate or start with more warm-up, and use "
        "--restart. If the loss may rise that much, raise max_loss_ratio (0: no limit) "
        "and start the same command again: it goes on after the last checkpoint."
    )
    N332 = (
        "{n} steps in a row up to step {step} were skipped, since their gradients are "
        "not finite in half precision, however small the scale of the loss. The batch "
        "is in '{path}'. Use --restart with pretrain.model.precision 'bf16' or 'fp32'."
    )
    N333 = (
        "The loss on the dev part is {loss} after epoch {epoch} (step {step}). Nothing "
        "was written after the last checkpoint. Lower initial_rate or start with more "
        "warm-up, and use --restart, since the same steps would lead there again."
    )
    N334 = (
        "Memory ran out even with one sentence at a time ({error}). Nothing was "
        "skipped: the same command goes on after the last checkpoint. Lower max_cells, "
        "let other programs leave the machine, or use a smaller batch_size or "
        "max_length and --restart."
    )
    N335 = (
        "The logger '{name}' can't be made: a package is missing ({error}). Install it "
        "(pip install wandb, mlflow, clearml, or 'spacy-nuner[tensorboard]'), or set "
        "pretrain.logger = null: log.jsonl has the same figures."
    )
    N336 = (
        "The logger '{name}' can't be started: {error}. Check [pretrain.logger] and "
        "the service behind it, or set pretrain.logger = null: log.jsonl has the same "
        "figures. Loggers that print a pipeline's training, as spacy.ConsoleLogger "
        "does, don't fit; the progress bar shows what they would."
    )
    N340 = (
        "Can't write the index in '{path}': {error}. Nothing of it is kept. Free space "
        "or take another output folder, and start the same command again: it indexes "
        "the corpus from the beginning."
    )
    N341 = (
        "The index in '{path}' can't be read, although it was just written. Look after "
        "the disk, or take an output folder on another one."
    )
    N350 = (
        "The dropout of '{path}' can't be set: its config has none of {known}. Set "
        "pretrain.model.dropout = null, which leaves it as it is."
    )
    N351 = (
        "'{path}' lacks {n} weights of its encoder ({missing}), which would be random. "
        "It has {got} in their place. Use a folder that transformers' AutoModel loads "
        "without a warning: model.from_pretrained(...).save_pretrained(...) makes one."
    )
    N352 = (
        "Can't use the projection '{path}': {error}. It belongs to the concept encoder "
        "beside it: copy the whole folder of an export again."
    )
    N360 = (
        "pretrain.model.compiled needs a C++ compiler on a CPU, and none of {names} is "
        "there. Install one, name it in the variable CXX, or set compiled = false."
    )
    N370 = (
        "Can't train a token classifier on '{path}': its entities have {got}; its "
        "labels are {labels}. Give a folder that 'spacy-nuner convert' made, with "
        "entities in its pool."
    )
    N371 = (
        "The dev part can't have a share of {got} of the sentences. Set "
        "pretrain.dev_share above 0 and below 1, like 0.1."
    )
    N372 = (
        "The loss is {loss} and the gradient's norm {norm} in step {step} (learning "
        "rate {rate}). Nothing was written after the last checkpoint. Lower "
        "initial_rate or start with more warm-up, and use --restart, since the same "
        "steps would lead there again."
    )
    N380 = (
        "Can't build the model: {name} is {got!r}. Allowed is {allowed}. Set it in "
        "[pretrain.model]."
    )
    N381 = (
        "Can't make the optimizer: {name} is {got!r}. Allowed is {allowed}. Set it in "
        "[pretrain.optimizer]."
    )
    N382 = (
        "The learning rate is {got!r}. Allowed is a number from 0 up: set "
        "pretrain.optimizer.learn_rate.initial_rate to one, like 0.00003."
    )
    N383 = (
        "Can't read the learning rate: {error}. Set the values in "
        "[pretrain.optimizer.learn_rate] to plain numbers, or learn_rate itself to one."
    )
    N384 = (
        "Can't use GPU {number}: {error}. Install CuPy for your version of CUDA (pip "
        "install cupy-cuda12x) and a torch with CUDA, or compute on the CPU with "
        "--system.gpu_id -1. 'nvidia-smi' lists the GPUs; the first one is 0."
    )
    N385 = (
        "Nothing would be trained: all layers and embeddings of both encoders are "
        "frozen, and so are temperature and bias. In [pretrain.model], lower "
        "n_frozen_layers or n_frozen_concept_layers, or set one of freeze_embeddings, "
        "freeze_concept_embeddings to false, or learn_bias to true."
    )
    N386 = (
        "Memory ran out when the {n} concepts of a batch were encoded, the longest of "
        "{length} sub-tokens ({error}). Parts of a batch don't help: its concepts are "
        "encoded as one. Nothing was skipped. Use a smaller pretrain.batch_size or "
        "pretrain.max_concept_length and --restart, or let other programs leave the "
        "machine and start the same command again: it goes on after the last "
        "checkpoint."
    )
    N387 = (
        "Memory ran out when {what} were encoded, even with one at a time ({error}). "
        "Let other programs leave the machine and start the same command again: it "
        "goes on after the last checkpoint. Or use a smaller {setting} and --restart."
    )
    N388 = (
        "Memory ran out ({error}). Let other programs leave the machine and start the "
        "same command again: it goes on after the last checkpoint. If it happens "
        "again, use a smaller encoder, or a smaller pretrain.batch_size or "
        "pretrain.max_length and --restart."
    )
    N389 = "is not known (got {got}). Known in {section}, nearest first: {allowed}."
    N390 = "is {got}. Allowed is {allowed}. Set it in {section}."
    N391 = "is missing. Add it to {section}: allowed is {allowed}."
    N392 = (
        "can't be set: the config has no section [{section}]. Its sections, nearest "
        "first: {allowed}."
    )
    N393 = (
        "can't be set: it has to be named with its section, like one of these: "
        "{allowed}."
    )
    N395 = (
        "{setting} is {got}, so nothing of a text would be left: the tokenizer of "
        "'{encoder}' adds {n_special} special sub-tokens, which count. Set it to "
        "{least} or more."
    )
    N396 = (
        "{setting} is {got}, and '{encoder}' has positions for {most} sub-tokens, "
        "special ones included: longer texts would end the run. Set it to {most} or "
        "less, or use an encoder for longer texts."
    )
