"""Errors of the annotation, N1xx."""


class AnnotateErrors:
    """Messages by code; see `Errors`."""

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
