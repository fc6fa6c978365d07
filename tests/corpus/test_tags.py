import pytest

from spacy_nuner.corpus.tags import spans_from_tags, split_tag

AB = [(0, 2, "A"), (2, 3, "A"), (4, 5, "B")]


@pytest.mark.parametrize(
    ("scheme", "tags", "expected", "n_bad"),
    [
        ("iob2", "B-A I-A B-A O B-B", AB, 0),
        ("bioes", "B-A E-A S-A O S-B", AB, 0),
        ("bilou", "B-A L-A U-A O U-B", AB, 0),
        ("iob", "I-A I-A B-A O I-B", AB, 2),
        ("io", "I-A I-A O I-B I-B", [(0, 2, "A"), (3, 5, "B")], 2),
        ("change of type", "B-A I-B", [(0, 1, "A"), (1, 2, "B")], 1),
        ("stray end", "O E-A O", [(1, 2, "A")], 1),
        ("after an end", "B-A E-A I-A", [(0, 2, "A"), (2, 3, "A")], 1),
        ("end of another type", "B-A E-B", [(0, 1, "A"), (1, 2, "B")], 1),
        ("all outside", "O O", [], 0),
        ("nothing", "", [], 0),
        ("hyphen in the label", "B-A-x I-A-x", [(0, 2, "A-x")], 0),
    ],
)
def test_schemes(scheme: str, tags: str, expected: list, n_bad: int) -> None:
    assert spans_from_tags(tags.split()) == (expected, n_bad)


@pytest.mark.parametrize("tag", ["", "B", "B-", "-A", "X-A", "BA", "o", "B_A", "Ada"])
def test_no_tag(tag: str) -> None:
    assert split_tag(tag) is None


def test_tags() -> None:
    assert split_tag("O") == ("O", "")
    assert split_tag("U-cell_line") == ("U", "cell_line")
