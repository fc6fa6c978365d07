"""`spacy-nuner card`: cards of corpus, encoder and pipeline, from the run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from spacy_nuner.corpus.leaks import Leaks


def card(
    config: Path = typer.Argument(
        ..., help="Sources and terms: configs/sample/card.cfg.", exists=True
    ),
    corpus: Path = typer.Option(Path("corpus/concepts"), help="Concept corpus."),
    encoder: Path | None = typer.Option(
        None, help="Encoder folder whose README.md gets the part about the run."
    ),
    package: Path | None = typer.Option(
        None, help="Pipeline, such as training/en_nuner: sources and licence in meta."
    ),
    log: Path = typer.Option(
        Path("training/pretrain/log.jsonl"), help="Log of the pre-training."
    ),
    test: list[Path] = typer.Option(
        [Path("corpus/ner")], help="Folders with test.spacy, for the leak check."
    ),
    labels_dir: Path = typer.Option(
        Path("assets/labels"), help="Labels in plain words: <dataset>.yml."
    ),
    n_words: int = typer.Option(
        8,
        min=2,
        help="A run of so many words that corpus and test set share is a leak.",
    ),
) -> None:
    """Write what others need to know: sources, licences, terms, leaks, hardware.

    The corpus gets a README.md; the card of an encoder gets a part of its own; a
    pipeline gets sources and licence in its meta.json, from which 'spacy package'
    makes its README.
    """
    from thinc.api import Config

    from spacy_nuner.cli.show import msg
    from spacy_nuner.errors import Errors
    from spacy_nuner.report.cards import (
        describe_run,
        put_run_block,
        render_data_card,
        render_run_block,
    )
    from spacy_nuner.report.collect import read_log
    from spacy_nuner.report.files import read_object
    from spacy_nuner.report.summary import write_text

    try:
        sources = {k: str(v) for k, v in Config().from_disk(config)["card"].items()}
        stats = read_object(corpus / "stats.json")
        found = _find_leaks(corpus, test, stats, labels_dir, n_words)
        leaks = None if found is None else found._asdict()
        files = [log, log.with_name("runs.jsonl")]
        records = [r for file in files if file.is_file() for r in read_log(file)]
        described = encoder / "nuner.json" if encoder is not None else None
        about = read_object(described) if described and described.is_file() else None
        run = describe_run(records, n_sentences=stats["n_train"], encoder=about)
        text = render_data_card(stats, sources, leaks, describe_run())
        write_text(corpus / "README.md", text)
        msg.good(f"{corpus / 'README.md'}")
        if encoder is not None:
            path = encoder / "README.md"
            if not path.is_file():
                raise ValueError(Errors.N001.format(what="card", path=path))
            block = render_run_block(sources, leaks, run)
            write_text(path, put_run_block(path.read_text(encoding="utf8"), block))
            msg.good(f"{path}")
        if package is not None:
            _update_meta(package, sources)
            msg.good(f"{package / 'meta.json'}")
    except (KeyError, ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    if found is None:
        msg.warn("No leak check: no test set was found")
    elif found.n_leaks:
        told = ", ".join(f"{name} {n:,}" for name, n in found.by_set.items())
        msg.warn(f"{found.n_leaks:,} sentences share words with test sets: {told}")
    else:
        n_sets = len(found.test_sets)
        msg.good(f"No sentence shares {n_words} words with any of {n_sets} test sets")


def _find_leaks(
    corpus: Path, test: list[Path], stats: dict[str, Any], labels: Path, n_words: int
) -> "Leaks | None":
    from spacy_nuner.corpus.labels import read_labels
    from spacy_nuner.corpus.leaks import find_leaks

    folders = [path for path in test if path.is_dir() and any(path.rglob("test.spacy"))]
    if not folders:
        return None
    names = {}
    for folder in folders:
        for path in sorted(folder.glob("*/meta.json")):
            file = labels / f"{path.parent.name}.yml"
            if file.is_file():
                known = read_labels(file).values()
                names[path.parent.name] = [label.name for label in known]
    concepts = {str(name): int(n) for name, n in stats["concepts"]}
    return find_leaks(corpus, folders, concepts=concepts, labels=names, n_words=n_words)


def _update_meta(package: Path, sources: dict[str, str]) -> None:
    """Put sources and licence where 'spacy package' reads them."""
    import json

    from spacy_nuner.report.files import read_object
    from spacy_nuner.report.summary import write_text

    path = package / "meta.json"
    meta = read_object(path)
    meta["license"] = sources.get("model_licence") or meta.get("license") or "MIT"
    meta["sources"] = [
        {
            "name": sources.get("texts", ""),
            "url": sources.get("address", ""),
            "license": sources.get("licence", ""),
        },
        {
            "name": f"annotations by {sources.get('annotator', 'a language model')}",
            "url": "",
            "license": sources.get("terms", ""),
        },
    ]
    write_text(path, json.dumps(meta, ensure_ascii=False, indent=2) + "\n")
