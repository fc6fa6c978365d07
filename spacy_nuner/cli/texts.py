"""`spacy-nuner texts`: web text -> the sentences that 'annotate' reads."""

from pathlib import Path
from typing import Any

import typer

MAX_REASONS = 12


def texts(
    sources: list[str] = typer.Argument(
        help="Files or folders: C4's shards (.json.gz), JSONL, plain text, Parquet; or "
        "the hub: 'hub://allenai/c4/en?shards=0-3', "
        "'hub://owner/dataset/path/of/a.file?revision=<40 hex digits>'."
    ),
    output: Path = typer.Option(
        Path("annotations/texts.jsonl"),
        "--output",
        "-o",
        help="The sentences (.jsonl or .jsonl.gz). Beside it: .stats.json, "
        ".leaks.jsonl, .bad.jsonl.",
    ),
    n: int = typer.Option(
        1_350_000, "--n", "-n", help="Sentences to draw at random; 0: all."
    ),
    seed: int = typer.Option(0, help="Another seed draws others."),
    reserve: float = typer.Option(
        0.25, help="Keep so many more, as a share, until near duplicates are out."
    ),
    limit: int = typer.Option(0, help="Read at most so many documents; 0: all."),
    field: str = typer.Option("text", help="JSON field or Parquet column of the text."),
    paragraphs: str = typer.Option(
        "blank", help="Plain text: a document ends at a 'blank' line, or each 'line'."
    ),
    pipeline: str = typer.Option(
        "sentencizer", help="Or a spaCy pipeline that sets sentence starts."
    ),
    language: str = typer.Option("en", help="Language of the sentences (ISO 639-1)."),
    min_language: float = typer.Option(
        0.02, help="Least probability of the language; 0: do not ask."
    ),
    min_tokens: int = typer.Option(5, help="Tokens of a sentence, at least."),
    max_tokens: int = typer.Option(128, help="Tokens of a sentence, at most."),
    without: list[str] = typer.Option(
        [],
        help="A filter not to apply: control, no_end, boilerplate, list, symbols, "
        "capitals, odd_words, repeated. May be given more than once.",
    ),
    near: float = typer.Option(
        0.7, help="Share of common word pairs that makes a copy; 0: keep near copies."
    ),
    protect: list[Path] = typer.Option(
        [],
        help="Test data whose sentences are left out: a folder with test.spacy files "
        "in it (corpus/ner), .spacy or JSONL. May be given more than once.",
    ),
    protect_words: int = typer.Option(
        8, help="Words in a row that may not be shared with test data."
    ),
    skip_bad: bool = typer.Option(
        False, "--skip-bad", help="Count and list records that can't be read."
    ),
    jobs: int = typer.Option(
        1, min=0, help="Processes; 0: as many as there are cores. The result is equal."
    ),
) -> None:
    """Draw a random sample of sentences from web text, to be annotated.

    The sample depends on the seed and the texts alone; the first lines of a
    sample are a smaller one. Every sentence that is left out is counted, with
    the reason. Stop the command at any moment, start it again, and it goes on.
    """
    from tqdm import tqdm

    from spacy_nuner.cli.show import msg
    from spacy_nuner.corpus.texts.run import draw_texts
    from spacy_nuner.corpus.texts.settings import TextSettings

    with tqdm(desc="texts", unit="document", disable=None) as bar:

        def show(n_documents: int, n_sentences: int) -> None:
            bar.set_postfix(sentences=f"{n_sentences:,}", refresh=False)
            bar.update(n_documents - bar.n)

        try:
            settings = TextSettings(
                n=n,
                seed=seed,
                reserve=reserve,
                limit=limit,
                field=field,
                paragraphs=paragraphs,  # type: ignore[arg-type]
                pipeline=pipeline,
                language=language,
                min_language=min_language,
                min_tokens=min_tokens,
                max_tokens=max_tokens,
                near=near,
                protect_words=protect_words,
                without=tuple(without),
                skip_bad=skip_bad,
            )
            stats = draw_texts(
                sources, output, settings, protect=protect, jobs=jobs, progress=show
            )
        except (ValueError, OSError, ImportError) as error:
            bar.close()
            msg.fail(str(error), exits=1)
    _say(stats, output)


def _say(stats: dict[str, Any], output: Path) -> None:
    from spacy_nuner.cli.show import msg

    msg.info(
        f"{stats['n_sentences']:,} sentences in {stats['n_documents']:,} documents, "
        f"{stats['n_passed']:,} passed, {stats['n_not_drawn']:,} not drawn"
    )
    dropped = sorted(stats["dropped"].items(), key=lambda item: -item[1])
    counts = {name: n for name, n in dropped[:MAX_REASONS]}
    counts |= {"duplicates": stats["n_duplicates"]}
    counts |= {"near duplicates": stats["n_near_duplicates"]}
    left_out = ", ".join(f"{n:,} {name}" for name, n in counts.items() if n)
    if left_out:
        msg.info(f"Left out: {left_out}", f"All counts are in {output}.stats.json")
    if stats["n_protected"]:
        names = ", ".join(f"{n:,} {name}" for name, n in stats["protected"].items())
        msg.warn(f"Left out, for test data have them: {names}", f"{output}.leaks.jsonl")
    if stats["n_bad_documents"]:
        msg.warn(
            f"{stats['n_bad_documents']:,} documents could not be read",
            f"{output}.bad.jsonl",
        )
    if stats["is_short"]:
        msg.warn(
            f"Fewer than asked for: near duplicates took more than the reserve. Raise "
            f"--reserve ({stats['settings']['reserve']}) for the rest."
        )
    msg.good(f"{stats['n_drawn']:,} sentences are in {output}")
