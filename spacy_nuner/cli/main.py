"""The typer app of `spacy-nuner`: registers one command per file of this folder."""

import inspect
import logging
import os

import typer

from spacy_nuner import __version__
from spacy_nuner.cli.agreement import agreement
from spacy_nuner.cli.annotate import annotate
from spacy_nuner.cli.baseline import baseline
from spacy_nuner.cli.calibrate import calibrate
from spacy_nuner.cli.card import card
from spacy_nuner.cli.check_result import check_result
from spacy_nuner.cli.check_sheet import check_sheet
from spacy_nuner.cli.compare import compare
from spacy_nuner.cli.concept_map import concept_map
from spacy_nuner.cli.convert import convert
from spacy_nuner.cli.corpus import corpus
from spacy_nuner.cli.debug import debug
from spacy_nuner.cli.episodes import episodes
from spacy_nuner.cli.evaluate import evaluate
from spacy_nuner.cli.experiments import experiments
from spacy_nuner.cli.export import export
from spacy_nuner.cli.fewshot import fewshot
from spacy_nuner.cli.journal import app as journal
from spacy_nuner.cli.others import others
from spacy_nuner.cli.plan import plan
from spacy_nuner.cli.pretrain import pretrain
from spacy_nuner.cli.pretrain_tagger import pretrain_tagger
from spacy_nuner.cli.report import report
from spacy_nuner.cli.sample import sample
from spacy_nuner.cli.score import score
from spacy_nuner.cli.show import PlainFormatter
from spacy_nuner.cli.subset import subset
from spacy_nuner.cli.tables import tables
from spacy_nuner.cli.teach import teach
from spacy_nuner.cli.texts import texts
from spacy_nuner.cli.universal_data import universal_data

# In the order of the chain, so that --help tells the story
STAGES = (
    texts,
    annotate,
    corpus,
    check_sheet,
    check_result,
    agreement,
    subset,
    convert,
    pretrain,
    export,
    pretrain_tagger,
    calibrate,
    concept_map,
    teach,
    debug,
    fewshot,
    plan,
    sample,
    evaluate,
    episodes,
    universal_data,
    baseline,
    others,
    score,
    compare,
    experiments,
    tables,
    report,
    card,
)
TAKES_OVERRIDES = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(
    name="spacy-nuner",
    help="NuNER in spaCy: LLM annotation, contrastive pre-training, few-shot NER.\n\n"
    "The commands are the stages of the chain, in their order; 'spacy project run all' "
    "calls them one after another. Every long one can be stopped and goes on where it "
    "stopped when it's started again.",
    no_args_is_help=True,
    add_completion=False,
)


def print_version(value: bool) -> None:
    """Print the version and leave."""
    if value:
        typer.echo(f"spacy-nuner {__version__}")
        raise typer.Exit


@app.callback()
def setup(
    verbose: bool = typer.Option(False, "--verbose", "-V", help="Log more detail."),
    version: bool = typer.Option(
        False, "--version", callback=print_version, is_eager=True, help="Version."
    ),
) -> None:
    """Set up logging for the command line; the library itself never prints."""
    # Encoders are loaded without their unused pooling layer, of which it would warn
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    level = logging.DEBUG if verbose else logging.INFO
    handler = logging.StreamHandler()
    handler.setFormatter(PlainFormatter("%(message)s"))
    logger = logging.getLogger("spacy_nuner")
    logger.handlers = [handler]
    logger.setLevel(level)


for stage in STAGES:
    # A stage that asks for the context reads config overrides (--paths.encoder X)
    overrides = "ctx" in inspect.signature(stage).parameters
    app.command(
        stage.__name__.replace("_", "-"),
        context_settings=TAKES_OVERRIDES if overrides else None,
    )(stage)
app.add_typer(journal)


def main() -> None:
    """Run the console command."""
    app(prog_name="spacy-nuner")
