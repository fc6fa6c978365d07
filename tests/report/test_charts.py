"""The tables behind the figures."""

from spacy_nuner.report.charts import (
    N_ROWS,
    list_curves,
    list_frequencies,
    list_reliability,
    list_training,
)
from spacy_nuner.report.curves import CurvePoint


def test_curves_with_intervals() -> None:
    series = {
        "nuner": [CurvePoint(1, 39.44, 38.0, 41.0), CurvePoint(4, 59.6, None, None)],
        "base": [CurvePoint(4, 44.7, 44.0, 45.4)],
    }
    assert list_curves(series) == (
        ["System", "k = 1", "k = 4"],
        [
            ["base encoder", "–", "44.7 (44.0 to 45.4)"],
            ["NuNER", "39.4 (38.0 to 41.0)", "59.6"],
        ],
    )


def test_frequencies_at_growing_ranks() -> None:
    concepts = [(f"c{i}", 2000 - i) for i in range(1, 1235)]
    columns, rows = list_frequencies(concepts)
    assert columns == ["Rank", "Concept", "Mentions"]
    assert [row[0] for row in rows] == [
        *("1", "2", "5", "10", "20", "50", "100", "200", "500", "1,000", "1,234"),
    ]
    assert rows[3] == ["10", "c10", "1,990"]
    assert list_frequencies([("one", 1)])[1] == [["1", "one", "1"]]


def test_long_curves_are_thinned_and_end_at_their_end() -> None:
    train = [(float(step), 1 / step) for step in range(1, 501)]
    parts = {
        "loss": ("train", "s-nuner", train),
        "dev_loss": ("dev", "s-nuner", [(250.0, 0.1), (500.0, 0.05)]),
        "none": ("none", "s-nuner", []),
    }
    columns, rows = list_training(parts)
    assert columns == [f"Step ({len(rows)} of 500)", "train", "dev"]
    assert len(rows) <= N_ROWS
    assert rows[-1] == ["500", "0.002", "0.05"]
    assert rows[0][2] == "–"
    short = list_training({"loss": ("train", "s-nuner", train[:3])})
    assert short == (["Step", "train"], [["1", "1"], ["2", "0.5"], ["3", "0.3333"]])


def test_points_of_reliability() -> None:
    point = {"name": "as trained", "predicted": 0.25, "observed": 0.2, "n": 1234}
    assert list_reliability([point])[1] == [["as trained", "0.250", "0.200", "1,234"]]
