import subprocess
import sys

import pytest

from spacy_nuner.corpus.texts.words import find_grams, fold_words, hash_words


@pytest.mark.parametrize(
    "text",
    [
        "Don't  STOP: Zürich's 3rd-best café!",
        "don’t stop Zu\u0308rich's\n3rd best cafe\u0301",
        "do n't stop , Zürich 's 3rd - best café .",
        "ｄｏｎ't–stop_«Zürich's» 3rd/best CAFÉ",
    ],
)
def test_the_same_words(text: str) -> None:
    words = ["do", "nt", "stop", "zürich", "s", "3rd", "best", "café"]
    assert fold_words(text) == words


def test_no_words() -> None:
    assert fold_words(" ?! \u200b \x00 _ ") == []
    assert list(find_grams([], 3)) == []


def test_grams() -> None:
    assert list(find_grams(["a", "b", "c", "d"], 3)) == [
        ["a", "b", "c"],
        ["b", "c", "d"],
    ]
    assert list(find_grams(["a", "b"], 3)) == [["a", "b"]]


def test_hash_is_for_ever() -> None:
    number = hash_words(["ada", "met", "bob"])
    assert number == 345452225710168990
    assert hash_words(["ada", "met", "bob"], key="1") != number
    assert hash_words(["ada", "metbob"]) != number
    code = (
        "from spacy_nuner.corpus.texts.words import hash_words;"
        "print(hash_words(['ada', 'met', 'bob']))"
    )
    command = [sys.executable, "-c", code]
    env = {"PYTHONHASHSEED": "7", "PATH": ""}
    run = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert int(run.stdout) == number
