"""Take the pictures of the report that its docs page shows, in a headless Chromium.

python scripts/screenshot_report.py reports/index.html docs/img
"""

import base64
import io
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import typer
from PIL import Image
from wasabi import msg

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.report.browser import Browser, find_browser  # noqa: E402

MAX_BYTES = 300_000
SECONDS = 30


class Shot(NamedTuple):
    """What a picture shows."""

    name: str
    width: int
    height: int
    dark: bool
    place: str  # selector of what stands at the top
    concept: str  # to be searched and opened; none if empty


SHOTS = (
    Shot("report_light", 1200, 860, False, "body", ""),
    Shot("report_curves", 1200, 640, False, "#curves", ""),
    Shot("report_map_light", 1100, 880, False, "#map", ""),
    Shot("report_map_dark", 1100, 880, True, "#map", "river"),
    Shot("report_phone", 390, 844, False, "#map", "river"),
)


def main(
    page: Path = typer.Argument(ROOT / "reports" / "index.html"),
    output: Path = typer.Argument(ROOT / "docs" / "img"),
) -> None:
    """Take the pictures."""
    program = find_browser()
    if program is None:
        msg.fail("No Chromium on this machine.", exits=1)
    output.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder, Browser(str(program), Path(folder)) as browser:
        for shot in SHOTS:
            picture = shrink(take(browser, page, shot))
            if len(picture) > MAX_BYTES:
                msg.fail(f"{shot.name}: {len(picture):,} bytes", exits=1)
            (output / f"{shot.name}.png").write_bytes(picture)
            msg.good(f"{output / shot.name}.png: {len(picture) // 1000} kB")


def take(browser: Browser, page: Path, shot: Shot) -> bytes:
    """RETURNS (bytes): A PNG of one place of the page."""
    browser.send(
        "Emulation.setDeviceMetricsOverride",
        width=shot.width,
        height=shot.height,
        deviceScaleFactor=1,
        mobile=shot.width < 500,
    )
    theme = {"name": "prefers-color-scheme", "value": "dark" if shot.dark else "light"}
    browser.send("Emulation.setEmulatedMedia", features=[theme])
    browser.open(page)
    deadline = time.monotonic() + SECONDS
    while browser.run("document.getElementById('map').dataset.state") != "ready":
        if time.monotonic() > deadline:
            msg.fail(f"The map of {page} does not get ready: {browser.errors}", exits=1)
        time.sleep(0.05)
    if shot.concept:
        browser.run(f"document.getElementById('map-search').value = '{shot.concept}'")
        browser.run("document.getElementById('map-form').requestSubmit()")
    browser.run(f"document.querySelector('{shot.place}').scrollIntoView()")
    time.sleep(0.5)
    picture = browser.send("Page.captureScreenshot", format="png")["data"]
    return base64.b64decode(picture)


def shrink(picture: bytes) -> bytes:
    """RETURNS (bytes): The picture with 256 colours, about a third as large."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    output = io.BytesIO()
    image.quantize(256).save(output, "PNG", optimize=True)
    return output.getvalue()


if __name__ == "__main__":
    typer.run(main)
