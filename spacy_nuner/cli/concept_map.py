"""`spacy-nuner concept-map`: encoder + concept corpus -> metrics/concept_map.json."""

from pathlib import Path

import typer


def concept_map(
    encoder: Path = typer.Argument(
        help="Encoder folder made by 'spacy-nuner export', with its concept encoder."
    ),
    corpus_dir: Path = typer.Argument(
        help="Concept corpus made by 'spacy-nuner corpus'."
    ),
    labels: list[Path] = typer.Option(
        [],
        help="Names of a data set's labels, such as assets/labels/gallery.yml: how "
        "well does the corpus cover them? The option may be given several times.",
    ),
    output: Path = typer.Option(
        Path("metrics/concept_map.json"),
        "--output",
        "-o",
        help="The map; 'spacy-nuner report' draws it.",
    ),
    min_count: int = typer.Option(2, min=1, help="Mentions that a concept needs."),
    limit: int = typer.Option(
        10_000, min=2, help="Show so many concepts, the most frequent ones."
    ),
    method: str = typer.Option(
        "auto",
        help="How the vectors are laid out: umap, pca, or auto, which is UMAP where "
        "it's installed (pip install 'spacy-nuner[umap]').",
    ),
    seed: int = typer.Option(0, help="Seed of UMAP."),
) -> None:
    """Lay the concepts of a corpus out as a map (the paper's Figure 6).

    Each concept has its place and its colour by the vector that the concept encoder
    gives it, its frequency, its nearest concepts, and some mentions in their
    sentences. 'spacy-nuner report' makes a page of it on which one can search and zoom.

    With --labels it's also measured how well the corpus covers the labels of data sets:
    which concepts are nearest to each, and how many mentions the near ones have.
    """
    from spacy_nuner.cli.show import msg
    from spacy_nuner.corpus.mentions import read_marked
    from spacy_nuner.evaluate.concept_map.make import MapSettings, make_concept_map
    from spacy_nuner.evaluate.concept_map.read import (
        make_embed,
        read_label_set,
        write_map,
    )
    from spacy_nuner.evaluate.concept_map.sentences import Sentence

    try:
        found = make_concept_map(
            lambda: (
                Sentence(marked.text, [mention[:3] for mention in marked.mentions])
                for marked in read_marked(corpus_dir)
            ),
            make_embed(encoder),
            MapSettings(min_count, limit, method, seed),
            label_sets=[read_label_set(path) for path in labels],
        )
        write_map(found, output)
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    rows = [
        (
            label_set["name"],
            f"{sum(bool(row['exact']) for row in label_set['labels'])} of "
            f"{len(label_set['labels'])}",
            f"{sum(row['n_mentions'] for row in label_set['labels']):,}",
        )
        for label_set in found["coverage"]
    ]
    if rows:
        header = ("labels of", "called like a concept", "mentions of near concepts")
        msg.table(rows, header=header, divider=True, aligns=("l", "r", "r"))
    msg.good(
        f"{output}: {len(found['concepts']):,} of {found['n_concepts']:,} concepts, "
        f"{len(found['sentences']):,} sentences, laid out by {found['method'].upper()}",
        "'spacy-nuner report' draws it.",
    )
