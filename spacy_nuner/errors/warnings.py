"""Warnings of all rooms."""


class WarningMessages:
    """Messages by code; see `Warnings`."""

    W001 = "{count} of {total} {what} were left out: {reason}."
    W101 = "No reply for the text '{id}': {error}"
    W111 = (
        "No reply to prompt {number}, counted from 0 in its batch; the text stays "
        "without annotation: {reason}"
    )
    W112 = (
        "{n} replies were cut off by the server, which ends them at max_tokens; the "
        "last line of each may be half a line. Raise max_tokens in the model's config."
    )
    W140 = (
        "Stopping: {n} requests are on their way and will be kept. Press Ctrl-C again "
        "to stop at once."
    )
    W201 = (
        "No sentence fell to '{part}' ({n} sentences in all). The split is by a hash "
        "of the text: use more sentences or another --dev-share."
    )
    W301 = (
        "Cut in {source}: {texts} sentences at max_length ({subtokens} sub-tokens and "
        "{mentions} mentions lost), {concepts} concepts at max_concept_length."
    )
    W302 = (
        "Memory ran out. The batch is tried again in {n_parts} parts, and so are those "
        "after it; the gradient is the same. Set pretrain.n_parts to {n_parts} to save "
        "the try, or let others leave the machine. ({error})"
    )
    W303 = (
        "Memory ran out when {what} were encoded. They are encoded {n} at a time from "
        "here on; the scores are the same but for rounding. Let others leave the "
        "machine to save the tries. ({error})"
    )
    W320 = (
        "The checkpoint is of {theirs} processes, and the run goes on with {ours}. "
        "Since pretrain.distributed.concepts is 'per_rank', a token is compared with "
        "other concepts from now on: the weights will not be those of a run that keeps "
        "the number. With 'gather' they would."
    )
    W330 = (
        "The newest checkpoint is damaged and isn't used: {problems}. The run goes on "
        "from the one before, '{used}' (step {step}). The damaged file is kept as "
        "'{aside}'; nobody reads it."
    )
    W331 = (
        "The logger '{name}' failed in step {step} and gets no more records: {error}. "
        "The run goes on; log.jsonl has all figures."
    )
    W340 = (
        "The index in '{path}' is damaged and is made again: {error}. Nothing is lost, "
        "but look after the disk if it happens often."
    )
    W350 = (
        "The projection of the concept encoder '{path}' leads to vectors of width "
        "{got}, the text encoder's have {width}: it isn't used. Name the text encoder "
        "that it was trained with to go on from it."
    )
    W390 = (
        "What the frozen layers make of the corpus can't be kept in '{path}': {error}. "
        "It is computed in each epoch, which is slower and changes nothing else. Free "
        "{gib:.2g} GiB and start the same command again, or set "
        "pretrain.cache_frozen_gib to what there is room for (0: nothing is kept)."
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
    W530 = (
        "The training set '{path}' was damaged ({problem}) and is drawn anew: the same "
        "data and seed give the same set."
    )
