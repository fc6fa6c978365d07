"""`spacy-nuner report`: metrics, corpus and log -> reports/."""

from pathlib import Path

import typer


def report(
    metrics: Path = typer.Argument(help="Folder of the metrics, such as 'metrics'."),
    corpus: Path | None = typer.Option(
        None, help="Statistics of the corpus, such as corpus/concepts/stats.json."
    ),
    log: Path | None = typer.Option(
        None, help="Log of the pre-training, such as training/pretrain/log.jsonl."
    ),
    encoder: Path | None = typer.Option(
        None, help="The encoder's description, such as encoders/sample/nuner.json."
    ),
    calibration: Path | None = typer.Option(
        None,
        help="What 'spacy-nuner calibrate' measured. Default: calibration.json in the "
        "folder of the metrics.",
    ),
    concept_map: Path | None = typer.Option(
        None,
        help="What 'spacy-nuner concept-map' made. Default: concept_map.json in the "
        "folder of the metrics.",
    ),
    output: Path = typer.Option(Path("reports"), "--output", "-o", help="Folder."),
    readme: Path | None = typer.Option(
        None, help="Write the results into this README too, between its marks."
    ),
) -> None:
    """Write the report: index.html, summary.json, summary.md and figures/*.svg.

    What is missing is said in the report, not hidden; the folder of the metrics has to
    be there.
    """
    from spacy_nuner.cli.show import msg
    from spacy_nuner.errors import Errors
    from spacy_nuner.report.ablation_charts import draw_ablations
    from spacy_nuner.report.collect import read_inputs
    from spacy_nuner.report.findings import make_findings, read_comparisons
    from spacy_nuner.report.llm_charts import draw_beside_llm
    from spacy_nuner.report.ours import read_ours
    from spacy_nuner.report.readme import update_readme
    from spacy_nuner.report.reproduce import make_tables
    from spacy_nuner.report.summary import make_scale
    from spacy_nuner.report.write import write_report

    try:
        if not metrics.is_dir():
            what = "the folder of the metrics"
            raise FileNotFoundError(Errors.N001.format(what=what, path=metrics))
        inputs = read_inputs(
            metrics,
            corpus=corpus,
            log=log,
            encoder=encoder,
            calibration=calibration,
            concept_map=concept_map,
        )
        ours = read_ours(metrics, scale=make_scale(inputs)["text"])
        summary = write_report(
            inputs,
            output,
            paper_tables=make_tables(ours),
            findings=make_findings(ours, read_comparisons(metrics)),
            more_charts=draw_ablations(ours) | draw_beside_llm(ours),
        )
        is_new = readme is not None and update_readme(readme, output / "summary.json")
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    for line in summary["missing"]:
        msg.warn(f"Not in the report: {line}")
    msg.good(f"Report of {len(inputs.cells):,} cells: {output / 'index.html'}")
    if readme is not None:
        msg.good(f"{readme} {'has new results' if is_new else 'is up to date'}")
