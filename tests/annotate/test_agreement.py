import pytest

from spacy_nuner.annotate.agreement import (
    Spans,
    compare_annotations,
    compare_verdicts,
    normalize_concept,
)

PARIS, ROME = (0, 5), (10, 14)


def spans(*found: tuple[int, int, str]) -> Spans:
    return frozenset(found)


ONE = {
    "a": spans((*PARIS, "cities"), (*ROME, "city")),
    "b": spans((0, 5, "person")),
    "c": spans(),
    "only": spans((0, 1, "x")),
}
OTHER = {
    "a": spans((*PARIS, "City"), (12, 18, "city")),
    "b": spans((0, 5, "person"), (0, 5, "writer")),
    "c": spans((0, 2, "x")),
}


def test_measures() -> None:
    result = compare_annotations(ONE, OTHER)
    assert (result["n_texts"], result["n_only_one"], result["n_only_other"]) == (
        3,
        1,
        0,
    )
    found = {
        name: (row["agreed"], row["one"], row["other"])
        for name, row in result["measures"].items()
    }
    assert found == {
        "span": (2, 3, 4),
        "span and concept": (1, 3, 5),
        "span and normalized concept": (2, 3, 5),
        "overlapping span": (3, 3, 4),
    }
    assert result["measures"]["span"]["f1"] == pytest.approx(4 / 7)
    assert result["concepts"][0] == {
        **{"concept": "city", "agreed": 1, "one": 2, "other": 2, "f1": 0.5}
    }
    assert [row["concept"] for row in result["concepts"]] == [
        *("city", "person", "writer", "x")
    ]


def test_both_sides_are_alike() -> None:
    there, back = compare_annotations(ONE, OTHER), compare_annotations(OTHER, ONE)
    for name, row in there["measures"].items():
        other = back["measures"][name]
        assert (row["f1"], row["low"], row["high"]) == (
            *(other["f1"], other["low"], other["high"]),
        )


def test_an_overlap_is_paired_once() -> None:
    one = {"a": spans((0, 10, "x"))}
    other = {"a": spans((0, 3, "x"), (4, 6, "x"), (7, 10, "x"))}
    row = compare_annotations(one, other)["measures"]["overlapping span"]
    assert (row["agreed"], row["one"], row["other"]) == (1, 1, 3)


def test_interval_narrows_with_sentences_and_holds_the_value() -> None:
    def compare(n: int) -> dict[str, float]:
        one = {f"{i}": spans((0, 1, "x"), (2, 3, "x")) for i in range(n)}
        other = {f"{i}": spans((0, 1, "x"), (2 + i % 2, 3, "x")) for i in range(n)}
        return dict(compare_annotations(one, other, seed=1)["measures"]["span"])

    few, many = compare(10), compare(1000)
    for row in (few, many):
        assert row["f1"] == 0.75
        assert row["low"] < 0.75 < row["high"]
    assert many["high"] - many["low"] < (few["high"] - few["low"]) / 5
    # standard error of a mean of 1,000 coins of 0 or 1, halved by the other mentions
    assert many["high"] - many["low"] == pytest.approx(
        2 * 1.96 * 0.25 / 1000**0.5, rel=0.15
    )


def test_same_annotation_agrees() -> None:
    for row in compare_annotations(ONE, ONE)["measures"].values():
        assert (row["f1"], row["low"], row["high"]) == (1, 1, 1)


def test_no_mention_at_all() -> None:
    result = compare_annotations({"a": spans()}, {"a": spans()})
    assert result["measures"]["span"]["f1"] is None
    assert result["measures"]["span"]["low"] is None


def test_no_text_in_common() -> None:
    with pytest.raises(ValueError, match="N172"):
        compare_annotations({"a": spans()}, {"b": spans()})


@pytest.mark.parametrize(
    "concept, normalized",
    [
        ("NBA-Teams", "nba team"),
        ("cities", "city"),
        ("class", "class"),
        ("virus", "virus"),
        ("analysis", "analysis"),
        ("pies", "pie"),
        ("company_name", "company name"),
        ("", ""),
    ],
)
def test_normalized_concept(concept: str, normalized: str) -> None:
    assert normalize_concept(concept) == normalized


def test_kappa() -> None:
    """The textbook's table: 20 both yes, 5 and 10 apart, 15 both no."""
    pairs = [*[("yes", "yes")] * 20, *[("yes", "no")] * 5]
    pairs += [*[("no", "yes")] * 10, *[("no", "no")] * 15]
    one, other = ({i: p[side] for i, p in enumerate(pairs)} for side in (0, 1))
    result = compare_verdicts(one, other)
    assert result["n"] == 50 and result["agreed"] == 0.7
    assert result["kappa"] == pytest.approx(0.4)
    assert {"one": "no", "other": "yes", "n": 10} in result["table"]


def test_kappa_where_all_are_the_same() -> None:
    result = compare_verdicts({1: "yes", 2: "yes"}, {1: "yes", 2: "yes", 3: "no"})
    assert (result["n"], result["agreed"], result["kappa"]) == (2, 1, None)


def test_no_verdict_in_common() -> None:
    with pytest.raises(ValueError, match="N173"):
        compare_verdicts({1: "yes"}, {2: "yes"})
