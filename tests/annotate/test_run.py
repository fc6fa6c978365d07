"""Runs over texts: resume, failures, and what decides that a text is asked again."""

import json
import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spacy_nuner.annotate.annotator import Annotator, load_annotator
from spacy_nuner.annotate.answers import Answer
from spacy_nuner.annotate.ask import Tally
from spacy_nuner.annotate.interrupt import finishing_on_signals
from spacy_nuner.annotate.journal.keys import describe_model
from spacy_nuner.annotate.journal.schema import Record
from spacy_nuner.annotate.journal.store import read_journal
from spacy_nuner.annotate.run import AnnotateResult, annotate_texts

from .models import CONFIG, Shuffled, answer_prompt, make_annotator

Texts = list[tuple[str, str]]
TEXTS: Texts = [(f"t{i}", f"Text number {i}.") for i in range(100)]


def write_jsonl(path: Path, records: list[dict[str, Any]]) -> Path:
    lines = [json.dumps(record) for record in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
    return path


@pytest.fixture
def texts(sample_records: list[dict[str, str]]) -> Texts:
    return [(record["id"], record["text"]) for record in sample_records[:20]]


@pytest.fixture
def replies(sample_records: list[dict[str, str]], tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "recorded.jsonl", list(sample_records[:20]))


def load(replies: Path, **overrides: str) -> Annotator:
    return load_annotator(CONFIG, {"paths.replies": str(replies), **overrides})


def run(
    annotator: Annotator, texts: Texts, output: Path, **settings: Any
) -> AnnotateResult:
    return annotate_texts(annotator, lambda: texts, output, **settings)


def get_counts(result: AnnotateResult) -> tuple[int, int, int]:
    return result.tally.n_asked, result.tally.n_before, result.tally.n_failed


def without_time(path: Path) -> list[Record]:
    records = [record._replace(time="", seconds=0.0) for record in read_journal(path)]
    return sorted(records, key=lambda record: record.number)


def test_replies_are_kept_raw_and_never_asked_twice(
    texts: Texts, replies: Path, sample_records: list[dict[str, str]], tmp_path: Path
) -> None:
    output = tmp_path / "annotations" / "replies.sqlite"
    run(load(replies), texts[:6], output)
    result = run(load(replies), texts, output)
    assert get_counts(result) == (14, 6, 0)
    records = list(read_journal(output))
    assert [record.id for record in records] == [id_ for id_, _ in texts]
    assert [record.number for record in records] == list(range(20))
    assert [record.response for record in records] == [
        record["response"] for record in sample_records[:20]
    ]
    assert {record.model for record in records} == {"spacy-nuner.Recorded.v1"}
    before = output.read_bytes()
    result = run(load(replies), texts, output)
    assert result.tally == Tally(n_before=20)
    assert output.read_bytes() == before


def test_order_of_arrival_leaves_no_trace(tmp_path: Path) -> None:
    one, many = tmp_path / "one.sqlite", tmp_path / "many.sqlite"
    run(make_annotator(Shuffled(n_open=1)), TEXTS, one)
    model = Shuffled(n_open=16)
    result = run(make_annotator(model), TEXTS, many)
    assert get_counts(result) == (100, 0, 0) and len(model.asked) == 100
    rows = list(read_journal(many))
    assert [row.id for row in rows] == [id_ for id_, _ in TEXTS]
    assert without_time(one) == without_time(many)


def test_journal_can_be_replayed(texts: Texts, replies: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.sqlite", tmp_path / "second.sqlite"
    run(load(replies), texts, first)
    result = run(load(first), texts, second)
    assert result.tally.n_asked == 20
    for one, other in zip(without_time(first), without_time(second), strict=True):
        assert one._replace(key="") == other._replace(key="")


def test_a_text_that_comes_twice_is_asked_once(tmp_path: Path) -> None:
    model = Shuffled(n_open=8)
    # the first copy while it is open, the second when it has a reply
    twice = [*TEXTS[:2], ("copy", TEXTS[0][1]), *TEXTS[2:50], ("late", TEXTS[0][1])]
    result = run(make_annotator(model), twice, tmp_path / "out.sqlite")
    assert get_counts(result) == (50, 2, 0)
    assert len(model.asked) == len(set(model.asked)) == 50
    assert result.n_texts == 52


def test_one_failure_takes_no_other_along(
    texts: Texts, replies: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.sqlite"
    some = [*texts[:5], ("new", "This text was never recorded."), *texts[5:]]
    result = run(load(replies), some, output)
    assert get_counts(result) == (20, 0, 1)
    assert "N102" in result.tally.first_error
    failed = [record for record in read_journal(output) if record.response is None]
    assert [record.id for record in failed] == ["new"]
    assert "N102" in failed[0].error
    result = run(load(replies), some, output)
    assert get_counts(result) == (0, 20, 1)
    recorded = {"text": some[5][1], "response": "text <> thing"}
    with replies.open("a", encoding="utf8") as file:
        file.write(json.dumps(recorded) + "\n")
    assert get_counts(run(load(replies), some, output)) == (1, 20, 0)
    assert all(record.response for record in read_journal(output))


@pytest.mark.parametrize("n_open", [1, 4])
def test_gives_up_after_too_many_failures(n_open: int, tmp_path: Path) -> None:
    output = tmp_path / "out.sqlite"

    def answer(prompt: str) -> Answer:
        number = int(re.findall(r"\d+", prompt)[-1])
        return Answer(None, "HTTP 500") if number % 2 else answer_prompt(prompt)

    model = Shuffled(n_open=n_open, answer=answer)
    with pytest.raises(RuntimeError, match=r"N106.*HTTP 500"):
        run(make_annotator(model), TEXTS, output, max_failures=3)
    # whatever was on its way has been waited for and is kept
    assert len(list(read_journal(output))) == len(model.asked) < 20


def test_a_few_failures_among_many_do_not_end_a_run(tmp_path: Path) -> None:
    def answer(prompt: str) -> Answer:
        number = int(re.findall(r"\d+", prompt)[-1])
        return Answer(None, "HTTP 400") if number % 20 == 19 else answer_prompt(prompt)

    model = Shuffled(n_open=1, answer=answer)
    result = run(make_annotator(model), TEXTS, tmp_path / "o.sqlite", max_failures=3)
    assert get_counts(result) == (95, 0, 5)


def test_another_prompt_or_setting_is_asked_again(
    texts: Texts, replies: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.sqlite"
    run(load(replies), texts[:3], output)
    template = {"components.llm.task.template": "Name all things in:\n\n{{ text }}"}
    result = run(load(replies, **template), texts[:3], output)
    assert get_counts(result) == (3, 0, 0)
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(replies.read_bytes())
    assert get_counts(run(load(copy), texts[:3], output)) == (3, 0, 0)
    assert len({record.key for record in read_journal(output)}) == 9


def test_transport_settings_do_not_buy_replies_again() -> None:
    section = {"@llm_models": "a.v1", "name": "b", "config": {"temperature": 0.0}}
    model, chosen = describe_model(section)
    assert model == "a.v1:b"
    assert chosen == {"name": "b", "config": {"temperature": 0.0}}
    transport = {"max_tries": 9, "interval": 2.0, "max_concurrent": 64}
    transport |= {"requests_per_minute": 5, "key_env": "X", "key_file": "y"}
    assert describe_model({**section, **transport}) == (model, chosen)
    # A server that comes back elsewhere
    transport["base_url"] = "http://localhost:8001/v1"
    assert describe_model({**section, **transport}) == (model, chosen)
    assert describe_model({**section, "endpoint": "http://x"})[1] != chosen


def test_permuted_words_do_not_collide(tmp_path: Path) -> None:
    both = [("a", "dog bites man"), ("b", "man bites dog")]
    recorded = [{"text": text, "response": f"{text} <> x"} for _, text in both]
    replies = write_jsonl(tmp_path / "recorded.jsonl", recorded)
    output = tmp_path / "out.sqlite"
    assert run(load(replies), both, output).tally.n_asked == 2
    assert [record.response for record in read_journal(output)] == [
        "dog bites man <> x",
        "man bites dog <> x",
    ]


def test_nothing_to_ask(tmp_path: Path) -> None:
    result = run(make_annotator(Shuffled()), [], tmp_path / "out.sqlite")
    assert result.tally == Tally() and result.n_texts == 0


def test_a_bad_text_stops_the_run_before_the_first_is_asked(tmp_path: Path) -> None:
    model = Shuffled()

    def read() -> Iterator[tuple[str, str]]:
        yield from TEXTS
        raise ValueError("line 101")

    with pytest.raises(ValueError, match="line 101"):
        annotate_texts(make_annotator(model), read, tmp_path / "out.sqlite")
    assert not model.asked and not list(tmp_path.iterdir())


def test_texts_that_change_on_the_way(tmp_path: Path) -> None:
    passes = iter([TEXTS[:5], [*TEXTS[:4], ("t4", "Another text.")]])
    output = tmp_path / "out.sqlite"
    with pytest.raises(ValueError, match=r"N148.*5 were checked"):
        annotate_texts(make_annotator(Shuffled()), lambda: next(passes), output)
    assert len(list(read_journal(output))) == 5


def test_signal_lets_open_requests_come_home(tmp_path: Path) -> None:
    output = tmp_path / "out.sqlite"

    def answer(prompt: str) -> Answer:
        if prompt.endswith("Text number 20."):
            os.kill(os.getpid(), signal.SIGTERM)
        return answer_prompt(prompt)

    model = Shuffled(answer=answer)
    handler = signal.getsignal(signal.SIGTERM)
    result = run(make_annotator(model), TEXTS, output)
    assert result.tally.stopped == "interrupted"
    assert len(list(read_journal(output))) == len(model.asked) < 40
    assert signal.getsignal(signal.SIGTERM) == handler
    n_before = len(model.asked)
    result = run(make_annotator(Shuffled()), TEXTS, output)
    assert get_counts(result) == (100 - n_before, n_before, 0)


def test_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    output = tmp_path / "out.sqlite"

    def answer(prompt: str) -> Answer:
        if re.search(r"number 2[0-9]\.$", prompt):
            os.kill(os.getpid(), signal.SIGINT)
        return answer_prompt(prompt)

    with pytest.raises(KeyboardInterrupt):
        run(make_annotator(Shuffled(answer=answer)), TEXTS, output)
    # all that had come is there, and nobody holds the journal
    n_kept = len(list(read_journal(output)))
    assert 0 < n_kept < 40
    result = run(make_annotator(Shuffled()), TEXTS, output)
    assert get_counts(result) == (100 - n_kept, n_kept, 0)


def test_ignored_ctrl_c_stays_ignored() -> None:
    stopped: list[bool] = []
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with finishing_on_signals(lambda: stopped.append(True)):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
        assert stopped == [True]
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_runs_in_another_thread(tmp_path: Path) -> None:
    results: list[AnnotateResult] = []

    def start() -> None:
        results.append(run(make_annotator(Shuffled()), TEXTS, tmp_path / "o.sqlite"))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert get_counts(results[0]) == (100, 0, 0)


def test_model_that_gives_up_ends_the_run(tmp_path: Path) -> None:
    output = tmp_path / "out.sqlite"

    def answer(prompt: str) -> Answer:
        if prompt.endswith("Text number 30."):
            raise RuntimeError("the server is down")
        return answer_prompt(prompt)

    model = Shuffled(answer=answer)
    with pytest.raises(RuntimeError, match="the server is down"):
        run(make_annotator(model), TEXTS, output)
    assert 20 < len(list(read_journal(output))) < 40


@pytest.fixture
def no_llm(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "no_llm.cfg"
    path.write_text(
        '[nlp]\nlang = "en"\npipeline = ["sentencizer"]\n\n[components]\n\n'
        '[components.sentencizer]\nfactory = "sentencizer"\n',
        encoding="utf8",
    )
    yield path


def test_config_without_llm(no_llm: Path) -> None:
    with pytest.raises(ValueError, match=r"N105.*sentencizer"):
        load_annotator(no_llm)


def test_task_that_splits_texts(tmp_path: Path) -> None:
    config = CONFIG.parent / "llm_ner_v3.cfg"
    annotator = load_annotator(config, {"paths.replies": "none.jsonl"})
    with pytest.raises(ValueError, match=r"N107.*NERTask"):
        run(annotator, [("a", "Paris")], tmp_path / "out.sqlite")
