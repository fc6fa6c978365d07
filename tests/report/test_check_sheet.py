"""The check sheet: the sample, the page, its script under node and in a browser."""

import base64
import json
import random
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from spacy_nuner.plain import mark_unseen
from spacy_nuner.report.check_sheet import (
    Check,
    identify,
    render_sheet,
    sample_checks,
)
from spacy_nuner.report.svg import read_template
from spacy_nuner.report.verdicts import read_verdicts, summarize

from ..hostile import NAMES, TEXTS
from .browser import Browser, find_browser
from .test_write import Page

CHECKS = [
    Check(str(i), f"Sentence {i} names Paris.", 17 + len(str(i)) - 1, 22, "city", "x")
    for i in range(50)
]
HOSTILE = [
    Check(name, text, 0, len(text), name, text)
    for name, text in zip(NAMES * 2, TEXTS.values(), strict=True)
]
needs_node = pytest.mark.skipif(not shutil.which("node"), reason="needs node")
needs_browser = pytest.mark.skipif(not find_browser(), reason="needs a browser")


def read_data(html: str) -> dict[str, Any]:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</', html)
    return dict(json.loads(found))


def test_sample_depends_on_the_seed_alone() -> None:
    shuffled = CHECKS.copy()
    random.Random(1).shuffle(shuffled)
    drawn = sample_checks(CHECKS, 10, seed=0)
    assert sample_checks(iter(shuffled), 10, seed=0) == drawn
    assert sample_checks(CHECKS, 10, seed=1) != drawn
    assert drawn != sorted(drawn), "in random order, not in that of the corpus"
    # a larger sample begins with the smaller one
    assert sample_checks(CHECKS, 20, seed=0)[:10] == drawn
    assert len(sample_checks(CHECKS, 100, seed=0)) == 50


def test_each_annotation_is_as_likely() -> None:
    counts = dict.fromkeys(CHECKS, 0)
    for seed in range(400):
        for check in sample_checks(CHECKS, 5, seed=seed):
            counts[check] += 1
    assert sum(counts.values()) == 2000
    assert min(counts.values()) > 15 and max(counts.values()) < 70  # mean 40, sd 6


def test_nothing_to_check() -> None:
    with pytest.raises(ValueError, match="N610"):
        sample_checks([], 10, seed=0)


def test_sheets_are_told_apart() -> None:
    assert identify(CHECKS) == identify(CHECKS.copy())
    assert identify(CHECKS[:-1]) != identify(CHECKS)


def test_page_is_whole_and_has_nothing_from_elsewhere() -> None:
    html = render_sheet(CHECKS, source="corpus/concepts", seed=3)
    page = Page(html)
    assert not {"link", "img", "iframe", "object"} & set(page.tags)
    assert not [n for n, _ in page.attributes if n in ("src", "href") or n[:2] == "on"]
    assert not re.search(r"https?://|@import|url\(", html)
    script = read_template("check_sheet.js")
    digest = base64.b64encode(sha256(script.encode("utf8")).digest()).decode()
    policy = dict(page.attributes)["content"]
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    )
    assert f"<script>{script}</script>" in html
    data = read_data(html)
    assert (data["seed"], data["source"]) == (3, "corpus/concepts")
    assert len(data["checks"]) == 50
    assert data["checks"][11]["shown"] == {
        "before": "Sentence 11 names ",
        "mention": "Pari",
        "after": "s.",
        "concept": "city",
        "description": "x",
    }


def test_hostile_annotations_stay_in_the_data() -> None:
    html = render_sheet(HOSTILE, source="</title><script>alert(1)</script>", seed=0)
    page = Page(html)
    assert page.tags.count("script") == 2 and "img" not in page.tags
    (data,) = re.findall(r'(?s)id="data">(.*?)</script>', html)
    assert data.isascii() and not set(data) & set("<>&\n")
    checks = read_data(html)["checks"]
    assert [check["text"] for check in checks] == list(TEXTS.values())
    assert [check["shown"]["mention"] for check in checks] == [
        mark_unseen(text) for text in TEXTS.values()
    ]
    assert "alert(1)" not in html.replace(data, "").replace(
        "&lt;script&gt;alert(1)", ""
    )


