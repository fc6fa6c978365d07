"""`spacy-nuner journal`: look at a journal of replies, write it as JSONL, read it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from spacy_nuner.cli.wording import say_duration, say_money

if TYPE_CHECKING:
    from spacy_nuner.annotate.journal.progress import Status

JOURNAL = Path("annotations/replies.sqlite")

app = typer.Typer(
    name="journal",
    help="The journal of bought replies: status, export to JSONL, import from it.",
    no_args_is_help=True,
)


@app.command()
def status(
    journal: Path = typer.Argument(
        JOURNAL, help="The journal; a run may be writing it."
    ),
    config: Path | None = typer.Option(
        None,
        "--config",
        "-c",
        help="Config of the annotation, for its model and its section [prices].",
    ),
    texts: Path | None = typer.Option(
        None, "--texts", "-t", help="The texts, to say how many are left."
    ),
    minutes: float = typer.Option(5.0, min=0.1, help="How far back the rate looks."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Say how far the annotation is: done, failed, tokens, money, rate, time left."""
    from spacy.util import load_config

    from spacy_nuner.annotate.journal.keys import describe_model
    from spacy_nuner.annotate.journal.progress import get_status
    from spacy_nuner.annotate.money import read_prices
    from spacy_nuner.cli.show import msg
    from spacy_nuner.corpus.sources import read_texts

    prices = model_name = None
    try:
        if config is not None:
            loaded = load_config(config, interpolate=True)
            prices = read_prices(loaded)
            for section in loaded.get("components", {}).values():
                if section.get("factory") == "llm" and "model" in section:
                    model_name, _ = describe_model(section["model"])
        n_texts = None if texts is None else sum(1 for _ in read_texts(texts))
        found = get_status(
            journal,
            n_texts=n_texts,
            prices=prices,
            model_name=model_name,
            minutes=minutes,
        )
    except (ValueError, OSError, RuntimeError) as error:
        msg.fail(str(error), exits=1)
    if as_json:
        typer.echo(json.dumps(found.to_dict()))
    else:
        _say(found, journal)


@app.command("export")
def export_(
    journal: Path = typer.Argument(help="The journal."),
    output: Path = typer.Argument(help="JSONL file; replaced once it is whole."),
) -> None:
    """Write the replies as JSONL, the format of recorded replies."""
    from spacy_nuner.annotate.journal.exchange import export_replies
    from spacy_nuner.cli.show import msg

    try:
        n_replies = export_replies(journal, output)
    except (ValueError, OSError, RuntimeError) as error:
        msg.fail(str(error), exits=1)
    msg.good(f"{n_replies:,} replies are in {output}")


@app.command("import")
def import_(
    paths: list[Path] = typer.Argument(
        help="JSONL files that 'export' wrote, or journals of an earlier version."
    ),
    output: Path = typer.Option(
        JOURNAL, "--output", "-o", help="The journal that gets the replies."
    ),
) -> None:
    """Take replies into a journal; those that it has stay as they are."""
    from spacy_nuner.annotate.journal.exchange import import_replies
    from spacy_nuner.annotate.journal.store import Journal
    from spacy_nuner.cli.show import msg

    try:
        with Journal(output) as journal:
            for path in paths:
                n_read, n_new = import_replies(path, journal)
                msg.info(f"{path}: {n_read:,} replies, {n_new:,} of them new")
            n_replies = len(journal)
    except (ValueError, OSError, RuntimeError) as error:
        msg.fail(str(error), exits=1)
    msg.good(f"{n_replies:,} replies are in {output}")


def _say(found: "Status", path: Path) -> None:
    from spacy_nuner.cli.show import msg

    if not found.models:
        msg.info(f"{path} is empty")
        return
    for model in found.models:
        turn = f", turn {model.turn}" if model.turn > 1 else ""
        rows = [
            ("Done", f"{model.n_done:,}"),
            ("Failed", f"{model.n_failed:,}"),
            ("Tries", f"{model.n_tries:,}"),
            ("Tokens in", f"{model.usage.prompt_tokens:,}"),
            ("Tokens out", f"{model.usage.completion_tokens:,}"),
        ]
        if model.price is not None:
            rows.append(("Money", say_money(model.price, found.currency)))
        msg.divider(f"{model.model}{turn}")
        msg.table(rows)
    msg.info(f"{found.per_minute:,.1f} replies a minute")
    if found.n_left is not None:
        left = f"{found.n_left:,} of {found.n_texts:,} texts are left"
        if found.seconds_left is not None and found.n_left:
            left += f": {say_duration(found.seconds_left)} at this rate"
        msg.info(left)
    for reason, n in found.reasons:
        msg.warn(f"{n:,} failed: {reason}")
