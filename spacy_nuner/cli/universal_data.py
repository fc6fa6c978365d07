"""`spacy-nuner universal-data`: a training set -> conversations for UniversalNER."""

from pathlib import Path

import typer


def universal_data(
    dataset: Path = typer.Argument(
        ..., help="Folder of a data set, from 'convert': corpus/ner/<dataset>."
    ),
    output: Path = typer.Option(
        ...,
        "--output",
        "-o",
        help="File to write: .json (UniversalNER's trainer reads it) or .jsonl.",
    ),
    k: int = typer.Option(0, min=0, help="Draw a set with k to 2k mentions per type."),
    k_words: int = typer.Option(
        0, min=0, help="Draw a set by words per type (k_w) instead."
    ),
    seed: int = typer.Option(0, min=0, help="Number of the training set."),
    negatives: int = typer.Option(
        -1, min=-1, help="Types that don't occur, per sentence; -1: all of them."
    ),
    dataset_name: bool = typer.Option(
        False, "--dataset-name", help="Name the data set, as UniNER-7B-*-sup expects."
    ),
    labels_dir: Path = typer.Option(
        Path("assets/labels"), help="Labels in plain words: <dataset>.yml."
    ),
) -> None:
    """Write the data that UniversalNER is fine-tuned with, as in appendix A.2.

    Each sentence becomes a conversation with a question for each type. Without --k and
    --k-words the whole pool is written. The sets are those that 'evaluate' uses for the
    same k and seed, so that all systems learn from the same sentences.
    """
    from spacy_nuner.cli.show import msg
    from spacy_nuner.evaluate.conversations import (
        Turns,
        make_conversations,
        write_conversations,
    )
    from spacy_nuner.evaluate.data import load_dataset
    from spacy_nuner.evaluate.draw import draw_set
    from spacy_nuner.evaluate.phrases import read_phrases

    try:
        data = load_dataset(dataset)
        indices = draw_set(data, k=k, k_words=k_words, seed=seed)
        phrases = read_phrases(labels_dir / f"{data.name}.yml", data.labels)
        n_negatives = None if negatives < 0 else negatives
        named = data.name if dataset_name else None
        turns = Turns(phrases, named, n_negatives, seed)
        records = make_conversations(data.pool, indices, turns, source=data.name)
        write_conversations(output, records)
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    n_questions = sum(len(record["conversations"]) // 2 - 1 for record in records)
    msg.good(f"{output}: {len(records):,} conversations, {n_questions:,} questions")
