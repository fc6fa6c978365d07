"""The concept map of the page without a browser: what is read, packed and allowed."""

import base64
import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from spacy_nuner.plain import mark_unseen
from spacy_nuner.report import inline
from spacy_nuner.report.collect import read_inputs
from spacy_nuner.report.concept_map import pack, read_concept_map
from spacy_nuner.report.write import write_report

from ..hostile import NAMES, TEXTS
from .synthetic_cells import write_json
from .synthetic_map import make_map
from .test_write import Page

HOSTILE = make_map(40, names=NAMES, texts=list(TEXTS.values()))


def write_page(concept_map: Any, tmp_path: Path) -> str:
    write_json(tmp_path / "metrics" / "concept_map.json", concept_map)
    inputs = read_inputs(tmp_path / "metrics", corpus=None, log=None, encoder=None)
    write_report(inputs, tmp_path / "reports")
    return (tmp_path / "reports" / "index.html").read_text(encoding="utf8")


def list_scripts(html: str) -> list[str]:
    return re.findall(r"(?s)<script>(.*?)</script>", html)


def test_page_lets_run_its_own_scripts_and_no_others(tmp_path: Path) -> None:
    html = write_page(make_map(30), tmp_path)
    policy = dict(Page(html).attributes)["content"]
    hashes = re.findall(r"'sha256-([^']+)'", policy)
    scripts = list_scripts(html)
    assert len(scripts) == 3
    assert hashes == [
        base64.b64encode(sha256(script.encode("utf8")).digest()).decode()
        for script in scripts
    ]
    assert policy.startswith(
        "default-src 'none'; style-src 'unsafe-inline'; script-src"
    )
    assert "unsafe-eval" not in policy
    assert policy.endswith("; img-src data:")
    assert "Copyright (c) Anaconda" in scripts[0], "the library's licence stays in it"


def test_without_a_map_the_page_has_no_script(tmp_path: Path) -> None:
    inputs = read_inputs(tmp_path, corpus=None, log=None, encoder=None)
    write_report(inputs, tmp_path / "reports")
    page = Page((tmp_path / "reports" / "index.html").read_text())
    assert "script" not in page.tags
    assert dict(page.attributes)["content"] == inline.STRICT_POLICY


def test_without_the_library_the_tables_stand_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inline, "LIBRARY", "no_such_library")
    page = Page(write_page(make_map(30), tmp_path))
    assert not {"script", "button"} & set(page.tags)
    assert dict(page.attributes)["content"] == inline.STRICT_POLICY
    assert "spacy-nuner[report]" in page.text
    assert "river kind 0" in page.text
    assert "1 of 2 labels called like a concept" in page.text


def test_hostile_words_are_text_outside_of_the_data(tmp_path: Path) -> None:
    html = write_page(HOSTILE, tmp_path)
    (data,) = re.findall(r'(?s)id="map-data">(.*?)</script>', html)
    assert data.isascii() and not set(data) & set("<>&\n")
    packed = json.loads(data)
    assert packed["names"][: len(NAMES)] == [mark_unseen(name) for name in NAMES]
    assert packed["sentences"][: len(TEXTS)] == [mark_unseen(t) for t in TEXTS.values()]
    rest = html.replace(data, "")
    for script in list_scripts(html):
        rest = rest.replace(script, "")
    page = Page(rest)
    assert page.tags.count("script") == 4
    assert not {"img", "b-", "iframe"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert NAMES[0] in page.text


def test_coverage_is_in_summary_and_markdown(tmp_path: Path) -> None:
    write_page(make_map(30, names=NAMES), tmp_path)
    summary = json.loads((tmp_path / "reports" / "summary.json").read_text())
    (coverage,) = summary["coverage"]
    assert coverage["labels"][0]["nearest"][0] == [NAMES[0], 0.9, None]
    markdown = (tmp_path / "reports" / "summary.md").read_text()
    assert "| Gallery | 2 | 1 | 1 |" in markdown


def test_pictures_of_the_docs_are_there_and_small() -> None:
    docs = Path(__file__).parent.parent.parent / "docs"
    names = re.findall(r"\]\((img/[^)]+)\)", (docs / "report.md").read_text())
    assert len(names) == 5
    for name in names:
        assert (docs / name).read_bytes().startswith(b"\x89PNG")
        assert (docs / name).stat().st_size < 300_000


def test_same_map_gives_the_same_page(tmp_path: Path) -> None:
    first = write_page(make_map(50), tmp_path / "a")
    assert (
        write_page(make_map(50), tmp_path / "b").replace(
            str(tmp_path / "b"), str(tmp_path / "a")
        )
        == first
    )


def test_large_maps_lose_their_rarest_concepts(tmp_path: Path) -> None:
    path = write_json(tmp_path / "map.json", make_map(500))
    concept_map = read_concept_map(path)
    n, data = pack(concept_map)
    assert n == 500
    assert len(data) > 100_000
    n, data = pack(concept_map, max_size=100_000)
    assert 100 < n < 500
    assert len(data) <= 100_000
    packed = json.loads(data)
    assert packed["names"] == [one["name"] for one in concept_map["concepts"][:n]]
    assert len(packed["colours"]) == 6 * n
    assert all(j < n for near in packed["nearest"] for j in near)
    used = {i for one in packed["mentions"] for i, _, _ in one}
    assert used == set(range(len(packed["sentences"])))
    i, start, end = concept_map["concepts"][7]["mentions"][2]
    j, *place = packed["mentions"][7][2]
    assert packed["sentences"][j] == concept_map["sentences"][i]
    assert place == [start, end]


def test_page_of_ten_thousand_concepts_is_below_5_mb(tmp_path: Path) -> None:
    html = write_page(make_map(10_000), tmp_path)
    assert len(html.encode("utf8")) < 5_000_000
    assert "10,000 with 2 mentions or more, of 30,000" in Page(html).text


@pytest.mark.parametrize(
    "damage",
    [
        {"concepts": None},
        {"coverage": [{"name": "x"}]},
        {"sentences": []},
        {"method": None, "breadth": "wide"},
        {"coverage": [{"name": "x", "labels": [{"label": "A"}]}]},
    ],
)
def test_damaged_map(damage: dict[str, Any], tmp_path: Path) -> None:
    path = write_json(tmp_path / "concept_map.json", make_map(5) | damage)
    with pytest.raises(ValueError, match="N602"):
        read_concept_map(path)


@pytest.mark.parametrize(
    "damage",
    [
        {"xy": [0.5, 1.5]},
        {"nearest": [[5, 0.5]]},
        {"mentions": [[0, 5, 100_000]]},
        {"mentions": [[-1, 0, 1]]},
        {"count": "many"},
    ],
)
def test_damaged_concept(damage: dict[str, Any], tmp_path: Path) -> None:
    content = make_map(5)
    content["concepts"][2] |= damage
    path = write_json(tmp_path / "concept_map.json", content)
    with pytest.raises(ValueError, match="N602"):
        read_concept_map(path)
