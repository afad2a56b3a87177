"""What all pictures have alike: colours, panels, and how a column becomes numbers."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from martian_moments.domain.rovers import ROVERS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Numbers: TypeAlias = npt.NDArray[np.float64]

RUST: Final = "#b7410e"
INK: Final = "#3b2f2f"
PALE: Final = "#d8cfc8"

WIDTH_IN: Final = 10.0
_DOTS_PER_INCH: Final = 80


def warm_up() -> None:
    """Draw anything: most of a first picture is what it imports."""
    import pyarrow as pa

    figure, (ax,) = panels([1.0])
    ax.plot(*numbers(pa.table({"x": [0, 1], "y": [0, 1]}), "x", "y"))
    png(figure)


def png(figure: Figure) -> str:
    """The figure as a PNG, in Base64."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    # savefig would draw it twice, the first time only for its layout.
    FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
    return base64.b64encode(buffer.getvalue()).decode()


def panels(heights_in: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """A figure of panels one below the other, each of its own height."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_IN, sum(heights_in)), dpi=_DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots(len(heights_in), 1, squeeze=False, height_ratios=heights_in)[:, 0]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(colors=INK)
    return figure, list(axes)


def compasses(rovers: Sequence[str], subtitles: Sequence[str]) -> tuple[Figure, list[Any]]:
    """A figure of circles side by side, one per rover: north is up, degrees go over east."""
    from matplotlib.figure import Figure

    side = WIDTH_IN / max(len(rovers), 2)
    figure = Figure(figsize=(side * len(rovers), side + 0.6), dpi=_DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots(1, len(rovers), squeeze=False, subplot_kw={"projection": "polar"}, gridspec_kw={"wspace": 0.15})[
        0
    ]
    for rover, subtitle, ax in zip(rovers, subtitles, axes, strict=True):
        ax.set_title(ROVERS[rover].title, color=INK, fontweight="bold")
        ax.set_xlabel(subtitle, color=INK, fontsize="small")
        ax.set_theta_zero_location("N")
        ax.set_theta_direction(-1)
        ax.set_thetagrids(range(0, 360, 45), ["N", "", "E", "", "S", "", "W", ""], color=INK, fontweight="bold")
        ax.grid(color=PALE, linewidth=0.6)
        ax.spines["polar"].set_color(PALE)
        ax.set_axisbelow(True)
    return figure, list(axes)


def title(ax: Axes, rover: str) -> None:
    """Name a panel after its rover."""
    ax.set_title(ROVERS[rover].title, loc="left", color=INK, fontweight="bold")


def numbers(rows: pa.Table, *names: str) -> list[Numbers]:
    """Columns as floats: null is NaN. TypeError where a column has other values than numbers."""
    import numpy as np

    return [np.asarray(rows[name].to_numpy(), dtype=np.float64) for name in names]
