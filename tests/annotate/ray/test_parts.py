"""Tasks, shards, limits and the ledger, without Ray."""

import sys
from pathlib import Path
from typing import Any

import pytest

from spacy_nuner.annotate.annotator import load_annotator
from spacy_nuner.annotate.answers import Answer, Usage
from spacy_nuner.annotate.ask import Asker, Tally
from spacy_nuner.annotate.journal.store import Journal, read_journal
from spacy_nuner.annotate.money import Prices
from spacy_nuner.annotate.ray import shards
from spacy_nuner.annotate.ray.cluster import import_ray, running_ray
from spacy_nuner.annotate.ray.ledger import BudgetTerms, Ledger
from spacy_nuner.annotate.ray.limits import share_limits
from spacy_nuner.annotate.ray.pool import RaySettings
from spacy_nuner.annotate.ray.run import annotate_on_ray
from spacy_nuner.annotate.ray.shards import join_shards, name_folder, open_shard
from spacy_nuner.annotate.ray.tasks import name_shard, plan_tasks, read_task
from spacy_nuner.annotate.run import annotate_texts
from spacy_nuner.annotate.second_pass import make_missed_questions
from tests.annotate.models import CONFIG, Shuffled, make_annotator

TEXTS = [(f"t{i}", f"Text number {i}.") for i in range(50)]
NUMBERED = [(number, *text) for number, text in enumerate(TEXTS)]
CHAT = {"@llm_models": "spacy-nuner.Chat.v1", "name": "a-model"}
PRICES = Prices(1.0, 1.0)


def answer_badly(prompt: str) -> Answer:
    return Answer(None, "HTTP 500", Usage(7, 0))


def run(output: Path, **settings: Any) -> Any:
    return annotate_on_ray(
        make_annotator(Shuffled()),
        lambda: TEXTS,
        output,
        RaySettings(2),
        config=CONFIG,
        overrides={},
        **settings,
    )


@pytest.mark.parametrize("turn", [1, 2])
def test_each_prompt_without_a_reply_is_in_one_task(turn: int, tmp_path: Path) -> None:
    overrides = {"components.llm.task.second_pass": True}
    annotator = make_annotator(Shuffled(), **overrides)  # type: ignore[arg-type]
    texts = [*NUMBERED, (50, "again", "Text number 3."), (51, "ü\ud800", "Straße\n")]
    with Journal(tmp_path / "out.sqlite") as journal:
        if turn == 1:
            questions = list(annotator.make_questions(texts))
        else:
            Asker(annotator, journal).ask(annotator.make_questions(texts))
            questions = list(make_missed_questions(annotator, journal, texts))
        assert len(questions) == 52
        Asker(annotator, journal).ask(questions[:20])
        plan = plan_tasks(annotator, journal, questions, tmp_path / "f", size=8)
        again = plan_tasks(annotator, journal, questions, tmp_path / "f", size=8)
    assert plan == again and plan.n_before == 21
    tasks = [list(read_task(path)) for path in plan.tasks]
    assert [len(task) for task in tasks] == [8, 8, 8, 7]
    assert [q for task in tasks for q in task] == [*questions[20:50], questions[51]]


@pytest.mark.parametrize("plain", [False, True])
def test_shards_of_a_killed_run_are_joined_first(plain: bool, tmp_path: Path) -> None:
    output, straight = tmp_path / "out.sqlite", tmp_path / "straight.sqlite"
    annotator = make_annotator(Shuffled())
    annotate_texts(annotator, lambda: TEXTS, straight)
    folder = name_folder(output)
    questions = list(annotator.make_questions(NUMBERED))
    with Journal(output) as journal:
        plan = plan_tasks(annotator, journal, questions, folder, size=20)
    for task in plan.tasks:
        with open_shard(name_shard(task)) as shard:
            Asker(annotator, shard).ask(read_task(task))
    # nothing is left to ask: Ray is not even started
    result = annotate_texts(annotator, lambda: TEXTS, output) if plain else run(output)
    assert (result.tally, result.n_texts) == (Tally(n_before=50), 50)
    rows = [[r._replace(time="") for r in read_journal(p)] for p in (output, straight)]
    assert rows[0] == rows[1]
    assert not folder.exists()


