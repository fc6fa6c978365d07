"""`spacy-nuner evaluate`: encoders + NER data -> cells of the few-shot grid."""

from pathlib import Path

import typer


def evaluate(
    ctx: typer.Context,
    config: Path = typer.Argument(
        ...,
        help="Training config: fewshot_frozen.cfg, or fewshot_finetune.cfg with "
        "another --output.",
    ),
    encoder: Path = typer.Option(
        Path("encoders/sample"), help="The NuNER encoder folder."
    ),
    base: Path | None = typer.Option(
        None, help="Its base encoder. Default: what the encoder's nuner.json names."
    ),
    ner_bert: Path | None = typer.Option(
        None, help="An encoder of 'pretrain-tagger': adds the row ner_bert."
    ),
    datasets_dir: Path = typer.Option(
        Path("corpus/ner"), help="Folder of the data sets, from 'convert'."
    ),
    labels_dir: Path = typer.Option(
        Path("assets/labels"), help="Labels in plain words: <dataset>.yml."
    ),
    output: Path = typer.Option(
        Path("metrics/fewshot"), "--output", "-o", help="Folder of the cells."
    ),
    k: str = typer.Option(
        "1,2,4,8,16,32,64", help="Mentions of each type in a training set: k to 2k."
    ),
    sets: int = typer.Option(10, min=1, help="Training sets for each k."),
    sets_from: str = typer.Option(
        "",
        help="Saved sets of 'sample' to train on: k2k, nested or words. Give another "
        "--output, too. Default: k to 2k mentions, drawn now.",
    ),
    dataset: list[str] = typer.Option(
        [], help="Data set; repeat for several. Default: all that are found."
    ),
    system: list[str] = typer.Option(
        [],
        help="base, base_best_layer, ner_bert, nuner or nuner_concept_start; repeat "
        "for several. Default: all whose encoder is given.",
    ),
    ner_v3: list[Path] = typer.Option(
        [Path("assets/sample/llm_ner_v3"), Path("assets/datasets/llm_ner_v3")],
        help="Folders with <dataset>.gold.jsonl: the sentences that an LLM was asked, "
        "scored apart.",
    ),
    n_process: int = typer.Option(
        0, "--n-process", min=0, help="Processes that train heads; 0: one per core."
    ),
    keep_features: bool = typer.Option(
        False, "--keep-features", help="Keep the token vectors on disk."
    ),
) -> None:
    """Measure few-shot NER, as in the paper's Sections 4.1 and 6.

    For each data set, k and training set a linear head is trained on the vectors of
    the base encoder and of the NuNER encoder, and tested on the whole test set. With a
    config that freezes no encoder a whole pipeline is trained for each instead: hours
    where the other takes minutes, so choose data sets, k and sets. Each
    result is a file; finished ones are skipped, so a run can be stopped at any time.
    Settings of the config can be overridden: --training.max_steps 100.
    """
    from spacy.cli._util import parse_config_overrides

    from spacy_nuner.cli.show import msg
    from spacy_nuner.evaluate.frozen import read_config
    from spacy_nuner.evaluate.plan import (
        Grid,
        find_base,
        find_datasets,
        pick_systems,
        read_ks,
    )
    from spacy_nuner.evaluate.run import run_grid
    from spacy_nuner.evaluate.tuned import find_tunable, trains_encoder

    try:
        encoders = {"nuner": encoder}
        if ner_bert is not None:
            encoders["ner_bert"] = ner_bert
        training = read_config(config, parse_config_overrides(ctx.args))
        systems = pick_systems(system, encoders={"base", *encoders})
        if not system and trains_encoder(training):
            systems = find_tunable(systems)
        if any(s.encoder == "base" for s in systems):
            encoders["base"] = base or find_base(encoder)
        grid = Grid(
            config=training,
            encoders=encoders,
            datasets=find_datasets(datasets_dir, dataset),
            labels_dir=labels_dir,
            output=output,
            ks=read_ks(k),
            n_sets=sets,
            systems=systems,
            gold_dirs=ner_v3,
            keep_features=keep_features,
            n_process=n_process,
            sets_from=sets_from,
        )
        result = run_grid(grid)
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    for entry in result.unreachable:
        types = ", ".join(f"{label} {n}" for label, n in entry["types"].items())
        msg.warn(f"{entry['dataset']}, k = {entry['k']}: {entry['reason']}", types)
    msg.good(
        f"{output}: {result.n_computed} cells computed, "
        f"{result.n_skipped} were finished already"
    )
