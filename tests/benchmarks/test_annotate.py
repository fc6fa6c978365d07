"""The benchmark of asking: it runs, adds up, and fills its block."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import annotate
import pytest
from asking import STORM, explain_storm


@pytest.mark.slow
def test_figures_and_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def here(call: Callable[..., Any], *args: Any) -> Any:
        return call(*args)

    monkeypatch.setattr(annotate, "alone", here)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    docs = tmp_path / "page.md"
    docs.write_text("Before\n<!-- asking:start -->\n<!-- asking:end -->\nAfter\n")
    output = tmp_path / "figures.json"
    annotate.main(n=100, n_rest=2, n_long=200, latency=0.05, output=output, docs=docs)
    result = json.loads(output.read_text())
    rows = result["rows"]
    assert [row["n"] for row in rows.values()] == [2, 100, 100, 100, 200]
    assert all(row.get("n_failed", 0) == 0 for row in rows.values())
    assert rows["storm"]["statuses"].keys() <= {*STORM, "200"}
    assert rows["storm"]["n_answered"] == 100
    assert rows["storm"]["n_answered_twice"] == 0
    assert result["met"].keys() == result["goals"].keys() == annotate.GOALS.keys()
    assert 0 < result["figures"]["cpu_ms"] < 20
    page = docs.read_text()
    assert page.startswith("Before\n") and page.endswith("\nAfter\n")
    assert "| `spacy-nuner.Chat.v1` | 100 |" in page


def test_what_a_log_explains(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    rows = [
        ("a", "429", 0.0),
        ("a", "500", 0.5),
        ("a", "200", 0.5),
        ("b", "hang", 0.0),
        ("b", "200", 0.5),
        ("b", "200", 0.5),
    ]
    log.write_text(
        "\n".join(
            json.dumps({"prompt": p, "status": s, "start": 1.0, "end": 1.0 + seconds})
            for p, s, seconds in rows
        )
    )
    found = explain_storm(log)
    assert found["statuses"] == {"429": 1, "500": 1, "200": 3, "hang": 1}
    assert (found["n_answered"], found["n_answered_twice"]) == (2, 1)
    assert found["seconds_held"] == pytest.approx(5.5 / 64)
    assert found["seconds_longest_wait"] == 5.0
    assert found["seconds_explained"] == pytest.approx(5.0 + 5.5 / 64)
