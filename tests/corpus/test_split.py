"""The split is stable for ever: the golden cases below may never change."""

from itertools import pairwise

import pytest

from spacy_nuner.corpus.split import split_of, text_digest

GOLDEN = {
    "The quick brown fox.": "train",
    "": "train",
    "Zürich": "train",
    "The Ghent Altarpiece has been moved.": "train",
}


def test_golden() -> None:
    assert {text: split_of(text) for text in GOLDEN} == GOLDEN
    # which of 40 texts are dev, at three shares
    dev = {
        share: [i for i in range(40) if split_of(f"text {i}", dev_share=share) == "dev"]
        for share in (0.1, 0.3)
    }
    assert dev == {
        0.1: [12, 13, 19, 20, 26, 30],
        0.3: [6, 7, 11, 12, 13, 14, 17, 19, 20, 21, 26, 28, 30, 34],
    }


def test_digest_of_the_empty_text() -> None:
    assert text_digest("").hex().startswith("e3b0c44298fc1c149afbf4c8996fb924")


@pytest.mark.parametrize(("nfc", "nfd"), [("Zürich", "Zu\u0308rich"), ("é", "e\u0301")])
def test_normal_forms_fall_alike(nfc: str, nfd: str) -> None:
    assert nfc != nfd
    assert text_digest(nfc) == text_digest(nfd)


def test_larger_share_only_moves_to_dev() -> None:
    texts = [f"sentence {i}" for i in range(500)]
    shares = [0.0, 0.1, 0.25, 0.5, 1.0]
    parts = [{t for t in texts if split_of(t, dev_share=s) == "dev"} for s in shares]
    assert all(a <= b for a, b in pairwise(parts))
    assert not parts[0]
    assert len(parts[-1]) == len(texts)
    assert 30 < len(parts[1]) < 70
