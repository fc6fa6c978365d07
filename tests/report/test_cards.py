"""Cards: what the run knows stands in them, and words of others stay words."""

from spacy_nuner.report.cards import (
    END,
    START,
    describe_run,
    put_run_block,
    render_data_card,
    render_leaks,
    render_run_block,
)

from ..hostile import TEXTS
from .test_hostile import HARMFUL, LIVE

STATS = {
    "n_sentences": 1200,
    "n_train": 1000,
    "n_dev": 200,
    "n_words": 9000,
    "n_mentions": 5000,
    "n_concepts": 700,
    "n_concepts_once": 400,
    "n_lines": 5100,
    "n_dropped_lines": 100,
    "concepts": [["city", 90]],
    "source": {"models": {"gpt": 1200}},
}
SOURCES = {
    "texts": "web",
    "licence": "ODC-BY",
    "terms": "the provider's",
    "address": "",
}
LEAKS = {
    "n_words": 8,
    "n_sentences": 1200,
    "test_sets": ["toy"],
    "by_set": {"toy": 2},
    "examples": [("toy", "a b c")],
    "labels": {"toy": {"City": 90}},
}


def test_data_card_says_what_is_known() -> None:
    card = render_data_card(STATS, SOURCES, LEAKS, describe_run())
    assert "license: odc-by" in card
    assert "| sentences | 1,200 |" in card
    assert "gpt (1,200 replies)" in card
    assert "2 of 1,200 sentences share a run of 8 words" in card
    assert "City 90" in card
    assert "| address |" not in card
    assert "| where the card was made | " in card and "; spacy-nuner 0" in card
    # A corpus is not pre-trained
    assert "pre-training |" not in card


def test_no_check_is_no_clean_bill() -> None:
    assert "Not checked" in render_leaks(None)


def test_the_part_about_the_run_is_replaced() -> None:
    log = [{"step": 20, "epoch": 1, "sentences_per_second": 10.0}]
    run = describe_run(log, n_sentences=3000)
    assert run["time of pre-training"] == "about 10 minutes by its speed"
    assert run["hardware of pre-training"] == "not recorded"
    block = render_run_block(SOURCES, LEAKS, run)
    card = put_run_block("# Encoder\n\nText.\n", block)
    again = put_run_block(card + "\nAfter.\n", render_run_block(SOURCES, None, run))
    assert again.count(START) == again.count(END) == 1
    assert again.startswith("# Encoder\n\nText.\n")
    assert again.endswith("\nAfter.\n")
    assert "Not checked" in again and "City 90" not in again


def test_hardware_is_that_of_the_run() -> None:
    first = {
        "step": 200,
        "epoch": 1,
        "hardware": {"machine": "Linux, 16 cores", "device": "H200", "processes": 2},
        "seconds": 90.0,
    }
    hardware = {"machine": "Linux, 2 cores", "device": "cpu", "processes": 2}
    log = [
        {"step": 200, "epoch": 1, "loss": 1.0, "sentences_per_second": 10.0},
        first,
        # A run that is finished is past its last epoch
        {"step": 339, "epoch": 9, "hardware": hardware, "seconds": 30.0},
    ]
    run = describe_run(log, n_sentences=3000)
    assert run["machine of pre-training"] == "Linux, 16 cores, then Linux, 2 cores"
    assert run["device of pre-training"] == "H200, then cpu"
    assert run["processes of pre-training"] == "2"
    assert run["wall time of pre-training"] == "2.0 minutes, in 2 parts"
    assert "time of pre-training" not in run
    assert list(run)[-1] == "where the card was made"
    text = render_run_block(SOURCES, None, run)
    assert "| device of pre-training | H200, then cpu |" in text
    # One part without a time: no sum of the others in its place
    log[2].pop("seconds")
    run = describe_run(log, n_sentences=3000)
    assert "wall time of pre-training" not in run
    assert run["time of pre-training"] == "about 10 minutes by its speed"
    run = describe_run(encoder={"hardware": hardware, "seconds": 60})
    assert run["device of pre-training"] == "cpu"
    assert run["wall time of pre-training"] == "1.0 minutes"


def test_words_of_others_stay_words() -> None:
    for text in TEXTS.values():
        leaks = LEAKS | {"examples": [(text, text)], "labels": {text: {text: 1}}}
        stats = STATS | {"concepts": [[text, 3]], "source": {"models": {text: 1}}}
        card = render_data_card(stats, {"texts": text, "licence": text}, leaks, {})
        body = card.partition("# Concept corpus")[2]
        body = body.replace(
            "[Bogdanov et al., 2024](https://arxiv.org/abs/2402.15343)", ""
        )
        for mark in (
            "`train/`",
            "`dev/`",
            '`doc.spans["concepts"]`',
            "`drops.jsonl`",
            "`stats.json`",
            "`spacy-nuner check-result`",
        ):
            body = body.replace(mark, "")
        assert not HARMFUL.search(body)
        assert not LIVE.search(body), text
        assert "license: other" in card or "license: " in card.splitlines()[2]
