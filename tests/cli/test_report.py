import json
import re
import shutil
from pathlib import Path

import typer
from typer.testing import CliRunner

from spacy_nuner.cli.report import report

app = typer.Typer()
app.command()(report)


def run(*args: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    plain = re.sub(r"\x1b\[[0-9;]*m", "", result.output)
    return result.exit_code, " ".join(plain.split())


def write_cells(metrics: Path) -> None:
    for system, score in (("base", 0.2), ("nuner", 0.3)):
        for seed in range(2):
            folder = metrics / "fewshot" / system / "gallery" / "k1"
            folder.mkdir(parents=True, exist_ok=True)
            cell = {
                "experiment": "fewshot",
                "system": system,
                "dataset": "gallery",
                "k": 1,
                "seed": seed,
                "token_macro_f1": score + seed / 100,
                "token_macro_f1_with_none": score,
                "entity_micro_f1": score,
            }
            (folder / f"seed{seed}.json").write_text(json.dumps(cell))


def test_report(tmp_path: Path) -> None:
    write_cells(tmp_path / "metrics")
    readme = tmp_path / "README.md"
    readme.write_text("<!-- results:start -->\n<!-- results:end -->\n")
    args = (tmp_path / "metrics", "-o", tmp_path / "reports", "--readme", readme)
    code, output = run(*args)
    assert code == 0, output
    assert "Report of 4 cells" in output
    assert "Not in the report: Corpus statistics: no path given." in output
    assert "has new results" in output
    assert "| NuNER |" in readme.read_text()
    summary = json.loads((tmp_path / "reports" / "summary.json").read_text())
    assert summary["gains"][0]["gain"]["mean"] == 10.0
    assert "is up to date" in run(*args)[1]


def test_figures_of_the_experiments(tmp_path: Path) -> None:
    write_cells(tmp_path / "metrics")
    for variant in ("joined", "last"):
        folder = tmp_path / "metrics" / "ablations" / "layers" / variant
        folder.mkdir(parents=True)
        cells = tmp_path / "metrics" / "fewshot" / "nuner" / "gallery"
        shutil.copytree(cells, folder / "gallery")
        for path in folder.rglob("seed*.json"):
            cell = json.loads(path.read_text())
            cell |= {"experiment": "layers", "system": variant}
            path.write_text(json.dumps(cell))
        about = {"title": "Layers", "reference": "joined", "encoder": "tiny"}
        about["corpus"] = {"n_train": 9, "n_concepts": 5, "name": "toy"}
        (folder / "variant.json").write_text(json.dumps(about))
    code, output = run(tmp_path / "metrics", "-o", tmp_path / "reports")
    assert code == 0, output
    assert (tmp_path / "reports" / "figures" / "ablation-layers.svg").is_file()


def test_without_metrics(tmp_path: Path) -> None:
    code, output = run(tmp_path / "none", "-o", tmp_path / "reports")
    assert code == 1
    assert "N001" in output
    assert not (tmp_path / "reports").exists()


def test_without_cells(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    code, output = run(tmp_path / "metrics", "-o", tmp_path / "reports")
    assert code == 0
    assert "no finished cell" in output
    assert (tmp_path / "reports" / "index.html").is_file()


def test_damaged_cell(tmp_path: Path) -> None:
    write_cells(tmp_path / "metrics")
    next((tmp_path / "metrics").rglob("seed0.json")).write_text("{")
    code, output = run(tmp_path / "metrics", "-o", tmp_path / "reports")
    assert code == 1
    assert "N602" in output
    assert not (tmp_path / "reports").exists()
