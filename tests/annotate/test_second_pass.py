"""The second turn: its prompt, questions and rows, and the corpus of both turns."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import spacy

from spacy_nuner.annotate.annotator import Annotator
from spacy_nuner.annotate.answers import Answer, Usage
from spacy_nuner.annotate.journal.exchange import export_replies, import_replies
from spacy_nuner.annotate.journal.store import Journal, read_journal
from spacy_nuner.annotate.replies.align import place_reply
from spacy_nuner.annotate.run import AnnotateResult, annotate_texts
from spacy_nuner.annotate.second_pass import MissedPrompt
from spacy_nuner.annotate.task import make_concept_task
from spacy_nuner.corpus.sources import read_replies

from ..hostile import REPLIES, TEXTS
from .models import CONFIG, Shuffled, make_annotator

SECOND = {"components.llm.task.second_pass": True}
SENTENCES = [(f"t{i}", f"Steven Means number {i} left the Falcons.") for i in range(20)]
MISSED = "Labeled before:"


def answer_turns(prompt: str) -> Answer:
    """A model that finds the team at first, and the player when asked again."""
    found = "Steven Means <> NFL player" if MISSED in prompt else "Falcons <> NFL team"
    return Answer(found, usage=Usage(10, 5))


def run(
    annotator: Annotator, output: Path, *, turn: Any = 1, **settings: Any
) -> AnnotateResult:
    return annotate_texts(annotator, lambda: SENTENCES, output, turn=turn, **settings)


def load(model: object, **overrides: Any) -> Annotator:
    return make_annotator(model, CONFIG, **SECOND, **overrides)


def test_prompt_shows_what_was_placed_and_nothing_else() -> None:
    prompt = MissedPrompt().make(
        "Steven Means left the Falcons in 2018.",
        "Falcons <> NFL team <> a team\nBerlin <> city\nfalcons <> NFL team\n"
        "2018 <> year",
    )
    assert prompt is not None
    assert prompt.endswith(
        "Input:\n\nSteven Means left the Falcons in 2018.\n\n"
        "Labeled before:\nFalcons <> nfl team\n2018 <> year\n\nMissing:"
    )
    assert "Berlin" not in prompt and "a team" not in prompt


def test_prompt_where_nothing_was_found() -> None:
    prompt = MissedPrompt().make("Paris.", "I can't help with that.")
    assert prompt is not None
    assert prompt.endswith("Labeled before:\nnothing\n\nMissing:")


def test_sentence_that_is_left_out_is_not_asked_again() -> None:
    assert MissedPrompt().make("Paris.", "Paris <> concept") is None


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("reply", REPLIES)
def test_prompt_of_hostile_text(text: str, reply: str) -> None:
    """Of the reply, only concepts come back: plain words on one line."""
    sentence = TEXTS[text]
    prompt = MissedPrompt().make(sentence, REPLIES[reply].replace("{text}", sentence))
    if prompt is None:
        return
    head, _, rest = prompt.partition(sentence)
    assert head == MissedPrompt().make("x", "").partition("x\n\nLabeled")[0]  # type: ignore[union-attr]
    assert rest.endswith("\n\nMissing:") and rest.startswith("\n\nLabeled before:\n")
    for line in rest.splitlines()[3:-2]:
        _, separator, concept = line.rpartition(" <> ")
        if separator:
            assert concept.isprintable() and "<script" not in concept


@pytest.mark.parametrize(
    "template", ["{{ text }}", "{% for e, c in found %}{{ e }}{{ c }}{% endfor %}", "x"]
)
def test_template_that_lacks_something(template: str) -> None:
    with pytest.raises(ValueError, match="N170"):
        MissedPrompt(template)


def test_template_of_ones_own_survives_pickling() -> None:
    template = "{{ text }}: {% for e, c in found %}{{ e }} is {{ c }}{% endfor %}\n"
    task = make_concept_task(second_pass=True, missed_template=template)
    again = pickle.loads(pickle.dumps(task))
    assert again.missed_prompt is not None
    assert (
        again.missed_prompt.make("Paris.", "Paris <> city") == "Paris.: Paris is city"
    )
    assert pickle.loads(pickle.dumps(make_concept_task())).missed_prompt is None


def test_spacys_own_pipe_asks_once() -> None:
    doc = spacy.blank("en").make_doc("Paris.")
    prompts = make_concept_task(second_pass=True).generate_prompts([doc])
    assert [MISSED in prompt for prompt in prompts] == [False]


def test_both_turns_meet_in_the_corpus(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    annotator = load(Shuffled(answer=answer_turns))
    assert run(annotator, path).tally.n_asked == 20
    assert run(annotator, path, turn=2).tally.n_asked == 20
    records = list(read_journal(path))
    keys = {record.key for record in records if record.turn == 1}
    assert len(keys) == 20
    assert {r.follows for r in records if r.turn == 2} == keys
    replies = list(read_replies(path))
    assert [reply.response for reply in replies] == [
        "Falcons <> NFL team\nSteven Means <> NFL player"
    ] * 20


def test_it_resumes_and_follows_new_first_replies(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    model = Shuffled(answer=answer_turns)
    run(load(model), path)
    run(load(model), path, turn=2)
    again = Shuffled(answer=answer_turns)
    for turn in (1, 2):
        tally = run(load(again), path, turn=turn).tally
        assert (tally.n_asked, tally.n_before) == (0, 20)
    assert again.asked == []


def test_texts_without_a_first_reply_wait(tmp_path: Path) -> None:
    def answer(prompt: str) -> Answer:
        fails = "number 3 " in prompt and MISSED not in prompt
        return Answer(None, "down") if fails else answer_turns(prompt)

    path = tmp_path / "replies.sqlite"
    annotator = load(Shuffled(answer=answer))
    assert run(annotator, path).tally.n_failed == 1
    assert run(annotator, path, turn=2).tally.n_asked == 19
    annotator.model = Shuffled(answer=answer_turns)
    assert run(annotator, path).tally.n_asked == 1
    assert run(annotator, path, turn=2).tally.n_asked == 1


def test_task_without_second_pass(tmp_path: Path) -> None:
    annotator = make_annotator(Shuffled(answer=answer_turns))
    with pytest.raises(ValueError, match="N171"):
        run(annotator, tmp_path / "replies.sqlite", turn=2)


def test_export_with_two_turns_is_imported_first(tmp_path: Path) -> None:
    path, exported = tmp_path / "replies.sqlite", tmp_path / "replies.jsonl"
    annotator = load(Shuffled(answer=answer_turns))
    run(annotator, path)
    run(annotator, path, turn=2)
    assert export_replies(path, exported) == 40
    with pytest.raises(ValueError, match="journal import"):
        list(read_replies(exported))
    with Journal(tmp_path / "again.sqlite") as journal:
        import_replies(exported, journal)
    assert list(read_replies(tmp_path / "again.sqlite")) == list(read_replies(path))


def write_json(*pairs: tuple[str, str]) -> str:
    return json.dumps({"entities": [{"entity": e, "concept": c} for e, c in pairs]})


@pytest.mark.parametrize(
    "first, second, reasons",
    [
        (write_json(("Paris", "city")), write_json(("Rome", "city")), []),
        (write_json(("Paris", "city")), f"```json\n{write_json(('Rome', 'city'))}", []),
        ('[{"entity": "Paris", "concept": "city"}]', write_json(("Rome", "city")), []),
        (write_json(("Paris", "city"), ("Rome", "city")), write_json(), []),
        (write_json(("Paris", "city"), ("Rome", "city")), "none", ["nothing"]),
        ("Paris <> city\nRome <> city", "None.", ["nothing"]),
        ("1. Paris <> city", "1. Rome <> city\n2. Paris <> city", ["duplicate"]),
    ],
)
def test_replies_of_both_turns_in_any_format(
    first: str, second: str, reasons: list[str]
) -> None:
    mentions, drops = place_reply("Paris and Rome.", f"{first}\n{second}")
    assert [(m.start, m.end, m.concept) for m in mentions] == [
        *((0, 5, "city"), (10, 14, "city"))
    ]
    assert [drop.reason for drop in drops] == reasons
