"""`spacy-nuner annotate`: texts -> the journal of the LLM's replies."""

from pathlib import Path

import typer


def annotate(
    ctx: typer.Context,
    config: Path = typer.Argument(
        help="Config of a pipeline with one 'llm' component: the task (prompt) and the "
        "model, such as configs/sample/annotate.cfg."
    ),
    texts: Path = typer.Argument(
        help='JSONL file of {"id", "text"}, gzipped or not, or a folder of such files.'
    ),
    output: Path = typer.Option(
        Path("annotations/replies.jsonl"),
        "--output",
        "-o",
        help="The journal: replies are added to it; what it holds is not asked again.",
    ),
    limit: int = typer.Option(0, min=0, help="Only the first so many texts; 0: all."),
    batch_size: int = typer.Option(
        1,
        min=1,
        help="Prompts given to the model at once; a stopped run loses one batch.",
    ),
    max_failures: int = typer.Option(
        20, min=1, help="Give up after so many texts without a reply."
    ),
) -> None:
    """Ask an LLM for the entities and concepts of each text.

    Replies are kept raw, each as it arrives, with the hash of model, settings
    and prompt: stop the command at any moment, start it again, and it goes on.
    Change the prompt, the model or its settings, and the texts are asked again.
    Nothing is parsed here: 'spacy-nuner corpus' does that, as often as you
    like, for nothing.

    Settings of the config can be overridden: --paths.replies my_replies.jsonl
    """
    from spacy.cli._util import parse_config_overrides
    from wasabi import msg

    from spacy_nuner.annotate.run import annotate_texts, load_annotator
    from spacy_nuner.corpus.sources import read_texts

    overrides = parse_config_overrides(ctx.args, env_var=None)
    try:
        # all texts are read first: a bad line should show before money is spent
        records = [(text.id, text.text) for text in read_texts(texts, limit=limit)]
        nlp, name = load_annotator(config, overrides)
        result = annotate_texts(
            nlp,
            name,
            records,
            output,
            batch_size=batch_size,
            max_failures=max_failures,
        )
    except (ValueError, OSError, RuntimeError) as error:
        msg.fail(str(error), exits=1)
    if not result.n_asked and not result.n_failed:
        msg.good(f"Nothing to do: all {result.n_before:,} replies are in {output}")
        return
    msg.info(
        f"{result.n_asked:,} asked, {result.n_before:,} from before, "
        f"{result.n_failed:,} failed"
    )
    if result.n_failed:
        msg.fail(
            f"{result.n_failed:,} texts have no reply. The first error:",
            f"{result.first_error}\nStart the command again to ask for these only.",
            exits=1,
        )
    msg.good(f"Replies are in {output}")