def test_join_counts_failures_again_and_keeps_replies(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    good = make_annotator(Shuffled())
    bad = make_annotator(Shuffled(answer=answer_badly))
    with Journal(tmp_path / "out.sqlite") as journal:
        Asker(bad, journal).ask(bad.make_questions(NUMBERED[:2]))
        Asker(good, journal).ask(good.make_questions(NUMBERED[2:3]))
        for number, (annotator, stop) in enumerate([(bad, 4), (good, 1)]):
            with open_shard(folder / f"{number}.sqlite") as shard:
                Asker(annotator, shard).ask(annotator.make_questions(NUMBERED[:stop]))
        joined = join_shards(journal, folder)
        assert joined.n_replies == 1 and joined.n_failed == 4
        assert joined.first_error == "HTTP 500"
        assert joined.usage == Usage(4 * 7 + 100, 14)
        assert join_shards(journal, folder).n_replies == 0
        rows = list(read_journal(tmp_path / "out.sqlite"))
        total = journal.get_usage(good.model_name)
    assert [row.response is not None for row in rows] == [True, False, True, False]
    assert [row.n_tries for row in rows] == [3, 2, 1, 1]
    # two failed before and again, one only now; the first one has a reply in the end
    assert total == Usage(5 * 7 + 200, 28)


def test_a_shard_that_another_process_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "_PATIENCE", 0.1)
    with (
        Journal(tmp_path / "a.sqlite"),
        pytest.raises(RuntimeError, match=r"N141.*a\.sqlite"),
    ):
        open_shard(tmp_path / "a.sqlite")


def test_limits_are_divided() -> None:
    assert share_limits(CHAT, 4) == {"max_concurrent": 16}
    section = {"max_concurrent": 10, "requests_per_minute": 100, **CHAT}
    section |= {"tokens_per_minute": 1000.0}
    assert share_limits(section, 4) == {
        "max_concurrent": 2,
        "requests_per_minute": 25.0,
        "tokens_per_minute": 250.0,
    }
    recorded = {"@llm_models": "spacy-nuner.Recorded.v1", "path": "replies.jsonl"}
    assert share_limits(recorded, 4) == {}


def test_limits_that_can_not_be_divided() -> None:
    with pytest.raises(ValueError, match=r"N153.*max_concurrent = 3 .*there are 5"):
        share_limits({**CHAT, "max_concurrent": 3}, 5)
    with pytest.raises(ValueError, match=r"N154.*Batch"):
        share_limits({"@llm_models": "spacy-nuner.Batch.v1"}, 2)


def test_parts_of_limits_buy_nothing_twice() -> None:
    paper = CONFIG.parent.parent / "paper" / "annotate.cfg"
    one = load_annotator(paper)
    shares = share_limits(one.section, 4)
    own = {f"components.{one.name}.model.{name}": shares[name] for name in shares}
    other = load_annotator(paper, own)
    assert other.section["max_concurrent"] == one.section["max_concurrent"] / 4
    assert other.make_key("a prompt") == one.make_key("a prompt")


def test_ledger_counts_failures_of_all() -> None:
    ledger = Ledger(max_failures=3)
    assert ledger.begin("a", Usage()) == ledger.begin("b", Usage()) == 1
    assert ledger.report("a", 10, 2, Usage(10, 5))
    # a worker that died and begins anew tells the same failures again
    assert ledger.begin("a", Usage(10, 5)) == 2
    assert ledger.report("a", 10, 2, Usage(10, 5))
    assert not ledger.report("b", 5, 1, Usage(1, 1))
    assert ledger.look() == (15, 3, Usage(11, 6), "failures")
    ledger.stop("interrupted")
    assert ledger.look().stopped == "failures"
    assert ledger.begin("c", Usage()) == 0


def test_ledger_pays_what_a_killed_worker_has_bought() -> None:
    terms = BudgetTerms(0.01, PRICES, Usage(1000, 0), max_tokens=1000)
    ledger = Ledger(max_failures=3, budget=terms)
    ledger.begin("a", Usage())
    prices = [ledger.reserve("a", "x" * 744)[0] for _ in range(4)]
    assert prices == [0.002] * 4  # 744 bytes, 256 more, and 1,000 of the reply
    ledger.settle("a", 0.002, Usage(500, 500))
    # 0.002 are spent and 0.006 held: it could fit when the others are back
    assert ledger.reserve("a", "x" * 2000) == (None, True)
    # two replies are in the shard, one of them was not paid when the worker died
    ledger.begin("a", Usage(1000, 1000))
    assert ledger.reserve("a", "x" * 5744)[0] == pytest.approx(0.007)
    assert ledger.reserve("a", "x" * 744) == (None, True)
    ledger.settle("a", 0.007, Usage(6000, 500))
    assert ledger.reserve("a", "x" * 744) == (None, False)
    ledger.stop("interrupted")
    assert ledger.reserve("a", "") == (None, False)


def test_without_ray_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray.data", None)
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RuntimeError, match=r"N150.*pip install 'spacy-nuner\[ray\]'"):
        run(tmp_path / "out.sqlite")
    assert not list(tmp_path.iterdir())


def test_budget_without_prices(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="N147"):
        run(tmp_path / "out.sqlite", budget=1.0)


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:1"])
def test_no_cluster_at_the_address(address: str) -> None:
    if import_ray().is_initialized():
        pytest.skip("a cluster runs in this process")
    with (
        pytest.raises(RuntimeError, match=rf"N151.*{address}"),
        running_ray(2, address),
    ):
        pass
