"""Prices, and a budget that is never passed."""

from pathlib import Path

import pytest

from spacy_nuner.annotate.answers import Answer, Usage
from spacy_nuner.annotate.journal.store import read_journal
from spacy_nuner.annotate.money import (
    Budget,
    Prices,
    find_max_tokens,
    read_prices,
)
from spacy_nuner.annotate.run import annotate_texts

from .models import Shuffled, answer_prompt, make_annotator

PRICES = Prices(10.0, 20.0, "EUR")
TEXTS = [(f"t{i}", f"Text number {i}.") for i in range(200)]


def test_cost_is_per_million() -> None:
    assert PRICES.cost(Usage(1_000_000, 500_000)) == 20.0
    assert PRICES.cost(Usage()) == 0


@pytest.mark.parametrize(
    "section", [{"input": 0.15, "output": 1}, {"input": 0, "output": 0.6}]
)
def test_read_prices(section: dict[str, float]) -> None:
    expected = Prices(section["input"], section["output"])
    assert read_prices({"prices": section}) == expected
    assert read_prices({}) is None


@pytest.mark.parametrize(
    "section",
    [
        {"input": 1.0},
        {"input": 1.0, "output": "free"},
        {"input": 1.0, "output": -1.0},
        {"input": True, "output": 1.0},
        {"input": float("nan"), "output": 1.0},
        {"input": 1.0, "output": 1.0, "currency": 3},
        {"input": 1.0, "output": 1.0, "cached": 1.0},
        "cheap",
    ],
)
def test_prices_that_are_none(section: object) -> None:
    with pytest.raises(ValueError, match=r"N145.*input and output"):
        read_prices({"prices": section})


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({"max_tokens": 5}, 5),
        ({"config": {"max_tokens": 6}}, 6),
        ({"config": {"max_completion_tokens": 7}}, 7),
        ({"config": {"temperature": 0.0}}, None),
        ({}, None),
    ],
)
def test_longest_reply_by_the_settings(
    settings: dict[str, object], expected: int | None
) -> None:
    assert find_max_tokens(settings) == expected


def test_open_requests_hold_their_worst_price_back() -> None:
    worst = PRICES.cost(Usage(4 + 256, 50))
    budget = Budget(2.5 * worst, PRICES, spent=Usage(), max_tokens=50)
    first, second = budget.reserve("abcd"), budget.reserve("abcd")
    assert first == pytest.approx(worst) and second == pytest.approx(worst)
    assert budget.reserve("abcd") is None
    budget.settle(first, Usage(10, 10))
    assert budget.spent == PRICES.cost(Usage(10, 10))
    assert budget.reserve("abcd") is not None
    assert budget.reserve("abcd") is None


def test_what_was_spent_before_counts() -> None:
    budget = Budget(1.0, PRICES, spent=Usage(100_000, 0), max_tokens=1)
    assert budget.reserve("a") is None


def test_longer_replies_than_reckoned_with_are_learned_from() -> None:
    budget = Budget(1e9, PRICES, spent=Usage(), max_tokens=None)
    first = budget.reserve("a")
    assert first is not None
    budget.settle(first, Usage(10, 5000))
    second = budget.reserve("a")
    assert second == pytest.approx(PRICES.cost(Usage(257, 10_000)))


@pytest.mark.parametrize("n_open", [1, 16])
@pytest.mark.parametrize("max_tokens", [20, 500])
def test_run_ends_just_before_the_budget(
    n_open: int, max_tokens: int, tmp_path: Path
) -> None:
    output = tmp_path / "out.sqlite"
    limit = 0.1

    def run(limit: float | None) -> tuple[str, int, float]:
        model = Shuffled(n_open=n_open)
        annotator = make_annotator(model)
        annotator.prices = PRICES
        annotator.settings = {"max_tokens": max_tokens}
        result = annotate_texts(annotator, lambda: TEXTS, output, budget=limit)
        return result.tally.stopped, len(model.asked), PRICES.cost(result.total)

    stopped, n_asked, spent = run(limit)
    assert stopped == "budget"
    # prompts of about 500 bytes: the worst that one more could cost
    assert limit - PRICES.cost(Usage(900, max_tokens)) < spent <= limit
    assert n_asked == len(list(read_journal(output)))
    # the second run has nothing left of it, and finds what was bought
    assert run(limit) == ("budget", 0, spent)
    stopped, n_more, spent = run(3 * limit)
    assert stopped == "" and n_asked + n_more == 200 and limit < spent < 3 * limit


def test_budget_without_prices(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"N147.*\[prices\]"):
        annotate_texts(
            make_annotator(Shuffled()), lambda: TEXTS, tmp_path / "o", budget=1.0
        )


def test_budget_with_a_model_that_counts_nothing(tmp_path: Path) -> None:
    output = tmp_path / "out.sqlite"
    model = Shuffled(answer=lambda prompt: Answer("a <> b"))
    annotator = make_annotator(model)
    annotator.prices = PRICES
    with pytest.raises(RuntimeError, match=r"N146.*counts tokens"):
        annotate_texts(annotator, lambda: TEXTS, output, budget=1.0)
    assert len(list(read_journal(output))) == len(model.asked) < 20


def test_failed_requests_are_paid_too(tmp_path: Path) -> None:
    output = tmp_path / "out.sqlite"

    def fail(prompt: str) -> Answer:
        return answer_prompt(prompt)._replace(response=None, error="cut")

    annotator = make_annotator(Shuffled(answer=fail))
    annotator.prices = PRICES
    result = annotate_texts(
        annotator, lambda: TEXTS[:5], output, max_failures=9, budget=1.0
    )
    assert result.tally.n_failed == 5 and result.total.prompt_tokens == 500
