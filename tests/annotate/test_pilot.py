"""Dry runs: what is asked, what is reckoned, and how sure it is."""

import random
from pathlib import Path

import pytest

from spacy_nuner.annotate.answers import Answer
from spacy_nuner.annotate.journal.store import read_journal
from spacy_nuner.annotate.money import Prices
from spacy_nuner.annotate.pilot import _student_t, run_pilot, spread
from spacy_nuner.annotate.run import annotate_texts

from .models import Shuffled, answer_prompt, make_annotator

PRICES = Prices(1.0, 2.0, "EUR")
TEXTS = [(f"t{i}", f"Text {i}" + " and more" * (i % 7)) for i in range(300)]


def read_texts() -> list[tuple[str, str]]:
    return TEXTS


def test_pilot_is_kept_and_depends_on_the_seed_only(tmp_path: Path) -> None:
    asked = []
    for name, n_open, seed in (("a", 1, 0), ("b", 8, 0), ("c", 8, 1)):
        model = Shuffled(n_open=n_open)
        output = tmp_path / f"{name}.sqlite"
        estimate = run_pilot(make_annotator(model), read_texts, output, n=20, seed=seed)
        assert (estimate.n_texts, estimate.n_pilot, estimate.n_left) == (300, 20, 280)
        asked.append({record.id for record in read_journal(output)})
    assert asked[0] == asked[1] != asked[2]
    model = Shuffled()
    run = annotate_texts(make_annotator(model), read_texts, output)
    assert (run.tally.n_asked, run.tally.n_before) == (280, 20)
    assert [record.id for record in read_journal(output)] == [id_ for id_, _ in TEXTS]


def test_interval_holds_the_truth_that_a_full_run_shows(tmp_path: Path) -> None:
    n_inside = 0
    annotator = make_annotator(Shuffled())
    annotator.prices = PRICES
    for seed in range(20):
        output = tmp_path / f"{seed}.sqlite"
        estimate = run_pilot(annotator, read_texts, output, n=30, seed=seed)
        assert estimate.price is not None and estimate.counted
        run = annotate_texts(annotator, read_texts, output)
        low, mean, high = estimate.price
        truth = PRICES.cost(run.tally.usage)
        assert low < mean < high and mean == pytest.approx(truth, rel=0.2)
        n_inside += low <= truth <= high
    assert n_inside >= 17


def test_spread_covers_as_often_as_it_says() -> None:
    rng = random.Random(0)
    n_inside = 0
    for _ in range(1000):
        values = [rng.gammavariate(9.0, 10.0) for _ in range(212)]
        low, _, high = spread(values[:12], 200)
        n_inside += low <= sum(values[12:]) <= high
    assert 925 <= n_inside <= 975


@pytest.mark.parametrize("df, expected", [(2, 4.303), (5, 2.571), (30, 2.042)])
def test_student_t(df: int, expected: float) -> None:
    assert _student_t(df) == pytest.approx(expected, rel=0.01)


def test_second_pilot_counts_what_is_left(tmp_path: Path) -> None:
    output = tmp_path / "out.sqlite"
    run_pilot(make_annotator(Shuffled()), read_texts, output, n=20, seed=0)
    model = Shuffled()
    estimate = run_pilot(make_annotator(model), read_texts, output, n=30, seed=1)
    n_new = len(model.asked)
    assert 0 < n_new < 30
    assert estimate.n_pilot == 30 and estimate.n_left == 300 - 20 - n_new
    # the same pilot again costs nothing
    model = Shuffled()
    again = run_pilot(make_annotator(model), read_texts, output, n=30, seed=1)
    assert not model.asked and again == estimate


def test_model_that_counts_no_tokens(tmp_path: Path) -> None:
    model = Shuffled(answer=lambda prompt: Answer("four" * 10, seconds=1.0))
    annotator = make_annotator(model)
    annotator.prices = PRICES
    estimate = run_pilot(annotator, read_texts, tmp_path / "o.sqlite", n=10)
    assert not estimate.counted
    assert estimate.completion_tokens.mean == 10 * 290
    assert estimate.usage.prompt_tokens == sum(-(-len(p) // 4) for p in model.asked)
    records = read_journal(tmp_path / "o.sqlite")
    assert {record.prompt_tokens for record in records} == {0}


@pytest.mark.parametrize(
    "transport, per_minute",
    [
        ({}, 120.0),
        ({"max_concurrent": 10}, 1200.0),
        ({"max_concurrent": 10, "requests_per_minute": 30}, 30.0),
        ({"max_concurrent": 10, "tokens_per_minute": 1000}, 9.0),
    ],
)
def test_time_at_the_set_rate(
    transport: dict[str, float], per_minute: float, tmp_path: Path
) -> None:
    annotator = make_annotator(Shuffled())
    annotator.transport = transport
    texts = [(str(i), "eight ch") for i in range(10)]
    texts = [(id_, f"{text}{id_}ab") for id_, text in texts]
    estimate = run_pilot(annotator, lambda: texts, tmp_path / "o.sqlite", n=4)
    assert estimate.per_minute == pytest.approx(per_minute, rel=0.02)
    assert estimate.seconds == pytest.approx(6 * 60 / estimate.per_minute)


def test_too_few_replies(tmp_path: Path) -> None:
    def fail(prompt: str) -> Answer:
        return answer_prompt(prompt)._replace(response=None, error="HTTP 500")

    annotator = make_annotator(Shuffled(answer=fail))
    with pytest.raises(RuntimeError, match=r"N149.*has 0.*HTTP 500"):
        run_pilot(annotator, read_texts, tmp_path / "o.sqlite", n=5)
    with pytest.raises(RuntimeError, match=r"N149.*no text"):
        run_pilot(annotator, lambda: [], tmp_path / "o.sqlite", n=5)
