"""The charts of the report: learning curves, concept frequencies, pre-training."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from . import svg
from .names import name_system
from .svg import Frame, Label, Tick

Frequencies = Sequence[tuple[str, int]]
LEVEL: Final = "s-level"

# shapes of the markers; the colours are in chart.css
SHAPES: Final = {
    "nuner_concept_start": "diamond",
    "nuner": "circle",
    "base_best_layer": "triangle",
    "base": "square",
    "paper_nuner": "circle",
    "paper_roberta": "square",
}


class CurvePoint(NamedTuple):
    """A point of a learning curve, in points of F1."""

    k: int
    mean: float
    low: float | None
    high: float | None


class Look(NamedTuple):
    """How a curve is called and drawn."""

    name: str
    css: str  # class in chart.css
    shape: str  # of its markers


class Axis(NamedTuple):
    """What lies along the curves."""

    label: str
    point: str  # "k = {}": what one of its values is called


K_AXIS: Final = Axis("k (each type has k to 2k mentions)", "k = {:,}")
Series = Mapping[str, Sequence[CurvePoint]]
Looks = Mapping[str, Look]


def css_of(system: str) -> str:
    """A system's class in `chart.css`; unknown systems share one."""
    return f"s-{system}" if system in SHAPES else "s-other"


def look_of(system: str) -> Look:
    """RETURNS (Look): That of a system, the same in all charts."""
    shape = SHAPES.get(system, "circle")
    return Look(name_system(system), css_of(system), shape)


def draw_learning_curves(
    id: str,
    title: str,
    series: Series,
    *,
    looks: Looks | None = None,
    axis: Axis = K_AXIS,
    levels: Mapping[str, float] | None = None,
) -> str:
    """Draw F1 over k with the 95 % intervals as bands.

    id (str): unique on the page.
    title (str): what the chart shows, such as the name of the data set.
    series (Series): points by system, k rising.
    looks (Looks | None): of each system; those of `look_of` by default.
    axis (Axis): what is in the place of k.
    levels (Mapping[str, float] | None): by name, what has one value whatever k is:
        dashed lines.
    RETURNS (str): an `<svg>` element.
    """
    looks = looks or {system: look_of(system) for system in series}
    levels = levels or {}
    drawn = [(looks[system], curve) for system, curve in series.items() if curve]
    points = [point for _, curve in drawn for point in curve]
    ks = sorted({point.k for point in points})
    tops = [point.mean if point.high is None else point.high for point in points]
    top = min(100, 10 * math.ceil((max([*tops, *levels.values()]) + 1) / 10))
    frame = svg.make_frame(
        (ks[0] / 1.12, ks[-1] * 1.12), (0, top), log_x=True, right=165
    )
    parts = [
        svg.draw_axes(
            frame,
            [Tick(k, f"{k:,}") for k in ks],
            [Tick(y, str(y)) for y in range(0, int(top) + 1, 10 if top < 70 else 20)],
            x_label=axis.label,
            y_label="token macro F1",
        )
    ]
    # bands lie under all lines
    parts += [_draw_band(frame, curve, look.css) for look, curve in drawn]
    for value in levels.values():
        y = frame.y.at(value)
        ends = [(frame.x.start, y), (frame.x.end, y)]
        parts.append(svg.draw_line(ends, LEVEL))
    parts += [_draw_curve(frame, curve, look, axis) for look, curve in drawn]
    labels = [
        Label(frame.y.at(curve[-1].mean), look.name, look.css) for look, curve in drawn
    ]
    labels += [Label(frame.y.at(y), name, LEVEL) for name, y in levels.items()]
    parts.append(svg.draw_labels(frame, labels))
    told = [
        f"{look.name}: {curve[0].mean:.1f} at {axis.point.format(curve[0].k)}, "
        f"{curve[-1].mean:.1f} at {axis.point.format(curve[-1].k)}"
        for look, curve in drawn
    ]
    told += [f"{name}: {value:.1f}" for name, value in levels.items()]
    return svg.render_chart(id, title, "; ".join(told), frame, parts)


def _draw_band(frame: Frame, curve: Iterable[CurvePoint], css: str) -> str:
    low = [(p.k, p.low) for p in curve if p.low is not None]
    high = [(p.k, p.high) for p in curve if p.high is not None]
    if len(low) < 2:
        return ""
    edges = [
        [(frame.x.at(k), frame.y.at(min(max(y, 0), frame.y.high))) for k, y in edge]
        for edge in (low, high)
    ]
    return svg.draw_band(edges[0], edges[1], css)


def _draw_curve(
    frame: Frame, curve: Sequence[CurvePoint], look: Look, axis: Axis
) -> str:
    places = [(frame.x.at(point.k), frame.y.at(point.mean)) for point in curve]
    parts = [svg.draw_line(places, look.css)]
    for point, (x, y) in zip(curve, places, strict=True):
        spread = (
            f" ({point.low:.1f} to {point.high:.1f})"
            if point.low is not None and point.high is not None
            else ""
        )
        place = axis.point.format(point.k)
        hint = f"{look.name}, {place}: {point.mean:.1f}{spread}"
        parts.append(svg.draw_marker(x, y, look.shape, look.css, hint))
    return "".join(parts)