def run_script(code: str) -> Any:
    """Run code with the functions of the sheet, without a page."""
    script = Path(__file__).parents[2] / "spacy_nuner/report/templates/check_sheet.js"
    program = f"const s = require({json.dumps(str(script))}); "
    program += f"console.log(JSON.stringify((() => {{ {code} }})()))"
    done = subprocess.run(
        ["node", "-e", program], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@needs_node
def test_verdicts_are_given_and_undone() -> None:
    steps = run_script(
        """let a = s.begin(3, null); const seen = [a];
        for (const v of ["yes", "no", "unsure"]) seen.push(a = s.give(a, v));
        seen.push(a = s.give(s.move(a, -9), "no"));
        while (a.past.length) seen.push(a = s.undo(a));
        seen.push(s.undo(a));
        return seen.map((x) => [x.at, ...x.verdicts]);"""
    )
    assert steps == [
        [0, None, None, None],
        [1, "yes", None, None],
        [2, "yes", "no", None],
        [2, "yes", "no", "unsure"],
        [0, "no", "no", "unsure"],
        [0, "yes", "no", "unsure"],
        [2, "yes", "no", None],
        [1, "yes", None, None],
        [0, None, None, None],
        [0, None, None, None],
    ]


@needs_node
def test_moves_and_what_was_kept() -> None:
    assert run_script(
        """const a = s.begin(4, ["yes", "no", "bad value", null]);
        return [a.at, a.verdicts, s.move(a, 9).at, s.move(a, -9).at, s.nextOpen(a).at,
          s.nextOpen(s.nextOpen(a)).at, s.count(a), s.begin(2, "x").verdicts,
          s.begin(1, ["no", "yes"])];"""
    ) == [
        *(2, ["yes", "no", None, None], 3, 0, 3, 2),
        {"yes": 1, "no": 1, "unsure": 0, "open": 2},
        [None, None],
        {"verdicts": ["no"], "at": 0, "past": []},
    ]


@needs_node
def test_file_can_be_read(tmp_path: Path) -> None:
    data = json.dumps(read_data(render_sheet(HOSTILE, source="corpus", seed=0)))
    content = run_script(
        f"const d = {data}; let a = s.begin(d.checks.length, null); "
        'a = s.give(s.give(a, "yes"), "no"); return s.toFile(d, a);'
    )
    path = tmp_path / "verdicts.json"
    path.write_text(content, encoding="utf8")
    judged = read_verdicts(path)
    assert [one.text for one in judged] == list(TEXTS.values())
    assert [one.verdict for one in judged][:3] == ["yes", "no", None]
    assert "shown" not in content


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find_browser()
    assert program is not None
    with Browser(program, tmp_path_factory.mktemp("browser")) as browser:
        yield browser


def read_page(browser: Browser, *ids: str) -> list[str]:
    return [browser.run(f"document.getElementById('{id}').textContent") for id in ids]


@needs_browser
def test_a_person_checks_with_the_keyboard(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "sheet.html"
    checks = sample_checks(CHECKS, 5, seed=0)
    path.write_text(render_sheet(checks, source="corpus", seed=0), encoding="utf8")
    browser.send(
        "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path)
    )
    browser.open(path)
    (place, mention, verdict) = read_page(browser, "place", "mention", "verdict")
    assert place == f"1 of 5 · {checks[0].id}" and verdict == "open"
    assert mention == checks[0].text[checks[0].start : checks[0].end]
    browser.press("y", "n", "?", "u", "N", "ArrowLeft", "x")
    assert read_page(browser, "place", "verdict")[0].startswith("3 of 5")
    assert read_page(browser, "counts") == [
        "3 checked: 1 sensible, 2 not, 0 can’t tell; 2 open, 33 % sensible"
    ]
    # another visit goes on where this one stopped
    browser.open(path.rename(tmp_path / "moved.html"))
    assert read_page(browser, "place")[0].startswith("4 of 5")
    browser.run("document.querySelector('[data-do=unsure]').click()")
    browser.press("y", "s")
    saved = tmp_path / f"verdicts-{identify(checks)}.json"
    deadline = time.monotonic() + 20
    while not saved.is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    result = summarize(read_verdicts(saved))
    assert (result["n_yes"], result["n_no"], result["n_unsure"]) == (2, 2, 1)
    assert browser.errors == []


@needs_browser
def test_hostile_text_is_only_text_in_a_browser(
    browser: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "hostile.html"
    path.write_text(render_sheet(HOSTILE, source="corpus", seed=0), encoding="utf8")
    browser.open(path)
    before = browser.run("document.getElementsByTagName('*').length")
    for check in HOSTILE:
        concept, sentence = read_page(browser, "concept", "sentence")
        assert concept == mark_unseen(check.concept)
        assert sentence == mark_unseen(check.text)
        assert browser.run("document.getElementsByTagName('*').length") == before
        browser.press("y")
    assert browser.run("document.title") == f"Check of {len(HOSTILE)} annotations"
    assert browser.errors == []
