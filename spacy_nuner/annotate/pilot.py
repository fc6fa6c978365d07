"""A pilot: some texts at random are asked, to say what all of them will cost."""

import random
from math import sqrt
from pathlib import Path
from statistics import NormalDist, fmean, stdev
from typing import Any, Final, NamedTuple

from spacy_nuner.annotate.annotator import Annotator, Question
from spacy_nuner.annotate.answers import StreamingModel, Usage
from spacy_nuner.annotate.ask import Asker
from spacy_nuner.annotate.journal.schema import Record
from spacy_nuner.annotate.journal.store import Journal
from spacy_nuner.annotate.money import Prices
from spacy_nuner.annotate.ray.shards import join_shards, name_folder
from spacy_nuner.annotate.run import TextSource, check_texts, make_budget
from spacy_nuner.errors import Errors

CONFIDENCE: Final = 0.95
_CHARACTERS_PER_TOKEN: Final = 4  # of English, where the model counts none


class Interval(NamedTuple):
    """An estimate and where the truth is, with the confidence of `CONFIDENCE`."""

    low: float
    mean: float
    high: float


class Estimate(NamedTuple):
    """What is left to do, from a pilot."""

    n_texts: int
    n_pilot: int  # replies that it rests on
    n_failed: int
    n_left: int  # texts without a reply, after the pilot
    counted: bool  # False: the model counts no tokens, characters were counted
    usage: Usage  # of the pilot
    prompt_tokens: Interval  # of all that is left, as are the next three
    completion_tokens: Interval
    price: Interval | None  # None without prices
    seconds: float
    per_minute: float  # requests, as fast as the settings let them go


def run_pilot(
    annotator: Annotator,
    texts: TextSource,
    output: Path,
    *,
    n: int,
    seed: int = 0,
    max_failures: int = 20,
    budget: float | None = None,
) -> Estimate:
    """Ask some texts and reckon what the others will cost.

    The replies are paid for and kept in the journal, so the run that follows does not
    ask these texts again.

    annotator (Annotator): From `load_annotator`.
    texts (TextSource): Gives all texts.
    output (Path): The journal.
    n (int): Texts to ask, at least 2.
    seed (int): Decides which; the same seed chooses the same texts.
    max_failures (int): Stop after so many failed texts, if they are a tenth or more.
    budget (float | None): As in `annotate_texts`.
    RETURNS (Estimate): Tokens, price and time of what is left.
    RAISES (ValueError): If a text is bad, or there is none to ask.
    RAISES (RuntimeError): If too few replies came.
    """
    n_texts = check_texts(texts()).n_texts
    chosen = set(random.Random(seed).sample(range(n_texts), min(n, n_texts)))
    numbered = ((i, id_, text) for i, (id_, text) in enumerate(texts()) if i in chosen)
    questions = list(annotator.make_questions(numbered))
    with Journal(output) as journal:
        join_shards(journal, name_folder(output))
        asker = Asker(
            annotator,
            journal,
            max_failures=max_failures,
            budget=make_budget(annotator, journal, budget),
        )
        is_new = not len(journal)
        tally = asker.ask(questions)
        pairs = [(q, journal.get(annotator.make_key(q.prompt))) for q in questions]
        replied = [(q, r) for q, r in pairs if r is not None and r.response is not None]
        if len(replied) < 2:
            error = tally.first_error or tally.stopped or "no text"
            raise RuntimeError(Errors.N149.format(n=len(replied), error=error))
        if is_new:
            n_left = n_texts - len(replied)
        else:
            n_left = count_missing(annotator, texts, journal)
    return make_estimate(
        replied,
        n_texts=n_texts,
        n_failed=tally.n_failed,
        n_left=n_left,
        prices=annotator.prices,
        transport=annotator.transport,
        streams=isinstance(annotator.model, StreamingModel),
    )


