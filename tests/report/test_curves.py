import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from spacy_nuner.report.curves import (
    Axis,
    CurvePoint,
    Look,
    draw_concept_frequencies,
    draw_learning_curves,
    draw_training,
    split_log,
)
from spacy_nuner.report.svg import (
    Label,
    Scale,
    draw_labels,
    make_frame,
    make_standalone,
)

from .synthetic_cells import HOSTILE

NS = {"svg": "http://www.w3.org/2000/svg"}


def parse(chart: str) -> ET.Element:
    return ET.fromstring(chart)


def texts(root: ET.Element) -> list[str]:
    return ["".join(node.itertext()) for node in root.iter() if node.text]


def test_scale() -> None:
    assert Scale(0, 10, 100, 200).at(5) == 150
    assert Scale(0, 10, 200, 100).at(10) == 100
    assert Scale(1, 100, 0, 10, log=True).at(10) == pytest.approx(5)
    assert Scale(3, 3, 0, 10).at(3) == 0  # nothing to spread


def test_learning_curves() -> None:
    series = {
        "nuner": [CurvePoint(1, 30.0, 25.0, 35.0), CurvePoint(4, 45.0, 40.0, 50.0)],
        "base": [CurvePoint(1, 20.0, None, None), CurvePoint(4, 25.0, None, None)],
        HOSTILE: [CurvePoint(4, 10.0, None, None)],
    }
    root = parse(draw_learning_curves("c", "A & B", series))
    assert root.find("svg:title", NS).text == "A & B"
    assert "NuNER: 30.0 at k = 1, 45.0 at k = 4" in root.find("svg:desc", NS).text
    assert root.attrib["aria-labelledby"] == "c-title c-desc"
    lines = root.findall("svg:polyline", NS)
    bands = root.findall("svg:polygon", NS)
    assert [line.attrib["class"] for line in lines] == [
        "line s-nuner",
        "line s-base",
        "line s-other",
    ]
    assert [band.attrib["class"] for band in bands] == ["band s-nuner"]
    labels = [t for t in root.iter(f"{{{NS['svg']}}}text") if "label" in t.get("class")]
    assert {label.text for label in labels} == {"NuNER", "base encoder", HOSTILE}
    assert "NuNER, k = 4: 45.0 (40.0 to 50.0)" in texts(root)
    # a higher score stands higher, a larger k further to the right
    (x1, y1), (x2, y2) = (
        map(float, pair.split(",")) for pair in lines[0].attrib["points"].split()
    )
    assert x2 > x1
    assert y2 < y1


def test_levels_are_dashed_lines_and_other_names_can_be_given() -> None:
    series = {"base": [CurvePoint(2250, 20.0, None, None)]}
    looks = {"base": Look(HOSTILE, "v-1", "diamond")}
    axis = Axis("sentences", "{:,} sentences")
    options = {"looks": looks, "axis": axis, "levels": {"LLM": 85.0}}
    root = parse(draw_learning_curves("c", "t", series, **options))
    level, curve = root.findall("svg:polyline", NS)
    assert (level.get("class"), curve.get("class")) == ("line s-level", "line v-1")
    (x1, y1), (x2, y2) = (
        map(float, pair.split(",")) for pair in level.get("points").split()
    )
    assert x1 < x2
    assert y1 == y2
    assert {"LLM", HOSTILE, "2,250", f"{HOSTILE}, 2,250 sentences: 20.0"} <= {
        *texts(root)
    }
    assert "LLM: 85.0" in root.find("svg:desc", NS).text


def test_a_single_k() -> None:
    parse(draw_learning_curves("c", "t", {"nuner": [CurvePoint(4, 0.0, None, None)]}))


def test_labels_do_not_collide() -> None:
    frame = make_frame((0, 1), (0, 1))
    labels = [Label(100.0, f"name {i}", "s-nuner") for i in range(4)]
    labels += [Label(frame.y.start, "floor", "s-base") for _ in range(3)]
    root = parse(f'<svg xmlns="{NS["svg"]}">{draw_labels(frame, labels)}</svg>')
    heights = sorted(float(text.attrib["y"]) for text in root)
    gaps = [b - a for a, b in pairwise(heights)]
    assert min(gaps) >= 15
    assert heights[-1] <= frame.y.start + 4


def test_concept_frequencies() -> None:
    counts = [max(1, 500 // rank) for rank in range(1, 5001)]
    concepts = [(f"concept {i}", n) for i, n in enumerate(counts, start=1)]
    concepts[0] = (HOSTILE, 500)
    chart = draw_concept_frequencies("f", concepts)
    assert "<script" not in chart
    root = parse(chart)
    assert f"1. {HOSTILE}: 500" in texts(root)
    (line,) = root.findall("svg:polyline", NS)
    points = [tuple(map(float, p.split(","))) for p in line.attrib["points"].split()]
    assert 50 < len(points) < 400  # drawn with few points, however long the tail
    assert points == sorted(points)
    heights = [y for _, y in points]
    assert heights == sorted(heights)


@pytest.mark.parametrize("concepts", [[("a", 1)], [("a", 3), ("b", 1)]])
def test_tiny_corpora(concepts: list) -> None:
    parse(draw_concept_frequencies("f", concepts))


def test_training() -> None:
    log = [
        {"step": 10, "loss": 0.5},
        {"step": 20, "loss": 0.25},
        {"epoch": 1, "dev_loss": 0.3},
        {"step": 20, "loss": 0.2},  # logged again after a resume
        {"step": 30, "loss": float("nan")},
        {"step": 40, "loss": None},
    ]
    assert split_log(log, "loss") == [(10, 0.5), (20, 0.2)]
    assert split_log(log, "dev_loss") == [(20, 0.3)]
    curves = {
        "loss": ("train", "s-nuner", split_log(log, "loss")),
        "dev": ("dev", "s-base", split_log(log, "dev_loss")),
        "none": ("nothing", "s-base", []),
    }
    root = parse(draw_training("t", "Loss", curves, y_label="loss"))
    assert len(root.findall("svg:polyline", NS)) == 2
    assert root.find("svg:desc", NS).text == (
        "train: 0.5 at first, 0.2 at last; dev: 0.3 at first, 0.3 at last"
    )


def test_standalone() -> None:
    chart = draw_concept_frequencies("f", [("a", 2), ("b", 1)])
    root = parse(make_standalone(chart))
    assert "--nuner" in root.find("svg:style", NS).text
