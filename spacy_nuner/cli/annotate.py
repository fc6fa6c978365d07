"""`spacy-nuner annotate`: texts -> the journal of the LLM's replies."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from spacy_nuner.cli.wording import say_duration, say_money

if TYPE_CHECKING:
    from spacy_nuner.annotate.annotator import Annotator
    from spacy_nuner.annotate.pilot import Estimate
    from spacy_nuner.annotate.run import AnnotateResult

# Told apart from 1, an error, by scripts that go on with more money or later
BUDGET_SPENT = 3
INTERRUPTED = 130
TURNS: dict[Literal[1, 2], str] = {1: "First pass", 2: "Second pass"}


def annotate(
    ctx: typer.Context,
    config: Path = typer.Argument(
        help="Config of a pipeline with one 'llm' component: the task (prompt) and the "
        "model, such as configs/sample/annotate.cfg."
    ),
    texts: Path = typer.Argument(
        help='JSONL file of {"id", "text"}, gzipped or not, or a folder of such files.'
    ),
    output: Path = typer.Option(
        Path("annotations/replies.sqlite"),
        "--output",
        "-o",
        help="The journal: replies are added to it; what it holds is not asked again.",
    ),
    limit: int = typer.Option(0, min=0, help="Only the first so many texts; 0: all."),
    max_failures: int = typer.Option(
        20,
        min=1,
        help="Give up after so many texts without a reply, if they are a tenth or more "
        "of those asked.",
    ),
    dry_run: int = typer.Option(
        0,
        min=0,
        help="Ask only so many texts, at random, and say what the others will cost. "
        "These are paid for and kept.",
    ),
    seed: int = typer.Option(0, help="Decides which texts a dry run asks."),
    budget: float | None = typer.Option(
        None,
        min=0,
        help="Stop before the journal has cost more than this, in the currency of the "
        "config's [prices]; what earlier runs of this model spent counts.",
    ),
    ray: int = typer.Option(
        0,
        "--ray",
        min=0,
        help="Ask with so many workers on Ray, on this machine or on a cluster; they "
        "share the limits of the config. 0: without Ray.",
    ),
    ray_address: str | None = typer.Option(
        None,
        help="Cluster to join, as 'host:6379'; without it that of RAY_ADDRESS, or one "
        "of this machine for as long as the command runs.",
    ),
    ray_task_size: int = typer.Option(
        2_000, min=1, help="Texts that a worker gets at a time."
    ),
) -> None:
    """Ask an LLM for the entities and concepts of each text.

    Replies are kept raw, each as it arrives, with the hash of model, settings
    and prompt: stop the command at any moment, start it again, and it goes on.
    Change the prompt, the model or its settings, and the texts are asked again.
    Nothing is parsed here: 'spacy-nuner corpus' does that, as often as you
    like, for nothing. 'spacy-nuner journal status' looks on from outside.

    Settings of the config can be overridden: --paths.replies my_replies.jsonl

    With --ray the work is done by several processes, on many machines if they
    see the folder of the journal by the same path. A dry run needs no workers.

    Exit codes: 0 all texts have a reply; 1 an error, or texts without a reply;
    3 the budget is spent; 130 stopped by Ctrl-C.
    """
    from spacy.cli._util import parse_config_overrides

    from spacy_nuner.annotate.annotator import load_annotator
    from spacy_nuner.annotate.pilot import run_pilot
    from spacy_nuner.annotate.run import annotate_texts
    from spacy_nuner.cli.show import msg
    from spacy_nuner.corpus.sources import read_texts

    if ray_address and not ray:
        msg.fail("--ray-address needs --ray: the number of workers.", exits=1)
    overrides = parse_config_overrides(ctx.args, env_var=None)

    def read() -> Iterator[tuple[str, str]]:
        return ((text.id, text.text) for text in read_texts(texts, limit=limit))

    try:
        annotator = load_annotator(config, overrides)
        if dry_run:
            estimate = run_pilot(
                annotator,
                read,
                output,
                n=dry_run,
                seed=seed,
                max_failures=max_failures,
                budget=budget,
            )
            _say_estimate(estimate, annotator, output)
            return
        ask = partial(annotate_texts, annotator, read, output)
        if ray:
            from spacy_nuner.annotate.ray.run import RaySettings, annotate_on_ray

            spread = RaySettings(ray, ray_task_size, ray_address)
            ask = partial(
                annotate_on_ray,
                *(annotator, read, output, spread),
                config=config,
                overrides=overrides,
            )
        results: dict[str, AnnotateResult] = {}
        for turn, name in TURNS.items():
            if turn == 1 or annotator.missed_prompt is not None:
                results[name] = ask(max_failures=max_failures, budget=budget, turn=turn)
                if results[name].tally.stopped:
                    break
    except (ValueError, OSError, RuntimeError) as error:
        msg.fail(str(error), exits=1)
    # what ends the command with an exit code is said last
    for name, result in sorted(results.items(), key=lambda item: _has_trouble(item[1])):
        if len(results) > 1:
            msg.divider(name)
        _say_result(result, annotator, output, budget)


def _has_trouble(result: "AnnotateResult") -> bool:
    return bool(result.tally.stopped or result.tally.n_failed)


def _say_result(
    result: "AnnotateResult",
    annotator: "Annotator",
    output: Path,
    budget: float | None,
) -> None:
    from spacy_nuner.cli.show import msg

    tally, prices = result.tally, annotator.prices
    if not tally.n_asked and not tally.n_failed and not tally.stopped:
        msg.good(f"Nothing to do: all {tally.n_before:,} replies are in {output}")
        return
    msg.info(
        f"{tally.n_asked:,} asked, {tally.n_before:,} from before, "
        f"{tally.n_failed:,} failed"
    )
    if sum(tally.usage):
        text = (
            f"{tally.usage.prompt_tokens:,} tokens in, "
            f"{tally.usage.completion_tokens:,} out"
        )
        if prices is not None:
            now, all_runs = prices.cost(tally.usage), prices.cost(result.total)
            text += (
                f": {say_money(now, prices.currency)}, and "
                f"{say_money(all_runs, prices.currency)} with all earlier runs"
            )
        msg.info(text)
    n_left = result.n_texts - tally.n_done
    if tally.stopped == "budget" and prices is not None and budget is not None:
        spent = say_money(prices.cost(result.total), prices.currency)
        msg.warn(
            f"Stopped: {spent} of {say_money(budget, prices.currency)} are spent, and "
            f"another request could pass the budget. {n_left:,} texts are left.",
            "Start the command again with a larger --budget to go on.",
        )
        raise typer.Exit(BUDGET_SPENT)
    if tally.stopped == "interrupted":
        msg.warn(
            f"Stopped: {n_left:,} texts are left.",
            f"All replies that came are in {output}. Start the command again to go on.",
        )
        raise typer.Exit(INTERRUPTED)
    if tally.n_failed:
        msg.fail(
            f"{tally.n_failed:,} texts have no reply. The first error:",
            f"{tally.first_error}\nStart the command again to ask for these only.",
            exits=1,
        )
    msg.good(f"Replies are in {output}")


def _say_estimate(estimate: "Estimate", annotator: "Annotator", output: Path) -> None:
    from spacy_nuner.annotate.pilot import CONFIDENCE
    from spacy_nuner.cli.show import msg

    msg.good(
        f"Pilot: {estimate.n_pilot:,} of {estimate.n_texts:,} texts have a reply in "
        f"{output}; they aren't asked again"
    )
    if estimate.n_failed:
        msg.warn(f"{estimate.n_failed:,} texts of the pilot failed")
    if not estimate.counted:
        msg.warn(
            "This model counts no tokens: they are reckoned from the characters, four "
            "to a token. Take the figures for a rough guess."
        )
    sure = f"({CONFIDENCE:.0%} interval"
    tokens = [estimate.prompt_tokens, estimate.completion_tokens]
    rows = [("Texts left", f"{estimate.n_left:,}")]
    for name, interval in zip(("Tokens in", "Tokens out"), tokens, strict=True):
        low, mean, high = interval
        rows.append((name, f"{mean:,.0f} {sure} {low:,.0f} to {high:,.0f})"))
    if estimate.price is not None and annotator.prices is not None:
        low, mean, high = (
            say_money(value, annotator.prices.currency) for value in estimate.price
        )
        rows.append(("Price", f"{mean} {sure} {low} to {high})"))
    else:
        rows.append(("Price", "not known: the config has no section [prices]"))
    rate = f"{estimate.per_minute:,.0f} requests a minute"
    rows.append(("Time", f"{say_duration(estimate.seconds)} at {rate}"))
    msg.table(rows)
