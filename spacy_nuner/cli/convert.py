"""`spacy-nuner convert`: NER data sets -> corpus/ner/<dataset>."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from spacy_nuner.corpus.datasets import Dataset


def convert(
    names: list[str] = typer.Argument(
        None,
        help="Data sets: gallery, workshop, mit_restaurant, mit_movie, bionlp2004, and "
        "wnut17 and wikineural, for zero-shot alone; or one name of your own, with "
        "--pool, --test, --format and --label-file.",
    ),
    all_: bool = typer.Option(
        False, "--all", help="All known data sets that are there; says which are not."
    ),
    assets: Path = typer.Option(Path("assets"), help="The project's assets folder."),
    output: Path = typer.Option(
        Path("corpus/ner"), "--output", "-o", help="A folder per data set is made here."
    ),
    pool: Path | None = typer.Option(
        None, help="Own data: training sets are drawn from it."
    ),
    test: Path | None = typer.Option(None, help="Own data: to test on."),
    format: str | None = typer.Option(
        None,
        help="Own data: jsonl, token-label, label-token or index-token-label (tabs "
        "between).",
    ),
    label_file: Path | None = typer.Option(None, help="Own data: label file (YAML)."),
) -> None:
    """Convert NER data sets to spaCy's format: pool.spacy, test.spacy, meta.json.

    Reads JSONL with character spans and column files in IO, IOB, IOB2, BIOES or
    BILOU. No gold entity is lost: a token that a span cuts through is split. Sentences
    of the pool that stand in the test part too are left out of the pool, counted.
    """
    from spacy_nuner.cli.show import msg
    from spacy_nuner.corpus.ner_data import convert_dataset
    from spacy_nuner.errors import Errors

    own = {"--pool": pool, "--test": test, "--format": format}
    own["--label-file"] = label_file
    try:
        datasets = _choose(names or [], all_, assets, own)
        n_missing = 0
        for dataset in datasets:
            if all_ and dataset.missing:
                n_missing += 1
                files = ", ".join(str(path) for path in dataset.missing)
                msg.warn(f"{dataset.name}: not there ({files}), left out")
                continue
            _say(convert_dataset(dataset, output / dataset.name))
        if n_missing == len(datasets):
            raise FileNotFoundError(Errors.N212.format(assets=assets))
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)


def _choose(
    names: list[str], all_: bool, assets: Path, own: dict[str, Any]
) -> "list[Dataset]":
    from spacy_nuner.corpus.datasets import DATASETS, Dataset, find_dataset
    from spacy_nuner.errors import Errors

    given = [option for option, value in own.items() if value is not None]
    if given:
        if len(given) < len(own) or len(names) != 1 or all_:
            raise ValueError(Errors.N213.format(given=", ".join(given), names=names))
        return [Dataset(names[0], *own.values())]
    names = list(DATASETS) if all_ else names
    unknown = [name for name in names if name not in DATASETS]
    if unknown or not names:
        raise ValueError(
            Errors.N211.format(
                got=", ".join(unknown) or "nothing", allowed=", ".join(DATASETS)
            )
        )
    return [find_dataset(name, assets) for name in names]


def _say(meta: dict[str, Any]) -> None:
    from spacy_nuner.cli.show import msg

    notes = [
        f"{meta['n_pool']:,} pool and {meta['n_test']:,} test sentences",
        f"{len(meta['labels'])} labels",
    ]
    left_out = meta["n_pool_left_out"]
    counts = {
        "of the pool left out (in the test part)": left_out["in_test"],
        "of the pool left out (repeated)": left_out["repeated"],
        "tags that continue nothing": sum(meta["n_bad_tags"].values()),
        "tokens split at a span's edge": sum(meta["n_split_tokens"].values()),
    }
    notes += [f"{n} {what}" for what, n in counts.items() if n]
    msg.good(f"{meta['dataset']}: {', '.join(notes)}")
