"""Where the rovers drove."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from martian_moments.defs.plots.figures import INK, numbers, panels, title
from martian_moments.domain.rovers import MARS_RADIUS_M

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS: Final = ("#fec44f", "#ec7014", "#993404", "#662506")
"""From the first sol to the last: the YlOrBr of ColorBrewer, without what disappears on white."""

_UNKNOWN: Final = "#9a938e"
"""Of legs without a sol."""

_SHADES: Final = 64

_LEGS_IN_FULL: Final = 500
"""Of a path of more legs only some points of each are drawn: the others could not be told apart."""


def path_driven(parts: Mapping[str, pa.Table]) -> Figure:
    """The legs of each rover, coloured by sol, in kilometres from where it started."""
    figure, axes = panels([6.0] * len(parts))
    for ax, (rover, part) in zip(axes, parts.items(), strict=True):
        title(ax, rover)
        _draw(ax, part)
    return figure


def _draw(ax: Axes, part: pa.Table) -> None:
    """One collection with a stroke for each shade: an artist per leg took 45 s for 36,000 legs."""
    import numpy as np
    from matplotlib.collections import LineCollection
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    every = max(1, len(part) // _LEGS_IN_FULL)
    legs = zip(numbers(part, "sol")[0], part["geometry"].to_pylist(), strict=True)
    drawn = [(sol, line) for sol, geometry in legs for line in _lines(geometry, every)]
    if not drawn:
        return
    sols = np.array([sol for sol, _ in drawn])
    first, last = (np.nanmin(sols), np.nanmax(sols)) if np.isfinite(sols).any() else (0, 0)
    shades = np.nan_to_num((sols - first) / max(last - first, 1) * (_SHADES - 1), nan=-1).astype(int)
    strokes: dict[int, list[tuple[float, float]]] = {}
    for shade, (_, line) in zip(shades.tolist(), drawn, strict=True):
        strokes.setdefault(shade, []).extend((*line, (math.nan, math.nan)))
    east, north = drawn[0][1][0]
    km = math.radians(1) * MARS_RADIUS_M / 1_000 * np.array([math.cos(math.radians(north)), 1])
    colours = LinearSegmentedColormap.from_list("sols", _COLOURS).with_extremes(under=_UNKNOWN)
    lines = LineCollection(
        [(np.array(stroke) - (east, north)) * km for stroke in strokes.values()],
        array=np.array(list(strokes)), cmap=colours, norm=Normalize(0, _SHADES - 1), linewidth=1.8,
    )  # fmt: skip
    ax.add_collection(lines)
    ax.plot(0, 0, marker="o", color=INK)
    ax.annotate(" landing", (0, 0), color=INK)
    ax.autoscale()
    ax.set_aspect("equal", adjustable="datalim")
    unknown = ", grey: no known sol" if -1 in strokes else ""
    ax.set_xlabel(f"km east (light: sol {first:.0f}, dark: sol {last:.0f}{unknown})", color=INK)
    ax.set_ylabel("km north", color=INK)


def _lines(geometry: str | None, every: int) -> Iterator[list[tuple[float, float]]]:
    """The lines of a GeoJSON geometry, longitude and latitude of its ends and of some points in between.

    Nothing where a leg has no geometry.
    """
    import orjson

    match orjson.loads(geometry or "null"):
        case {"type": "LineString", "coordinates": [*line]}:
            lines: list[Any] = [line]
        case {"type": "MultiLineString", "coordinates": [*several]}:
            lines = [line for line in several if isinstance(line, list)]
        case _:
            lines = []
    for line in lines:
        if points := [(point[0], point[1]) for point in (*line[:-1:every], *line[-1:]) if _is_point(point)]:
            yield points


def _is_point(point: object) -> bool:
    return isinstance(point, list) and len(point) > 1 and _is_number(point[0]) and _is_number(point[1])


def _is_number(value: object) -> bool:
    return isinstance(value, float | int) and math.isfinite(value)