def draw_concept_frequencies(id: str, frequencies: Frequencies) -> str:
    """Draw how often each concept occurs, most common first, log-log (Figure 4).

    id (str): unique on the page.
    frequencies (Frequencies): all concepts with their counts, sorted.
    RETURNS (str): an `<svg>` element.
    """
    n, top = len(frequencies), frequencies[0][1]
    frame = svg.make_frame(
        (1, max(n, 2)), (0.8, max(top, 2) * 1.3), log_x=True, log_y=True, right=30
    )
    ranks = _spread_ranks(n)
    places = [
        (frame.x.at(rank), frame.y.at(frequencies[rank - 1][1])) for rank in ranks
    ]
    parts = [
        svg.draw_axes(
            frame,
            _powers_of_ten(n),
            _powers_of_ten(top),
            x_label="rank of the concept",
            y_label="mentions",
        ),
        svg.draw_line(places, "s-nuner"),
    ]
    for rank in (1, 10, 100, 1000, 10_000, 100_000):
        if rank <= n // 3:
            concept, count = frequencies[rank - 1]
            x, y = frame.x.at(rank), frame.y.at(count)
            hint = f"{rank}. {concept}: {count:,}"
            parts.append(svg.draw_marker(x, y, "circle", "s-nuner", hint))
            parts.append(svg.draw_note(x + 9, y - 5, _shorten(concept)))
    once = sum(1 for _, count in frequencies if count == 1)
    description = (
        f"{n:,} concepts; the most common, {frequencies[0][0]}, has {top:,} mentions; "
        f"{once:,} concepts are seen once."
    )
    return svg.render_chart(id, "Concept frequencies", description, frame, parts)


def draw_training(
    id: str,
    title: str,
    curves: Mapping[str, tuple[str, str, Sequence[tuple[float, float]]]],
    *,
    y_label: str,
    top: float | None = None,
) -> str:
    """Draw figures of the pre-training over its steps.

    id (str): unique on the page.
    title (str): what the chart shows.
    curves (Mapping[str, tuple[str, str, Sequence[tuple[float, float]]]]): by key:
        name, class in `chart.css`, and (step, value); few points get markers.
    y_label (str): name of the axis.
    top (float | None): highest value of the axis; that of the curves by default.
    RETURNS (str): an `<svg>` element.
    """
    drawn = {key: curve for key, curve in curves.items() if curve[2]}
    points = [point for _, _, curve in drawn.values() for point in curve]
    steps = [step for step, _ in points]
    high = top or max(value for _, value in points) * 1.08 or 1.0
    frame = svg.make_frame((0, max(steps)), (0, high), right=130, height=280)
    parts = [
        svg.draw_axes(
            frame,
            _round_ticks(max(steps)),
            _round_ticks(high),
            x_label="step",
            y_label=y_label,
        )
    ]
    labels, notes = [], []
    for name, css, curve in drawn.values():
        places = [(frame.x.at(step), frame.y.at(value)) for step, value in curve]
        parts.append(svg.draw_line(places, css))
        if len(curve) <= 30:
            parts += [
                svg.draw_marker(x, y, "circle", css, f"{name}, step {s:g}: {v:.4g}")
                for (x, y), (s, v) in zip(places, curve, strict=True)
            ]
        labels.append(Label(places[-1][1], name, css))
        notes.append(f"{name}: {curve[0][1]:.3g} at first, {curve[-1][1]:.3g} at last")
    parts.append(svg.draw_labels(frame, labels))
    return svg.render_chart(id, title, "; ".join(notes), frame, parts)


def split_log(log: Iterable[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    """Get one figure of the pre-training log over the steps.

    A record without "step" is one of an epoch: it stands at the step before it.

    log (Iterable[Mapping[str, Any]]): the records.
    key (str): such as "loss".
    RETURNS (list[tuple[float, float]]): (step, value) where there is a finite value.
    """
    points: dict[float, float] = {}
    step = 0.0
    for record in log:
        step = float(record.get("step", step))
        value = record.get(key)
        if isinstance(value, int | float) and math.isfinite(value):
            points[step] = float(value)
    return sorted(points.items())


def _spread_ranks(n: int, *, per_decade: int = 60) -> list[int]:
    """Ranks from 1 to n, evenly on a logarithmic axis: a long tail needs few points."""
    n_points = int(math.log10(max(n, 2)) * per_decade) + 2
    spread = {round(n ** (i / (n_points - 1))) for i in range(n_points)}
    return sorted(spread | {1, n})


def _powers_of_ten(high: float) -> list[Tick]:
    powers = range(int(math.log10(max(high, 1))) + 1)
    return [Tick(10**power, f"{10**power:,}") for power in powers]


def _round_ticks(high: float, *, n: int = 5) -> list[Tick]:
    """About n ticks from 0 at steps of 1, 2 or 5 times a power of ten."""
    raw = high / n
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
    return [Tick(i * step, f"{i * step:,.6g}") for i in range(int(high / step) + 1)]


def _shorten(text: str, limit: int = 24) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
