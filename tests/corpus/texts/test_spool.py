import random
from pathlib import Path

import pytest

from spacy_nuner.corpus.texts import spool as module
from spacy_nuner.corpus.texts.sift import Sentence
from spacy_nuner.corpus.texts.spool import HIGHEST, Candidate, open_spool, remove_spool


def make(n: int) -> list[Sentence]:
    rng = random.Random(1)
    numbers = [rng.randrange(2**64) for _ in range(n - 2)]
    # the ends of the range, too, which SQLite's numbers do not have
    return [Sentence(p, f"id{p}", f"Text {p}.") for p in [0, HIGHEST, *numbers]]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_smallest_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(module, "MIN_SLACK", 5)
    sentences = make(300)
    with open_spool(tmp_path / "s", 20) as spool:
        for start in range(0, 300, size):
            spool.add(sentences[start : start + size], [], [], {})
            assert spool.count() <= 30 + size
        found = list(spool.read_candidates())
        assert spool.ceiling < HIGHEST
        assert spool.get_text(found[3].priority) == found[3].text
    expected = sorted(sentences)[:20]
    assert found == [Candidate(*sentence, copies=1) for sentence in expected]
    assert found[0].priority == 0


def test_no_bound(tmp_path: Path) -> None:
    with open_spool(tmp_path / "s", 0) as spool:
        spool.add(make(300), [], [], {})
        assert [c.priority for c in spool.read_candidates()] == sorted(
            s.priority for s in make(300)
        )


def test_texts_alike_whatever_their_order(tmp_path: Path) -> None:
    same = [Sentence(5, id_, f"text of {id_}") for id_ in ("b:2", "a:10", "a:9", "c")]
    for n, order in enumerate((same, same[::-1], [*same[2:], *same[:2]])):
        with open_spool(tmp_path / str(n), 1) as spool:
            for sentence in order:
                spool.add([sentence], [], [], {})
            assert list(spool.read_candidates()) == [
                Candidate(5, "a:10", "text of a:10", 4)
            ]


def test_state_is_there_when_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "s"
    with open_spool(path, 3) as spool:
        assert spool.read_state() is None
        spool.add([Sentence(1, "a", "x\x00y")], [], ["bad"], {"position": [0, 7]})
    with open_spool(path, 3) as spool:
        assert spool.read_state() == {"position": [0, 7]}
        assert [c.text for c in spool.read_candidates()] == ["x\x00y"]
        assert list(spool.read_problems()) == ["bad"]
    remove_spool(path)
    assert list(path.parent.iterdir()) == []
