"""`spacy-nuner sample`: pools of data sets -> training sets as files."""

from pathlib import Path

import typer


def sample(
    datasets: list[str] = typer.Argument(..., help="Names of data sets."),
    datasets_dir: Path = typer.Option(
        Path("corpus/ner"), help="Folder of the data sets, from 'convert'."
    ),
    sampler: str = typer.Option(
        "k2k",
        help="k2k: k to 2k mentions of each type; nested: the same, each set within "
        "the next; words: k words of each type; episodes: support and query sets.",
    ),
    k: str = typer.Option("1,2,4,8,16,32,64", help="Mentions or words of each type."),
    sets: int = typer.Option(
        10, min=1, help="Sets for each k; their number is a seed."
    ),
    ways: int = typer.Option(5, min=1, help="Types of an episode."),
    query: int = typer.Option(
        1, min=1, help="Mentions of each type in the query set of an episode."
    ),
) -> None:
    """Draw training sets and save them: <dataset>/sets/<sampler>/k<k>/seed<s>.json.

    The same data give the same files on any machine. 'evaluate --sets-from <sampler>'
    takes them. A file that is damaged is drawn anew.
    """
    from spacy_nuner.cli.show import msg
    from spacy_nuner.errors import Errors
    from spacy_nuner.evaluate.data import load_dataset
    from spacy_nuner.evaluate.plan import find_datasets, read_ks
    from spacy_nuner.evaluate.samplers.make import Request, make_sets

    try:
        request = Request(sampler, read_ks(k), sets, n_way=ways, q=query)
        n_there = 0
        for path in find_datasets(datasets_dir, datasets):
            result = make_sets(load_dataset(path), path, request)
            for entry in result.impossible:
                types = ", ".join(f"{label} {n}" for label, n in entry["types"].items())
                msg.warn(f"{path.name}, k = {entry['k']}: {entry['reason']}", types)
            there = result.n_written + result.n_same
            say = msg.good if there else msg.warn
            say(
                f"{path / 'sets'}: {result.n_written} sets written, "
                f"{result.n_same} were there already"
            )
            n_there += there
        if not n_there:
            more = " or --ways" if sampler == "episodes" else ""
            at = {"k": k, "sampler": sampler, "ways": more}
            raise ValueError(Errors.N533.format(**at))
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
