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
    N111 = (
        "'{url}' is no address of a server for base_url. Expected: http:// or "
        "https://, a host and a path as in 'http://localhost:8000/v1', without user "
        "name, password or query: a key goes into key_env or key_file."
    )
    N112 = (
        "A key does not belong into {where} (found: {names}), since that is saved with "
        "each config. Put it into a variable of the environment and name that in "
        "key_env, or into a file and name that in key_file."
    )
    N113 = (
        "The model sets these itself, leave them out of its config: {names}. What may "
        "stand there: temperature, max_tokens, seed, top_p, stop and the like."
    )
    N114 = "The setting {name} has to be more than 0, but is {value}."
    N115 = (
        "Can't read a key from key_file '{path}': {reason}. Expected: a text file that "
        "holds the key and nothing else."
    )
    N116 = (
        "What was found in {where} can't be a key: it has white space or characters "
        "other than printable ASCII. Put the key there and nothing else."
    )
    N117 = "A key can't be pickled. Pickle the model, which reads it again."
    N118 = (
        "The server '{url}' refused the key: {reason}. It was looked for in {where} "
        "and {found}. Put a valid key there, or check base_url. Replies that came "
        "before are not lost."
    )
    N119 = (
        "The server '{url}' counts as down: {n} requests in a row failed in "
        "{seconds:.0f}"
        " s, the last with: {reason}. Start it, or check base_url and the name of the "
        "LLM; then start again. Replies that came before are not lost."
    )
    N120 = (
        "The server '{url}' asks to wait {seconds:.0f} s, more than max_wait "
        "({max_wait:g}"
        " s): {reason}. Start again after that time, or raise max_wait."
    )
    N121 = (
        "The account at '{url}' may not spend more: {reason}. Raise its limit, then "
        "start again. Replies that came before are not lost."
    )
    N122 = (
        "{n_failed} of {n} prompts got no reply. The first: {reason}. The others of "
        "this "
        'batch are lost, since the model is strict: set strict = false to get "" for '
        "a prompt that failed."
    )
    N123 = (
        "{n} prompts wait for replies in '{folder}'. Run this, then start again:\n"
        "{commands}\nAny other program that reads OpenAI's batch files will do."
    )
    N124 = (
        "The batch {batch} of '{path}' ended as {status}: {reason}. Its requests stay "
        "in the folder; remove the cause and start again to send them anew."
    )
    N125 = (
        "'{path}' line {line} is no result of a batch: {problem}. Expected: one JSON "
        "object per line with custom_id and response or error. Get the file anew, or "
        "delete it to have it fetched again."
    )
    N126 = (
        "'{path}' is no record of the batches that were sent: {problem}. Without it "
        "batches would be paid twice. Restore it, or move the folder away to begin "
        "anew."
    )
    N127 = (
        "The server '{url}' did not take '{path}' as a batch: {reason}. Check that it "
        "has {endpoint}, or set submit = false and run the file by hand."
    )
    N140 = (
        "'{path}' is not SQLite, as a journal is. If it is a journal of an earlier "
        "version, or recorded replies (JSONL), take its replies over into a new "
        "journal: spacy-nuner journal import '{path}' --output '{new}'. Nothing is "
        "asked again then."
    )
    N141 = (
        "The journal '{path}' is being written by {owner}. One run at a time may write "
        "a journal: wait for it, stop it, or write another journal with --output."
    )
    N142 = (
        "Can't use the journal '{path}' now: {error}. Replies written before are safe. "
        "Look for a full disk, missing rights, or a network drive (a journal needs a "
        "local one), and start the command again."
    )
    N143 = (
        "The journal '{path}' is damaged: {error}. Keep a copy, save what can be read "
        "with sqlite3's '.recover', and look after the disk."
    )
    N144 = (
        "'{path}' is SQLite, but no annotation journal of this version. Got: {got}. "
        "Expected: version {version}. Choose another --output, or for a newer journal "
        "install the spacy-nuner that wrote it."
    )
    N145 = (
        "The section [prices] needs input and output: money per million tokens, "
        "numbers from 0; and may have currency. Got: {got}."
    )
    N146 = (
        "--budget needs a model that counts tokens, and {model} gave a reply without "
        "any. The replies are in the journal. Start without --budget, and set a limit "
        "of money where you pay for the model."
    )
    N147 = (
        "--budget and prices go together: the config has no section [prices]. Add one "
        "with input and output, money per million tokens."
    )
    N148 = (
        "The texts changed while they were annotated: {before} were checked and "
        "{after} read then, or others. The replies are in the journal: start the "
        "command again when the file is finished."
    )
    N149 = (
        "The dry run needs at least two replies to reckon with, and has {n}. The first "
        "error: {error}"
    )
    N150 = (
        "--ray needs Ray with Ray Data ({error}). Install it on all machines: "
        "pip install 'spacy-nuner[ray]'; or start without --ray."
    )
    N151 = (
        "Can't join or start Ray at '{address}': {error}. Check --ray-address and the "
        "variable RAY_ADDRESS: 'host:6379' as 'ray start --head' says it, or none for "
        "a cluster of this machine only. A cluster may want a token: RAY_AUTH_MODE "
        "and RAY_AUTH_TOKEN, as on its machines."
    )
    N152 = (
        "Ray failed: {error}\nReplies that came are in the journal: start the command "
        "again to go on. Ray's own logs are in /tmp/ray/session_latest/logs."
    )
    N153 = (
        "The limit {name} = {limit} of the config is for all workers together, and "
        "there are {n_workers}. Start at most {limit} workers, or raise the limit."
    )
    N154 = (
        "--ray is not for 'spacy-nuner.Batch.v1': the server works the batches, and "
        "one process is enough to send them. Start without --ray."
    )
    N155 = (
        "{n} workers died of the task '{task}', or their machines. Look for a lack of "
        "memory or a kill of the system; replies that came are in the journal. Start "
        "the command again to go on, with fewer workers on a machine."
    )
    N170 = (
        "The template of the second pass must use the text and what was found. Write "
        "{{{{ text }}}} where the sentence belongs, and a loop over pairs such as "
        "{{% for entity, concept in found %}}. Template: {template!r}"
    )
    N171 = (
        "The task has no second pass. Set second_pass = true in its section of the "
        "config ([components.llm.task]), with 'spacy-nuner.Concepts.v1'."
    )
    N172 = (
        "The two annotations share no text ({n_one} and {n_other} texts): there is "
        "nothing to compare. Annotate the same texts by both."
    )
    N173 = (
        "No annotation has a verdict of both ({n_one} and {n_other} verdicts). Let "
        "both check the same sheet: 'spacy-nuner check-sheet' with the same --seed and "
        "--n."
    )
    N180 = (
        "The template of the task 'spacy-nuner.UniversalNER.v1' must use the text and "
        "the type. Write {{{{ text }}}} and {{{{ type }}}} where they belong. "
        "Template: {template!r}"
    )
    N181 = (
        "The labels of the task 'spacy-nuner.UniversalNER.v1' must be one or more, "
        "each with a name of its own for the question. Got: {problem}. Give a list of "
        "labels or {{label: name}}."
    )
    N182 = (
        "The model gave {got} replies to {n_prompts} prompts (one for each label). It "
        "must answer each prompt, in their order."
    )
    N183 = (
        "The prompt has about {got} tokens with a single word of text, and the model "
        "takes {allowed}. Set a larger context_length in [components.llm.model] or "
        "give the labels shorter names."
    )
    N184 = (
        "{n_failed} of {n} prompts have no reply. Those that came are in '{path}': "
        "start the command again to ask for the rest. The first error: {error}"
    )
