"""The reliability figure: probabilities that were predicted, and what came true."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from . import svg
from .svg import Label, Tick

# class in `chart.css` and marker; names that are not known share the last
STYLES: Final = {
    "calibrated": ("s-nuner", "circle"),
    "as trained": ("s-base", "square"),
}
OTHER: Final = ("s-other", "triangle")
IDEAL: Final = "s-ideal"


def draw_reliability(id: str, title: str, points: Iterable[Mapping[str, Any]]) -> str:
    """Draw observed over predicted probabilities, a curve per name, and the diagonal.

    id (str): unique on the page.
    title (str): what the chart shows.
    points (Iterable[Mapping[str, Any]]): "name", "predicted", "observed", "n" of each
        bin; at least one.
    RETURNS (str): an `<svg>` element.
    """
    curves: dict[str, list[tuple[float, float, int]]] = {}
    for point in points:
        curve = curves.setdefault(point["name"], [])
        curve.append((point["predicted"], point["observed"], point["n"]))
    frame = svg.make_frame((0, 1), (0, 1), height=420)
    ticks = [Tick(i / 5, f"{i / 5:g}") for i in range(6)]
    ideal = [(frame.x.at(value), frame.y.at(value)) for value in (0, 1)]
    parts = [
        svg.draw_axes(
            frame,
            ticks,
            ticks,
            x_label="predicted probability",
            y_label="observed share",
        ),
        svg.draw_line(ideal, IDEAL),
    ]
    labels, notes = [Label(ideal[1][1], "observed = predicted", IDEAL)], []
    for name, curve in curves.items():
        css, shape = STYLES.get(name, OTHER)
        curve.sort()
        places = [(frame.x.at(x), frame.y.at(y)) for x, y, _ in curve]
        parts.append(svg.draw_line(places, css))
        for (x, y), (predicted, observed, n) in zip(places, curve, strict=True):
            hint = f"{name}: predicted {predicted:.2f}, observed {observed:.2f}, {n:,}"
            parts.append(svg.draw_marker(x, y, shape, css, hint))
        labels.append(Label(places[-1][1], name, css))
        predicted, observed, _ = curve[-1]
        notes.append(f"{name}: predicted {predicted:.2f}, observed {observed:.2f}")
    parts.append(svg.draw_labels(frame, labels))
    description = f"The highest bins: {'; '.join(notes)}"
    return svg.render_chart(id, title, description, frame, parts)
