"""What an asset's page shows of a published table: a preview, the number of rows, and a picture of some."""

from __future__ import annotations

import base64
import io
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from martian_moments.defs.markdown import as_text, plain
from martian_moments.domain.rovers import MARS_RADIUS_M, ROVERS
from martian_moments.warehouse.base import PublishedTable

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from martian_moments.warehouse.published import Published

_log = logging.getLogger(__name__)

_PREVIEW_ROWS: Final = 10
_LONGEST: Final = 40
"""Characters of a value in a preview, and of a name in a picture."""

_MOST_CAMERAS: Final = 30
"""Of a rover, in a picture; Perseverance has 23."""

_RUST: Final = "#b7410e"
_INK: Final = "#3b2f2f"


def page(published: Published, table: PublishedTable) -> dict[str, Any]:
    """The metadata of a published table; empty where it is not published."""
    rows = published.read(table.schema, table.name)
    if rows is None:
        return {}
    metadata: dict[str, Any] = {"dagster/row_count": rows.num_rows, "preview": _shown(lambda: _preview(rows))}
    draw = _PICTURES.get(table.name)
    if draw is not None and not ROVERS.keys().isdisjoint(rows["rover"].to_pylist()):
        metadata["picture"] = _shown(lambda: f"![{table.name}](data:image/png;base64,{_png(draw(rows))})")
    return metadata


def _shown(make: Callable[[], str]) -> dg.MetadataValue[Any]:
    """What is made, as Markdown; else why it could not be. The table is published all the same."""
    try:
        return dg.MetadataValue.md(make())
    except Exception as error:  # noqa: BLE001 - whatever a library makes of a table's values must not fail the run
        _log.warning("the page of a table lacks a part, which could not be made", exc_info=True)
        return dg.MetadataValue.text(f"could not be made: {plain(repr(error), 200)}")


def pages(published: Published, tables: Iterable[PublishedTable]) -> dict[dg.AssetKey, dict[str, Any]]:
    """The metadata of published tables, by the asset of each."""
    return {dg.AssetKey([table.schema, table.name]): page(published, table) for table in tables}


def _preview(rows: pa.Table) -> str:
    """The first rows as a Markdown table; long values are cut."""
    lines = [" | ".join(rows.column_names), " | ".join("---" for _ in rows.column_names)]
    lines += [" | ".join(map(_cell, row.values())) for row in rows.slice(0, _PREVIEW_ROWS).to_pylist()]
    return "\n".join(f"| {line} |" for line in lines)


def _cell(value: object) -> str:
    return "" if value is None else as_text(value, _LONGEST)


def _png(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80, facecolor="white")
    return base64.b64encode(buffer.getvalue()).decode()


def _panels(rovers: Sequence[str], height: float) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, height * len(rovers)), layout="constrained")
    axes = figure.subplots(len(rovers), 1, squeeze=False)[:, 0]
    for rover, ax in zip(rovers, axes, strict=True):
        ax.set_title(ROVERS[rover].title, loc="left", color=_INK, fontweight="bold")
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(colors=_INK)
    return figure, list(axes)


def _by_rover(rows: pa.Table) -> dict[str, pa.Table]:
    import pyarrow.compute as pc

    present = set(rows["rover"].to_pylist())
    return {rover: rows.filter(pc.equal(rows["rover"], rover)) for rover in ROVERS if rover in present}


def _photos_per_sol(rows: pa.Table) -> Figure:
    """A bar per sol, a panel per rover."""
    parts = _by_rover(rows)
    figure, axes = _panels(list(parts), 2.2)
    for ax, part in zip(axes, parts.values(), strict=True):
        ax.vlines(part["sol"].to_pylist(), 0, part["photos"].to_pylist(), color=_RUST, linewidth=1)
        ax.set_ylim(bottom=0)
        ax.set_xlabel("sol", color=_INK)
        ax.set_ylabel("photos", color=_INK)
    return figure


def _path_driven(rows: pa.Table) -> Figure:
    """The legs of each rover, coloured by sol, in kilometres from where it started."""
    parts = _by_rover(rows)
    figure, axes = _panels(list(parts), 6)
    for ax, part in zip(axes, parts.values(), strict=True):
        drawn = [(sol, line) for sol, text in zip(*_columns(part, "sol", "geometry"), strict=True) for line in _lines(text)]
        if not drawn:
            continue
        east, north = drawn[0][1][0][:2]
        km = math.radians(1) * MARS_RADIUS_M / 1_000
        shrink = math.cos(math.radians(north))
        sols = [sol for sol, _ in drawn if sol is not None] or [0]
        shade = _shades(min(sols), max(sols))
        for sol, line in drawn:
            xs = [(point[0] - east) * km * shrink for point in line]
            ys = [(point[1] - north) * km for point in line]
            ax.plot(xs, ys, color=_INK if sol is None else shade(sol), linewidth=1.8)
        ax.plot(0, 0, marker="o", color=_INK)
        ax.annotate(" landing", (0, 0), color=_INK)
        ax.set_aspect("equal", adjustable="datalim")
        ax.set_xlabel(f"km east (light: sol {min(sols)}, dark: sol {max(sols)})", color=_INK)
        ax.set_ylabel("km north", color=_INK)
    return figure


def _columns(rows: pa.Table, *names: str) -> list[list[Any]]:
    return [rows[name].to_pylist() for name in names]


def _lines(geometry: str | None) -> list[list[list[float]]]:
    """The lines of a GeoJSON geometry; none where a leg has no geometry."""
    import orjson

    match orjson.loads(geometry or "null"):
        case {"type": "LineString", "coordinates": [*line]}:
            lines: list[Any] = [line]
        case {"type": "MultiLineString", "coordinates": [*several]}:
            lines = several
        case _:
            lines = []
    drawn = ([point for point in line if _is_point(point)] for line in lines if isinstance(line, list))
    return [line for line in drawn if line]


def _is_point(point: object) -> bool:
    match point:
        case [int() | float() as east, int() | float() as north, *_]:
            return math.isfinite(east) and math.isfinite(north)
        case _:
            return False


def _shades(first: int, last: int) -> Callable[[int], Any]:
    from matplotlib import colormaps
    from matplotlib.colors import Normalize

    scale, palette = Normalize(first, max(last, first + 1)), colormaps["YlOrBr"]
    # The palette's lightest third disappears on white.
    return lambda sol: palette(0.3 + 0.7 * float(scale(sol)))


def _photos_per_camera(rows: pa.Table) -> Figure:
    """A bar per camera, a panel per rover, the busiest on top. A camera's name is text, whatever an upstream calls it."""
    parts = _by_rover(rows)
    figure, axes = _panels(list(parts), 2.8)
    for ax, part in zip(axes, parts.values(), strict=True):
        counts = sorted(zip(part["photos"].to_pylist(), part["camera"].to_pylist(), strict=True))[-_MOST_CAMERAS:]
        names = [plain(camera, _LONGEST) for _, camera in counts]
        bars = ax.barh(range(len(counts)), [count for count, _ in counts], color=_RUST)
        ax.set_yticks(range(len(counts)), names, parse_math=False)
        ax.bar_label(bars, padding=3, color=_INK)
        ax.set_xlabel("photos", color=_INK)
    return figure


_PICTURES: Final[dict[str, Callable[[pa.Table], Figure]]] = {
    "daily_activity": _photos_per_sol,
    "fact_path": _path_driven,
    "camera_summary": _photos_per_camera,
}
