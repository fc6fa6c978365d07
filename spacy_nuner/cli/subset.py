"""`spacy-nuner subset`: a concept corpus -> a smaller one."""

from pathlib import Path

import typer


def subset(
    corpus: Path = typer.Argument(
        help="Concept corpus, such as corpus/concepts.", exists=True, file_okay=False
    ),
    output: Path = typer.Option(
        ..., "--output", "-o", help="Folder of the smaller corpus, replaced as a whole."
    ),
    sentences: int = typer.Option(
        0, min=0, help="So many sentences, train and dev together; 0: all."
    ),
    top_concepts: int = typer.Option(
        0, min=0, help="Only mentions of the so many most frequent concepts; 0: all."
    ),
    share: float = typer.Option(
        0.0,
        min=0,
        max=1,
        help="Only the most frequent concepts that hold this share of the mentions, "
        "like 0.125; 0: all.",
    ),
    seed: int = typer.Option(
        0, help="Another one draws other sentences; of one seed subsets are nested."
    ),
) -> None:
    """Write a smaller concept corpus, to see what size and diversity are worth.

    The same sentences are drawn on any machine; a smaller subset of the same seed is
    contained in a larger one. The most frequent concepts are those of the sentences
    that were drawn (Section 5.2 of the paper).
    """
    from spacy_nuner.cli.show import msg
    from spacy_nuner.corpus.subset import Request, write_subset

    request = Request(sentences, top_concepts, share, seed)
    try:
        stats = write_subset(corpus, output, request)
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    source = stats["source"]
    msg.good(
        f"{stats['n_sentences']:,} sentences ({stats['n_train']:,} train, "
        f"{stats['n_dev']:,} dev) in {output}",
        f"{stats['n_mentions']:,} mentions of {stats['n_concepts']:,} concepts "
        f"({100 * source['share_of_mentions']:.1f} % of the mentions of these "
        "sentences)",
    )
    if stats["n_without_mention"]:
        n = stats["n_without_mention"]
        msg.info(f"{n:,} sentences left out: they have no mention of these concepts")
