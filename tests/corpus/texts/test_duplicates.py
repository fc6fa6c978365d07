import json
import random
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from spacy_nuner.corpus.texts import duplicates
from spacy_nuner.corpus.texts.duplicates import find_near_duplicates

SAMPLE = Path(__file__).parents[3] / "assets" / "sample" / "annotated.jsonl"
ONE = "the mayor of Lyon said on Monday that the old bridge would be closed to cars"
WORDS = ONE.split()


def find(texts: list[str], least: float = 0.7) -> set[int]:
    return find_near_duplicates(texts, texts.__getitem__, least=least)


def test_the_first_of_near_copies_stays() -> None:
    texts = [
        "Something else was said in Paris on that day by another man.",
        ONE + " today.",
        ONE + " tonight!",
        "Another thing altogether happened to be told in Rome last week.",
        ONE.replace("Monday", "Tuesday"),
    ]
    assert find(texts) == {2, 4}
    assert find(texts, least=0.95) == set()
    assert find(texts[::-1]) == {2, 3}


def test_no_copy_of_a_copy_alone() -> None:
    """A chain of small changes: each is compared with what stays, not with copies."""
    chain = [" ".join([*(f"new{i}" for i in range(n)), *WORDS[n:]]) for n in range(12)]
    copies = find(chain)
    kept = [i for i in range(len(chain)) if i not in copies]
    assert kept[0] == 0 and len(kept) > 2
    assert all(b - a > 1 for a, b in pairwise(kept))


def test_sample_with_planted_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "CHUNK", 100)
    with SAMPLE.open(encoding="utf8") as file:
        texts = [
            json.loads(line)["text"] for line, _ in zip(file, range(600), strict=False)
        ]
    assert find(texts) == set()
    long = [i for i, text in enumerate(texts) if len(text.split()) >= 20]
    planted = random.Random(0).sample(long, 40)
    copies = [texts[i].rsplit(" ", 1)[0] + " 1999." for i in planted]
    assert find(texts + copies) == set(range(600, 640))


def test_nothing() -> None:
    assert find([]) == set()
    assert find(["word", "other", "?!", "a"]) == set()


def test_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasketch", None)
    with pytest.raises(ImportError, match=r"N253.*datasketch.*--near 0"):
        find(["a"])
