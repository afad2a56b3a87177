"""How many photos: by sol with the light in which they were taken, and by camera."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from martian_moments.defs.markdown import plain
from martian_moments.defs.plots.figures import INK, RUST, numbers, panels, title

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from martian_moments.defs.plots.figures import Numbers

_MOST_CAMERAS: Final = 30
"""Of a rover; Perseverance has 23."""

_LONGEST: Final = 40
"""Characters of a camera's name."""

_MOST_STEPS: Final = 240
"""Of light from left to right: as many as can be told apart."""

_LIGHT: Final = {
    "day": ("day", "#ead7b7"),
    "golden_hour": ("golden hour (Sun 0 to 10° up)", "#cf7a4b"),
    "twilight": ("twilight", "#7d97ad"),
    "night": ("night", "#33364a"),
}
"""How a share of daily_activity is called and coloured: the sky of Mars is of butterscotch by day and blue at sunset."""


def photos_and_light_by_sol(parts: Mapping[str, pa.Table]) -> Figure:
    """For each rover the photos of every sol, and below them in what light they were taken, where that is known."""
    lit = {rover for rover, part in parts.items() if _has_light(part)}
    figure, axes = panels([height for rover in parts for height in ((1.9, 1.0) if rover in lit else (2.2,))])
    remaining = iter(axes)
    for rover, part in parts.items():
        ax = next(remaining)
        title(ax, rover)
        sols, photos = numbers(part, "sol", "photos")
        ax.plot(*_bars(sols, photos), color=RUST, linewidth=1)
        ax.set_ylim(bottom=0)
        ax.set_ylabel("photos", color=INK)
        if rover in lit:
            below = next(remaining)
            below.sharex(ax)
            ax.tick_params(labelbottom=False)
            _light(below, part)
            if below is axes[1]:
                handles, labels = below.get_legend_handles_labels()
                ax.legend(handles, labels, loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False, labelcolor=INK)
            ax = below
        ax.set_xlabel("sol", color=INK)
        ax.locator_params("x", integer=True)
    return figure


def _bars(sols: Numbers, photos: Numbers) -> tuple[Numbers, Numbers]:
    """Upright lines as one line with holes: an artist for 5,000 of them."""
    import numpy as np

    nowhere = np.full_like(sols, np.nan)
    return np.stack([sols, sols, nowhere], axis=1).ravel(), np.stack([np.zeros_like(sols), photos, nowhere], axis=1).ravel()


def _has_light(part: pa.Table) -> bool:
    """Not, where no picture has a time and a place, and where an earlier release has published the table."""
    return "pictures_with_sun" in part.column_names and bool((numbers(part, "pictures_with_sun")[0] > 0).any())


def _light(ax: Axes, part: pa.Table) -> None:
    """Shares of light, stacked; each step is the mean of its sols, weighted by their pictures."""
    import numpy as np

    sols, pictures, *shares = numbers(part, "sol", "pictures_with_sun", *(f"share_{kind}" for kind in _LIGHT))
    known = np.isfinite(sols) & (pictures > 0) & np.isfinite(shares).all(axis=0)
    sols, pictures = sols[known], pictures[known]
    first, last = sols.min(), sols.max() + 1
    steps = int(min(_MOST_STEPS, last - first))
    edges = np.linspace(first, last, steps + 1) - 0.5
    weights = np.histogram(sols, edges, weights=pictures)[0]
    bottom = np.zeros(steps + 1)
    for (label, colour), share in zip(_LIGHT.values(), shares, strict=True):
        sums = np.histogram(sols, edges, weights=pictures * share[known])[0]
        mean = np.divide(sums, weights, out=np.zeros(steps), where=weights > 0)
        top = bottom + np.append(mean, 0)
        ax.fill_between(edges, bottom, top, step="post", color=colour, linewidth=0, label=label)
        bottom = top
    ax.set_ylim(0, 1)
    ax.set_yticks([0, 1], ["0", "100 %"])
    ax.set_ylabel("light", color=INK)


def photos_by_camera(parts: Mapping[str, pa.Table]) -> Figure:
    """A bar per camera, a panel per rover, the busiest on top. A camera's name is text, whatever an upstream calls it."""
    figure, axes = panels([2.8] * len(parts))
    for ax, (rover, part) in zip(axes, parts.items(), strict=True):
        title(ax, rover)
        counts = sorted(zip(part["photos"].to_pylist(), part["camera"].to_pylist(), strict=True))[-_MOST_CAMERAS:]
        names = [plain(camera, _LONGEST) for _, camera in counts]
        bars = ax.barh(range(len(counts)), [count for count, _ in counts], color=RUST)
        ax.set_yticks(range(len(counts)), names, parse_math=False)
        ax.bar_label(bars, padding=3, color=INK)
        ax.set_xlabel("photos", color=INK)
    return figure
