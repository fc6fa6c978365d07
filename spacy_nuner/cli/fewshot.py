"""`spacy-nuner fewshot`: annotated sentences -> a trained and evaluated pipeline."""

import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from spacy_nuner.cli.debug import read_part, say_finding

if TYPE_CHECKING:
    from spacy.language import Language

    from spacy_nuner.component.fewshot.evaluate import Data
    from spacy_nuner.component.fewshot.predict import Prediction
    from spacy_nuner.corpus.checks import Part

N_SHOWN = 5


def fewshot(
    ctx: typer.Context,
    data: list[str] = typer.Argument(
        metavar="DATA...",
        help="Annotated sentences: JSON lines (of this project, spaCy, Prodigy or "
        "doccano), a JSON export of Label Studio, columns (CoNLL) or .spacy. Each file "
        "says itself what it is.",
    ),
    output: Path = typer.Option(
        ..., "--output", "-o", help="Folder of the pipeline, for 'spacy.load'."
    ),
    labels: str | None = typer.Option(
        None,
        help="What the labels are called in plain words, from which the training "
        'starts: "SYMPTOM=fault symptom,TOOL=tool", or a YAML file like '
        "assets/labels/workshop.yml. Without it: the labels themselves.",
    ),
    encoder: Path = typer.Option(
        Path("encoders/sample"), help="Encoder folder made by 'spacy-nuner export'."
    ),
    test: list[Path] = typer.Option(
        [], help="Annotated sentences to test on. Without them: cross-validation."
    ),
    unlabelled: Path | None = typer.Option(
        None,
        help='Texts without annotation (JSON lines with "text", or a text per line): '
        "the ones that the pipeline is least sure of are worth annotating next.",
    ),
    config: Path | None = typer.Option(
        None, help="Config of 'spacy train'. Without it: the one of the package."
    ),
    lang: str | None = typer.Option(
        None, help="Language of the texts, for the tokeniser. [default: the config's]"
    ),
    finetune: bool = typer.Option(
        False, "--finetune", help="Train the encoder too: slower, for many examples."
    ),
    folds: int = typer.Option(
        5, min=0, help="Parts of the cross-validation; 0: no evaluation."
    ),
    format: str | None = typer.Option(
        None,
        help="jsonl, label-studio, columns or docbin, whatever the files look like.",
    ),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace the pipeline."),
) -> None:
    """Train a pipeline on a few annotated sentences, evaluate it and save it.

    \b
    spacy-nuner fewshot notes.jsonl -o my_ner --labels "PART=machine part"
    spacy-nuner fewshot notes.jsonl -o my_ner --unlabelled more.txt

    A classifier is trained on the vectors of a frozen encoder; it starts from
    what the labels are called. Then nlp = spacy.load("my_ner").

    In my_ner/report are the scores, what is taken for what, the mistakes
    (report.md, report.json), the sentences it is least sure of, with what it found
    in them (look_next.jsonl: correct them and add them to your data), and some of them
    with confidences in colour (entities.html).

    Settings of the config can be overridden: --training.max_steps 99
    """
    begin = time.perf_counter()
    # Small products: threads of numpy's own would wait for each other. Read at import
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from click import UsageError
    from spacy.cli._util import parse_config_overrides

    from spacy_nuner.cli.show import msg
    from spacy_nuner.component.fewshot.evaluate import evaluate
    from spacy_nuner.component.fewshot.train import read_config, train_pipeline
    from spacy_nuner.errors import Errors

    files, options = _split_arguments([*data, *ctx.args])
    try:
        overrides = parse_config_overrides(options, env_var=None)
        if output.exists() and not overwrite:
            raise ValueError(Errors.N435.format(path=output))
        settings = read_config(
            config, encoder=encoder, lang=lang, finetune=finetune, overrides=overrides
        )
        lang = settings["nlp"]["lang"]
        train = read_part(files, lang, format, collect=False)
        other = read_part(test, lang, format, collect=False) if test else None
        report: dict[str, Any] = {"name": output.name, "encoder": encoder.as_posix()}
        report |= _look_at(files, labels, train, other)
        nlp = train_pipeline(settings, train.aligned.docs, report["labels"])
        msg.good("Trained")
        found = evaluate(
            settings,
            nlp,
            report["labels"],
            _make_data(train, files),
            test=None if other is None else _make_data(other, test),
            unlabelled=None if unlabelled is None else _read_texts(nlp, unlabelled),
            n_folds=folds,
        )
        report |= found.report
        report["seconds"] = round(time.perf_counter() - begin, 1)
        _save(nlp, output, report, found.least_sure)
    except UsageError as error:
        msg.fail(error.format_message())
        raise typer.Exit(2) from None
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    _summarise(report, output)