def count_missing(annotator: Annotator, texts: TextSource, journal: Journal) -> int:
    """Count the texts that have no reply, by making each prompt.

    annotator (Annotator): Makes the prompts.
    texts (TextSource): Gives all texts.
    journal (Journal): Has the replies.
    RETURNS (int): The number; a text that comes twice counts twice.
    """
    numbered = ((i, id_, text) for i, (id_, text) in enumerate(texts()))
    keys = (annotator.make_key(q.prompt) for q in annotator.make_questions(numbered))
    return sum(key not in journal for key in keys)


def make_estimate(
    replied: list[tuple[Question, Record]],
    *,
    n_texts: int,
    n_failed: int,
    n_left: int,
    prices: Prices | None,
    transport: dict[str, Any],
    streams: bool,
) -> Estimate:
    """Reckon tokens, price and time of what is left.

    replied (list[tuple[Question, Record]]): The pilot.
    n_texts (int): All texts.
    n_failed (int): Texts of the pilot without a reply.
    n_left (int): Texts to be asked yet.
    prices (Prices | None): Of the model.
    transport (dict[str, Any]): Settings max_concurrent, requests_per_minute and
        tokens_per_minute of the model, where it has them.
    streams (bool): Whether the model has many requests at once.
    RETURNS (Estimate): The figures.
    """
    counted = any(record.prompt_tokens for _, record in replied)
    usages = [_get_usage(question, record, counted) for question, record in replied]
    total = Usage(sum(u[0] for u in usages), sum(u[1] for u in usages))
    price = None
    if prices is not None:
        price = spread([prices.cost(usage) for usage in usages], n_left)
    latency = fmean(record.seconds for _, record in replied)
    per_second = _get_rate(transport, latency, sum(total) / len(usages), streams)
    return Estimate(
        n_texts=n_texts,
        n_pilot=len(replied),
        n_failed=n_failed,
        n_left=n_left,
        counted=counted,
        usage=total,
        prompt_tokens=spread([usage.prompt_tokens for usage in usages], n_left),
        completion_tokens=spread([usage.completion_tokens for usage in usages], n_left),
        price=price,
        seconds=n_left / per_second,
        per_minute=per_second * 60,
    )


def spread(sample: list[float] | list[int], n_left: int) -> Interval:
    """From a sample of texts to the sum over others.

    Two things are uncertain: the mean, which the sample only estimates, and the sum
    of the others around their mean.

    sample (list[float] | list[int]): A figure of each text of the pilot.
    n_left (int): Texts to sum over.
    RETURNS (Interval): The sum, with Student's t for the small sample.
    """
    n, mean = len(sample), fmean(sample)
    if n < 2:
        return Interval(0.0, mean * n_left, float("inf"))
    error = stdev(sample) * sqrt(n_left**2 / n + n_left)
    margin = _student_t(n - 1) * error
    middle = mean * n_left
    return Interval(max(0.0, middle - margin), middle, middle + margin)


def _student_t(df: int) -> float:
    """Quantile of Student's t by the expansion of Abramowitz and Stegun, 26.7.5."""
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return sum(term / df**power for power, term in enumerate(terms))


def _get_usage(question: Question, record: Record, counted: bool) -> Usage:
    if counted:
        return Usage(record.prompt_tokens, record.completion_tokens)
    sizes = (len(question.prompt), len(record.response or ""))
    return Usage(*(-(-size // _CHARACTERS_PER_TOKEN) for size in sizes))


def _get_rate(
    transport: dict[str, Any], latency: float, n_tokens: float, streams: bool
) -> float:
    """Requests per second that the settings and the latency of the pilot allow."""
    n_at_once = int(transport.get("max_concurrent") or 1) if streams else 1
    rates = [n_at_once / max(latency, 1e-6)]
    if transport.get("requests_per_minute"):
        rates.append(transport["requests_per_minute"] / 60)
    if transport.get("tokens_per_minute"):
        rates.append(transport["tokens_per_minute"] / 60 / max(n_tokens, 1.0))
    return min(rates)
