"""`spacy-nuner baseline`: recorded replies to the NER v3 prompt -> cells."""

from pathlib import Path

import typer


def baseline(
    folders: list[Path] = typer.Argument(
        ..., help="Folders with <dataset>.kw<n>.cfg; those that are missing are named."
    ),
    datasets_dir: Path = typer.Option(
        Path("corpus/ner"), help="Folder of the data sets, from 'convert'."
    ),
    output: Path = typer.Option(
        Path("metrics/ner_v3"), "--output", "-o", help="Folder of the cells."
    ),
) -> None:
    """Score an LLM with spacy-llm's NER v3 prompt, the baseline of Section 6.

    The replies are read twice: by the parser of spacy-llm and by the repaired one of
    this package. Finished cells are skipped.
    """
    from wasabi import msg

    from spacy_nuner.errors import Errors
    from spacy_nuner.evaluate.ner_v3 import find_recordings, run_recordings

    try:
        recordings = []
        for folder in folders:
            if folder.is_dir():
                recordings += find_recordings(folder)
            else:
                msg.warn(f"{folder}: not there, left out")
        if not recordings:
            names = ", ".join(str(folder) for folder in folders)
            raise ValueError(Errors.N001.format(what="recorded replies", path=names))
        result = run_recordings(recordings, datasets_dir, output)
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    for name in result.missing:
        msg.warn(f"{name}: no such data set in {datasets_dir}, left out")
    msg.good(
        f"{output}: {result.n_computed} cells computed, "
        f"{result.n_skipped} were finished already"
    )
