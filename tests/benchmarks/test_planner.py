"""The check of the planner's intervals, on cells that follow its formula."""

import json
from pathlib import Path

import numpy as np
import planner


def test_intervals_are_held_against_the_cells(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for k in (1, 2, 4, 8, 16, 32):
        for seed in range(10):
            value = float(0.8 - 0.5 * k**-0.5 + rng.normal(0, 0.01))
            cell = {"system": "nuner", "dataset": "gallery", "k": k}
            cell |= {"token_macro_f1": value, "entity_micro_f1": value / 2}
            folder = tmp_path / "nuner" / "gallery" / f"k{k}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"seed{seed}.json").write_text(json.dumps(cell))
    cells = planner.read_cells(tmp_path)
    row = planner.check(cells, ["gallery"], (1, 2, 4, 8, 16), 32)
    assert row is not None
    assert (row["n_curves"], row["n_sets"]) == (2, 20)
    assert row["sets_within"] >= 0.9
    assert abs(row["difference"]) < 0.03
    assert planner.check(cells, ["workshop"], (1, 2), 4) is None
    assert (
        planner.make_rows([{"group": "shipped", **row}])[0][0] == "shipped (2 curves)"
    )
