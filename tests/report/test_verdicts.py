import json
from pathlib import Path

import pytest

from spacy_nuner.report.verdicts import Judged, read_verdicts, summarize, wilson


def judge(*verdicts: str | None) -> list[Judged]:
    return [
        Judged("Paris is nice.", 0, 5, f"concept {i}", verdict)  # type: ignore[arg-type]
        for i, verdict in enumerate(verdicts)
    ]


@pytest.mark.parametrize(
    "n_right, n, low, high",
    [
        # by hand, and as R's prop.test(correct = FALSE) gives them
        (95, 100, 0.8882, 0.9785),
        (100, 100, 0.9630, 1.0),
        (0, 10, 0.0, 0.2775),
        (1, 1, 0.2065, 1.0),
        (5, 10, 0.2366, 0.7634),
    ],
)
def test_wilson(n_right: int, n: int, low: float, high: float) -> None:
    interval = wilson(n_right, n)
    assert interval.share == n_right / n
    assert interval.low == pytest.approx(low, abs=1e-4)
    assert interval.high == pytest.approx(high, abs=1e-4)


def test_summary() -> None:
    result = summarize(judge("yes", "yes", "yes", "no", "unsure", None))
    assert (result["n"], result["n_checked"]) == (6, 5)
    assert (result["n_yes"], result["n_no"], result["n_unsure"]) == (3, 1, 1)
    assert result["sensible"] == wilson(3, 4)._asdict()
    assert result["sensible_at_least"] == wilson(3, 5)._asdict()
    wrong = {"mention": "Paris", "concept": "concept 3", "text": "Paris is nice."}
    assert result["wrong"] == [wrong]


def test_nothing_was_judged() -> None:
    result = summarize(judge("unsure", None))
    assert result["sensible"] is None
    assert result["sensible_at_least"]["share"] == 0


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"verdicts": [{}]}',
        '{"verdicts": [{"text": "a", "start": 0, "end": 1, "concept": "c", '
        '"verdict": "maybe"}]}',
        '{"verdicts": [{"text": "a", "start": "x", "end": 1, "concept": "c", '
        '"verdict": "yes"}]}',
    ],
)
def test_not_a_file_of_verdicts(content: str, tmp_path: Path) -> None:
    path = tmp_path / "verdicts.json"
    path.write_text(content)
    with pytest.raises(ValueError, match="N611"):
        read_verdicts(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="N001"):
        read_verdicts(tmp_path / "verdicts.json")


def test_reads_what_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.json"
    records = [one._asdict() for one in judge("yes", None)]
    path.write_text(json.dumps({"format": 1, "verdicts": records}))
    assert read_verdicts(path) == judge("yes", None)
