"""The parts of a chart as SVG text. Colours and fonts are in `templates/chart.css`."""

import math
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import NamedTuple

from ..plain import escape_html

Point = tuple[float, float]


class Scale(NamedTuple):
    """Maps values to pixels, linearly or by logarithm."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """The pixel of a value."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        share = (value - low) / ((high - low) or 1.0)
        return self.start + share * (self.end - self.start)


class Frame(NamedTuple):
    """The plotting area of a chart."""

    x: Scale
    y: Scale
    width: float
    height: float


class Tick(NamedTuple):
    """A mark on an axis."""

    value: float
    text: str


class Label(NamedTuple):
    """A name at the end of a curve."""

    y: float
    text: str
    css: str


def make_frame(
    x: tuple[float, float],
    y: tuple[float, float],
    *,
    width: float = 560,
    height: float = 340,
    right: float = 150,
    log_x: bool = False,
    log_y: bool = False,
) -> Frame:
    """Lay out a chart.

    x (tuple[float, float]): lowest and highest value.
    y (tuple[float, float]): lowest and highest value.
    width (float): of the whole chart, pixels.
    height (float): of the whole chart, pixels.
    right (float): room for the names of the curves.
    log_x (bool): logarithmic axis.
    log_y (bool): logarithmic axis.
    RETURNS (Frame): the plotting area.
    """
    return Frame(
        Scale(*x, 52, width - right, log_x),
        Scale(*y, height - 46, 14, log_y),
        width,
        height,
    )


def render_chart(
    id: str, title: str, description: str, frame: Frame, parts: Iterable[str]
) -> str:
    """Put a chart together, with title and description for those who cannot see it.

    id (str): unique on the page.
    title (str): what the chart shows.
    description (str): what one sees in it.
    frame (Frame): its size.
    parts (Iterable[str]): SVG text, already escaped.
    RETURNS (str): an `<svg>` element.
    """
    return (
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" role="img" '
        f'viewBox="0 0 {frame.width:g} {frame.height:g}" '
        f'aria-labelledby="{id}-title {id}-desc">'
        f'<title id="{id}-title">{escape_html(title)}</title>'
        f'<desc id="{id}-desc">{escape_html(description)}</desc>{"".join(parts)}</svg>'
    )


def make_standalone(chart: str) -> str:
    """Give a chart its own style sheet, so that it can stand in a file.

    chart (str): as `render_chart` gives it.
    RETURNS (str): the same with a `<style>`.
    """
    head, desc_end, rest = chart.partition("</desc>")
    return f"{head}{desc_end}<style>{read_template('chart.css')}</style>{rest}\n"


def read_template(name: str) -> str:
    """Read a file of `report/templates`."""
    return (files(__package__) / "templates" / name).read_text(encoding="utf8")


def draw_axes(
    frame: Frame,
    x_ticks: Sequence[Tick],
    y_ticks: Sequence[Tick],
    *,
    x_label: str,
    y_label: str,
) -> str:
    """Draw grid lines, tick texts and the names of the axes."""
    left, right = frame.x.start, frame.x.end
    bottom, top = frame.y.start, frame.y.end
    parts = []
    for tick in y_ticks:
        y = frame.y.at(tick.value)
        parts.append(
            f'<line class="grid" x1="{left:g}" x2="{right:g}" y1="{y:.1f}" '
            f'y2="{y:.1f}"/>{_text(left - 8, y + 4, tick.text, "tick end")}'
        )
    for tick in x_ticks:
        x = frame.x.at(tick.value)
        parts.append(
            f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom:g}" '
            f'y2="{bottom + 4:g}"/>{_text(x, bottom + 18, tick.text, "tick middle")}'
        )
    parts.append(
        f'<line class="axis" x1="{left:g}" x2="{right:g}" y1="{bottom:g}" '
        f'y2="{bottom:g}"/>'
    )
    parts.append(
        _text((left + right) / 2, frame.height - 8, x_label, "axis-name middle")
    )
    middle = (top + bottom) / 2
    parts.append(
        f'<text class="axis-name middle" transform="translate(13 {middle:g}) '
        f'rotate(-90)">{escape_html(y_label)}</text>'
    )
    return "".join(parts)


def draw_line(points: Sequence[Point], css: str) -> str:
    """Draw a curve through points in pixels."""
    return f'<polyline class="line {css}" points="{_points(points)}"/>'


def draw_band(low: Sequence[Point], high: Sequence[Point], css: str) -> str:
    """Fill the area between two curves in pixels."""
    outline = [*low, *reversed(high)]
    return f'<polygon class="band {css}" points="{_points(outline)}"/>'


def draw_marker(x: float, y: float, shape: str, css: str, hint: str) -> str:
    """Draw a marker with a text that shows when the pointer rests on it.

    shape (str): circle, square, diamond or triangle: not by colour alone.
    """
    path = {
        "circle": f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6"/>',
        "square": _polygon(x, y, ((-3.4, -3.4), (3.4, -3.4), (3.4, 3.4), (-3.4, 3.4))),
        "diamond": _polygon(x, y, ((0, -5), (5, 0), (0, 5), (-5, 0))),
        "triangle": _polygon(x, y, ((0, -4.8), (4.6, 3.6), (-4.6, 3.6))),
    }[shape]
    return f'<g class="marker {css}"><title>{escape_html(hint)}</title>{path}</g>'


def draw_labels(frame: Frame, labels: Iterable[Label], *, gap: float = 15) -> str:
    """Write the names of the curves at their ends, pushed apart where they collide."""
    placed = sorted(labels)
    heights = [label.y for label in placed]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + gap)
    floor = frame.y.start
    for i in reversed(range(len(heights))):
        heights[i] = min(heights[i], floor)
        floor = heights[i] - gap
    return "".join(
        _text(frame.x.end + 10, y + 4, label.text, f"label {label.css}")
        for label, y in zip(placed, heights, strict=True)
    )


def draw_note(x: float, y: float, text: str) -> str:
    """Write a small text into the chart."""
    return _text(x, y, text, "note")


def _text(x: float, y: float, text: str, css: str) -> str:
    return f'<text class="{css}" x="{x:.1f}" y="{y:.1f}">{escape_html(text)}</text>'


def _polygon(x: float, y: float, corners: Iterable[Point]) -> str:
    return f'<polygon points="{_points((x + dx, y + dy) for dx, dy in corners)}"/>'


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