def _split_arguments(arguments: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Tell overrides of the config, each with its value, from the files."""
    files: list[Path] = []
    options: list[str] = []
    for argument in arguments:
        is_value = options and options[-1].startswith("--") and "=" not in options[-1]
        if argument.startswith("--") or is_value:
            options.append(argument)
        else:
            files.append(Path(argument))
    return files, options


def _make_data(part: "Part", files: Sequence[Path]) -> "Data":
    from spacy_nuner.component.fewshot.evaluate import Data

    places = [f"{s.path.name}, {s.place}" for s in part.aligned.sentences]
    return Data(part.aligned.docs, places, _join(files))


def _read_texts(nlp: "Language", path: Path) -> "Data":
    from spacy_nuner.component.fewshot.evaluate import Data
    from spacy_nuner.corpus.annotations_io import read_plain

    texts = read_plain(path)
    places = [f"{path.name}, text {i}" for i in range(1, len(texts) + 1)]
    return Data([nlp.make_doc(text) for text in texts], places, _join([path]))


def _join(files: Sequence[Path]) -> str:
    return ", ".join(path.as_posix() for path in files)


def _look_at(
    data: Sequence[Path], labels: str | None, train: "Part", test: "Part | None"
) -> dict[str, Any]:
    """Check the data, settle the labels. RETURNS (dict[str, Any]): Both, for report."""
    from spacy_nuner.cli.show import msg
    from spacy_nuner.component.fewshot.labels import read_labels
    from spacy_nuner.corpus.checks import check, count_labels
    from spacy_nuner.errors import Errors

    docs = train.aligned.docs
    counts = count_labels(docs)
    if not counts:
        raise ValueError(Errors.N216.format(paths=_join(data), n=len(docs)))
    names = read_labels(labels, counts)
    listed = ", ".join(f"{label} {counts.get(label, 0)}" for label in names)
    n_entities = sum(counts.values())
    msg.info(f"{len(docs)} sentences with {n_entities} entities: {listed}")
    findings = check(train, test)
    for finding in findings:
        say_finding(finding, 1, more="'spacy-nuner debug'")
    if labels is None:
        msg.info(
            "The labels are called by their own names. Plain words help: --labels "
            f'"{next(iter(names))}=…"'
        )
    return {
        "data": {
            "files": _join(data),
            "n_sentences": len(docs),
            "n_entities": n_entities,
        },
        "labels": names,
        "findings": [
            {"kind": f.kind, "level": f.level, "title": f.title, "n": len(f.cases)}
            | {"cases": f.cases}
            for f in findings
        ],
    }


def _save(
    nlp: "Language", output: Path, report: dict[str, Any], shown: "list[Prediction]"
) -> None:
    from spacy_nuner.component.fewshot.report import write_report
    from spacy_nuner.corpus.files import replacing_dir

    nlp.meta["name"] = re.sub(r"\W+", "_", output.name).strip("_").lower() or "fewshot"
    if "scores" in report:
        scores = report["scores"]
        nlp.meta["performance"] = {
            key: scores[key] for key in ("ents_p", "ents_r", "ents_f")
        }
    with replacing_dir(output, marker="meta.json") as folder:
        nlp.to_disk(folder)
        write_report(report, folder / "report", shown)


def _summarise(report: dict[str, Any], output: Path) -> None:
    from spacy_nuner.cli.show import msg, say
    from spacy_nuner.component.fewshot.markdown import describe_doubt
    from spacy_nuner.corpus.annotated import shorten

    if "scores" in report:
        scores = report["scores"]
        msg.divider(report["evaluated_on"])
        rows = [
            (label, row["n"], *(f"{100 * row[x]:.1f}" for x in "prf"))
            for label, row in scores["labels"].items()
        ]
        total = [f"{100 * scores[key]:.1f}" for key in ("ents_p", "ents_r", "ents_f")]
        rows.append(("all", sum(row["n"] for row in scores["labels"].values()), *total))
        header = ("label", "entities", "P", "R", "F1")
        msg.table(rows, header=header, divider=True, aligns=("l", *"rrrr"))
        say(f"Token macro F1: {100 * scores['token_macro_f1']:.1f}\n")
        mixed = _list_mixed(report["confusion"])
        if mixed:
            say(f"Most often mixed up: {'; '.join(mixed)}")
    if report["unsure"]:
        msg.divider("Least sure")
        say(f"{report['unsure_from']}.")
        for unsure in report["unsure"][:N_SHOWN]:
            say(f"  {unsure['sureness']:.2f}  {shorten(unsure['text'])}")
            say(f"        {describe_doubt(unsure['doubts'][0])}")
    say("")
    msg.good(f"Pipeline in {output}, report in {output / 'report' / 'report.md'}")
    say(f'  nlp = spacy.load("{output}")    ({report["seconds"]:.0f} s in all)')


def _list_mixed(confusion: dict[str, dict[str, int]]) -> list[str]:
    counts = [
        (n, gold, predicted)
        for gold, row in confusion.items()
        for predicted, n in row.items()
        if n and gold != predicted
    ]
    counts.sort(key=lambda item: -item[0])
    return [f"{gold} taken for {guess} {n}×" for n, gold, guess in counts[:3]]
