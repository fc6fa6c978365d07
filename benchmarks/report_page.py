"""How fast the report's page opens with a concept map of 10,000 concepts.

A headless Chromium opens the page again and again, in turn with a reference in the same
run: a page with the plotting library alone, which does nothing with it.

    python benchmarks/report_page.py
"""

import json
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typer
from wasabi import msg

from spacy_nuner.report.collect import read_inputs
from spacy_nuner.report.inline import make_policy, read_library
from spacy_nuner.report.write import write_report

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.report.browser import Browser, find_browser  # noqa: E402
from tests.report.synthetic_map import make_map  # noqa: E402

TARGET_SECONDS = 2.0
TARGET_BYTES = 5_000_000
SECONDS = 30


def main(
    concept_map: Path | None = typer.Option(
        None, help="A map made by 'spacy-nuner concept-map'. Default: a made-up one."
    ),
    n: int = typer.Option(10_000, help="Concepts of the made-up map."),
    repeats: int = typer.Option(7, min=1, help="The median of so many counts."),
    metrics: Path = typer.Option(ROOT / "metrics", help="The rest of the page."),
    output: Path = typer.Option(
        ROOT / "reports" / "benchmarks" / "report_page.json", help="The figures."
    ),
) -> None:
    """Measure how long it takes until the map can be used."""
    program = find_browser()
    if program is None:
        msg.fail("No Chromium on this machine.", exits=1)
    with TemporaryDirectory() as name:
        folder = Path(name)
        path = concept_map or folder / "concept_map.json"
        if concept_map is None:
            path.write_text(json.dumps(make_map(n)))
        inputs = read_inputs(
            metrics, corpus=None, log=None, encoder=None, concept_map=path
        )
        write_report(inputs, folder / "reports")
        page = folder / "reports" / "index.html"
        plain = write_reference(folder / "reference.html")
        seconds: dict[str, list[float]] = {"page": [], "reference": []}
        with Browser(str(program), folder) as browser:
            for _ in range(repeats):
                seconds["page"].append(open_page(browser, page))
                seconds["reference"].append(open_page(browser, plain))
        median = {name: statistics.median(values) for name, values in seconds.items()}
        n_bytes = page.stat().st_size
        result = {
            "n_concepts": len(json.loads(path.read_text())["concepts"]),
            "bytes": n_bytes,
            "bytes_of_the_library": plain.stat().st_size,
            "seconds_until_ready": round(median["page"], 3),
            "first": round(seconds["page"][0], 3),
            "seconds_of_the_library_alone": round(median["reference"], 3),
            "ratio": round(median["page"] / median["reference"], 2),
            "repeats": repeats,
            "target_met": median["page"] < TARGET_SECONDS and n_bytes < TARGET_BYTES,
        }
    show(result, output)


def write_reference(path: Path) -> Path:
    """RETURNS (Path): A page with the library alone, that says when it has run."""
    scripts = [*read_library(), "performance.mark('map-ready')"]
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{make_policy(scripts)}">'
    )
    body = "".join(f"<script>{script}</script>" for script in scripts)
    path.write_text(f"<!doctype html><meta charset=utf-8>{head}{body}", encoding="utf8")
    return path


def open_page(browser: Browser, path: Path) -> float:
    """RETURNS (float): Seconds from the start of the navigation until it is ready."""
    browser.open(path)
    mark = (
        "(performance.getEntriesByName('map-ready')[0] || { startTime: 0 }).startTime"
    )
    deadline = time.monotonic() + SECONDS
    while not (ready := browser.run(mark)):
        if time.monotonic() > deadline:
            msg.fail(f"{path.name} does not get ready: {browser.errors}", exits=1)
        time.sleep(0.01)
    return float(ready) / 1000


def show(result: dict[str, Any], output: Path) -> None:
    """Write the figures and say them."""
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")
    for name, value in result.items():
        msg.text(f"{name}: {value}")
    msg.good(str(output))


if __name__ == "__main__":
    typer.run(main)
