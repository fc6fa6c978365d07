"""The page in a real browser: nothing is loaded, nothing fails, the map works."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spacy_nuner.plain import mark_unseen
from spacy_nuner.report.collect import read_inputs
from spacy_nuner.report.concept_map import GRID
from spacy_nuner.report.write import write_report

from ..hostile import NAMES, TEXTS
from .browser import SECONDS, Browser, find_browser
from .synthetic_cells import Files, write_json
from .synthetic_map import make_map

pytestmark = pytest.mark.skipif(not find_browser(), reason="needs a browser")

PANEL = "document.getElementById('map-concept')"
# Bokeh would fetch what draws formulas
FORMULAS = ("$$x^2$$", r"\(x\)", r"\[\frac{a}{b}\]")
MAP = make_map(300, names=[*NAMES, *FORMULAS], texts=list(TEXTS.values()))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find_browser()
    assert program
    with Browser(program, tmp_path_factory.mktemp("browser")) as browser:
        yield browser


def write_page(concept_map: Any, files: Files, folder: Path) -> Path:
    path = write_json(folder / "concept_map.json", concept_map)
    inputs = read_inputs(
        files.metrics,
        corpus=files.corpus,
        log=files.log,
        encoder=files.encoder,
        concept_map=path,
    )
    write_report(inputs, folder / "reports")
    return folder / "reports" / "index.html"


@pytest.fixture(scope="module")
def page(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with 300 concepts, the first of them hostile."""
    return write_page(MAP, files, tmp_path_factory.mktemp("page"))


