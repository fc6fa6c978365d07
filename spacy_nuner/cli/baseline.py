"""`spacy-nuner baseline`: an LLM's replies, recorded or asked for -> cells."""

from pathlib import Path

import typer


def baseline(
    sources: list[Path] = typer.Argument(
        ...,
        help="Folders with <dataset>.kw<n>.cfg; those that are missing are named. Or "
        "one config of an LLM, which is filled in for each data set and k_w.",
    ),
    datasets_dir: Path = typer.Option(
        Path("corpus/ner"), help="Folder of the data sets, from 'convert'."
    ),
    output: Path = typer.Option(
        Path("metrics/ner_v3"), "--output", "-o", help="Folder of the cells."
    ),
    dataset: list[str] = typer.Option(
        [], help="Data set; repeat for several. Default: all."
    ),
    k_words: str = typer.Option(
        "",
        help="Words of each type in the examples of the prompt; 0: no examples. "
        "Default: 0 for a config, all that a folder has.",
    ),
    sets: int = typer.Option(
        0, min=0, help="With a config: runs for each k_w; 0: 16 for 1, 8 for 2 …"
    ),
    limit: int = typer.Option(
        1000, min=0, help="With a config: test sentences to ask about; 0: all."
    ),
    labels_dir: Path = typer.Option(
        Path("assets/labels"), help="Labels in plain words: <dataset>.yml."
    ),
    replies: Path = typer.Option(
        Path("annotations/llm"),
        help="With a config: folder in which a folder of filled-in configs and replies "
        "is made. Replies cost money: keep it.",
    ),
    name: str = typer.Option(
        "", help="Is added to the names of the rows, to tell several LLMs apart."
    ),
) -> None:
    """Score an LLM: spacy-llm's NER v3 prompt (Section 6), or UniversalNER's.

    Replies are recorded ones (spacy-nuner.Recorded.v1), or any model of spacy-llm is
    asked; what it answers is kept in <config>.replies.jsonl, so that nothing is asked
    twice. Replies to the NER v3 prompt are read by the parser of spacy-llm and by the
    repaired one of this package. Finished cells are skipped.
    """
    from spacy_nuner.cli.show import msg
    from spacy_nuner.errors import Errors
    from spacy_nuner.evaluate.llm.prepare import Request, prepare_recordings
    from spacy_nuner.evaluate.ner_v3 import find_recordings, run_recordings
    from spacy_nuner.evaluate.plan import find_datasets

    try:
        ks = _read_ks(k_words)
        recordings = []
        for source in sources:
            if source.suffix == ".cfg" and source.is_file():
                request = Request(ks or [0], sets or None, limit, labels_dir)
                paths = find_datasets(datasets_dir, dataset)
                folder = replies / source.stem
                prepared = prepare_recordings(source, paths, request, folder)
                for problem in prepared.impossible:
                    msg.warn(f"{problem}, left out")
                found = [path.name for path in paths]
                recordings += find_recordings(folder, datasets=found, ks=ks or [0])
            elif source.is_dir():
                recordings += find_recordings(source, datasets=dataset, ks=ks)
            else:
                there = source.exists()
                problem = (
                    "neither a folder nor a config (.cfg)" if there else "not there"
                )
                msg.warn(f"{source}: {problem}, left out")
        if not recordings:
            names = ", ".join(str(source) for source in sources)
            raise ValueError(Errors.N001.format(what="recorded replies", path=names))
        result = run_recordings(recordings, datasets_dir, output, name=name)
    except (ValueError, OSError, RuntimeError) as error:
        msg.fail(str(error), exits=1)
    for missing in result.missing:
        msg.warn(f"{missing}: no such data set in {datasets_dir}, left out")
    msg.good(
        f"{output}: {result.n_computed} cells computed, "
        f"{result.n_skipped} were finished already"
    )


def _read_ks(text: str) -> list[int] | None:
    """Values of k_w, 0 among them; None if none are given."""
    from spacy_nuner.errors import Errors

    if not text.strip():
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise ValueError(Errors.N512.format(got=text))
    return sorted({int(part) for part in parts})