def wait_for(browser: Browser, code: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not browser.run(code):
        assert time.monotonic() < deadline, f"never: {code}; {browser.errors}"
        time.sleep(0.02)


def open_page(
    browser: Browser, page: Path, *, width: int = 1200, dark: bool = False
) -> None:
    browser.errors.clear()
    browser.send(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=850,
        deviceScaleFactor=1,
        mobile=width < 500,
    )
    theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.send("Emulation.setEmulatedMedia", features=[theme])
    browser.open(page)
    wait_for(browser, "document.getElementById('map').dataset.state === 'ready'")


def search(browser: Browser, words: str) -> list[str]:
    """Type into the search field, key by key, and read what is found."""
    browser.run("document.getElementById('map-search').value = ''")
    browser.run("document.getElementById('map-search').focus()")
    browser.press(*words)
    found = browser.run(
        "[...document.querySelectorAll('#map-found button')].map((b) => b.textContent)"
    )
    return list(found)


def test_loads_without_network_and_errors(browser: Browser, page: Path) -> None:
    open_page(browser, page)
    assert browser.run("performance.getEntriesByType('resource').length") == 0
    assert browser.run(
        "document.querySelectorAll('#map-plot canvas, #map-plot > div').length"
    )
    assert not browser.errors


def test_what_is_not_named_by_its_hash_does_not_run(
    browser: Browser, page: Path
) -> None:
    open_page(browser, page)
    browser.run(
        "const s = document.createElement('script'); s.textContent = 'window.hit = 1';"
        "document.body.append(s)"
    )
    assert browser.run("window.hit === undefined")
    wait_for(browser, "true")
    (error,) = browser.errors
    assert "Content Security Policy" in error


def test_search_finds_and_opens_a_concept(browser: Browser, page: Path) -> None:
    open_page(browser, page)
    found = search(browser, "Kind 25")  # as people write it
    called = [25, *range(250, 260)]
    assert set(found) == {MAP["concepts"][i]["name"] for i in called}
    assert browser.run("document.getElementById('map-count').value") == "11 concepts"
    browser.run("document.getElementById('map-form').requestSubmit()")
    name = browser.run(f"{PANEL}.querySelector('h3').textContent")
    assert name == found[0]
    sentences = browser.run(
        f"[...{PANEL}.querySelectorAll('.mentions li')].map((li) => li.textContent)"
    )
    expected = MAP["concepts"][25]
    texts = [MAP["sentences"][i] for i, _, _ in expected["mentions"]]
    assert name == expected["name"]
    assert sentences == [mark_unseen(text) for text in texts]
    marks = browser.run(
        f"[...{PANEL}.querySelectorAll('mark')].map((m) => m.textContent)"
    )
    assert marks == [mark_unseen(text[:5]) for text in texts]
    # on to a neighbour
    selector = f"{PANEL}.querySelector('.nearest button')"
    neighbour = browser.run(f"{selector}.textContent")
    browser.run(f"{selector}.click()")
    assert browser.run(f"{PANEL}.querySelector('h3').textContent") == neighbour
    assert search(browser, "no such concept") == []
    assert not browser.errors


def test_click_on_the_map_opens_and_wheel_zooms(browser: Browser, page: Path) -> None:
    open_page(browser, page)
    browser.run("document.getElementById('map-plot').scrollIntoView()")
    search(browser, "river kind 51")
    browser.run("document.getElementById('map-form').requestSubmit()")
    browser.run(f"{PANEL}.replaceChildren()")
    ranges = "(({ x_range: x, y_range: y }) => [x.start, x.end, y.start, y.end])"
    plot = "Bokeh.index.roots[0].model"
    left, right, low, high = browser.run(f"{ranges}({plot})")
    box = browser.run(
        "(() => { const f = Bokeh.index.roots[0].frame.bbox, "
        "r = document.getElementById('map-plot').getBoundingClientRect(); "
        "return [r.left + f.left, r.top + f.top, f.width, f.height]; })()"
    )
    # the concept that was opened is in the middle of the view
    place = {"x": box[0] + box[2] / 2, "y": box[1] + box[3] / 2}
    for kind in ("mousePressed", "mouseReleased"):
        browser.send(
            "Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place
        )
    wait_for(browser, f"{PANEL}.textContent")
    assert "kind" in browser.run(f"{PANEL}.querySelector('h3').textContent")
    browser.send(
        "Input.dispatchMouseEvent", type="mouseWheel", deltaX=0, deltaY=-300, **place
    )
    wait_for(browser, f"{ranges}({plot})[1] - {ranges}({plot})[0] < {right - left}")
    assert 0 < right - left < GRID and 0 < high - low < GRID
    browser.send("Input.dispatchMouseEvent", type="mouseMoved", **place)
    wait_for(browser, "!document.getElementById('map-hint').hidden")
    assert "·" in browser.run("document.getElementById('map-hint').textContent")
    assert not browser.errors


def test_colours_by_frequency(browser: Browser, page: Path) -> None:
    open_page(browser, page)
    colours = (
        "Bokeh.index.roots[0].model.renderers.map((r) => r.data_source.data.colour)"
    )
    first = f"{colours}.find(Boolean)"
    before = browser.run(first)
    browser.run(
        "const s = document.getElementById('map-colour'); s.value = 'frequency'; "
        "s.dispatchEvent(new Event('change'))"
    )
    after = browser.run(first)
    assert len(before) == len(after) == 300
    assert len(set(before)) > len(set(after)) > 5
    assert after[0] == "#a0da39" and after[-1] == "#46327e"


def test_hostile_text_stays_text(browser: Browser, page: Path) -> None:
    open_page(browser, page)
    tags = "new Set([...document.querySelectorAll('*')].map((e) => e.localName))"
    before = browser.run(f"[...{tags}].sort()")
    for i, name in enumerate([*NAMES, *FORMULAS]):
        # any button that names a concept opens it
        browser.run(
            "document.querySelector('#coverage button').dataset.concept = "
            f"'{i}'; document.querySelector('#coverage button').click()"
        )
        shown = browser.run(f"{PANEL}.querySelector('h3').textContent")
        assert shown == mark_unseen(name)
        sentence = browser.run(f"{PANEL}.querySelector('.mentions li').textContent")
        assert sentence == mark_unseen(list(TEXTS.values())[i])
        allowed = {"h3", "h4", "p", "ul", "li", "mark", "button", "small"}
        inside = f"[...{PANEL}.querySelectorAll('*')].map((e) => e.localName)"
        assert set(browser.run(inside)) <= allowed
    for letter in "<script":
        search(browser, letter)
    added = {"mark", "li", "h4", "button"}
    assert set(browser.run(f"[...{tags}]")) <= {*before, *added}
    assert not browser.errors


def test_characters_that_javascript_counts_twice(
    browser: Browser, files: Files, tmp_path: Path
) -> None:
    concept_map = make_map(5, texts=["\U0001f468\u200d\U0001f469 in Zo\u0308e's café"])
    concept_map["concepts"][0]["mentions"] = [[0, 7, 11]]
    open_page(browser, write_page(concept_map, files, tmp_path))
    assert browser.run(f"{PANEL}.querySelector('mark').textContent") == "Zo\u0308e"


def test_labels_lead_to_the_map(browser: Browser, page: Path) -> None:
    open_page(browser, page)
    browser.run("document.querySelectorAll('#coverage button')[1].click()")
    name = browser.run(f"{PANEL}.querySelector('h3').textContent")
    assert name.endswith("kind 299")
    assert (
        browser.run("document.getElementById('map').getBoundingClientRect().top") < 400
    )


@pytest.mark.parametrize("width", [360, 390, 820, 1400])
@pytest.mark.parametrize("dark", [False, True])
def test_fits_the_screen(browser: Browser, page: Path, width: int, dark: bool) -> None:
    open_page(browser, page, width=width, dark=dark)
    browser.run(
        "document.querySelectorAll('details').forEach((d) => { d.open = true; })"
    )
    assert browser.run("document.documentElement.scrollWidth") <= width
    colour = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, colour[4:-1].split(","))) < 200) == dark
    size = "getComputedStyle(document.querySelector('p')).fontSize"
    assert float(browser.run(size).removesuffix("px")) >= 14


def test_prints_dark_on_white(browser: Browser, page: Path) -> None:
    open_page(browser, page, dark=True)
    browser.send("Emulation.setEmulatedMedia", media="print")
    ink = browser.run("getComputedStyle(document.querySelector('main p')).color")
    assert sum(map(int, ink[4:-1].split(","))) < 300
    hidden = "getComputedStyle(document.querySelector('nav')).display"
    assert browser.run(hidden) == "none"
    pdf = browser.send("Page.printToPDF", printBackground=True)["data"]
    assert len(pdf) > 50_000
    browser.send("Emulation.setEmulatedMedia", media="")
    assert not browser.errors


def test_figures_have_their_data_behind_a_fold(browser: Browser, page: Path) -> None:
    open_page(browser, page)
    charts = "[...document.querySelectorAll('figure > svg.chart')]"
    figures = f"{charts}.map((chart) => chart.parentElement)"
    assert browser.run(f"{figures}.length") == 10
    assert browser.run(f"{figures}.every((f) => f.querySelector('details table td'))")
    assert browser.run(f"{figures}.every((f) => !f.querySelector('details').open)")


def test_ten_thousand_concepts(browser: Browser, files: Files, tmp_path: Path) -> None:
    """They can be searched; how fast the page opens benchmarks/report_page.py says."""
    open_page(browser, write_page(make_map(10_000), files, tmp_path))
    (found,) = search(browser, "kind 9999")
    assert found.endswith(" kind 9999")
    assert not browser.errors
