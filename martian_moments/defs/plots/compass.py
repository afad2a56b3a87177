"""Directions on the circle: where the cameras looked, and what panoramas cover."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from martian_moments.defs.plots.figures import INK, RUST, compasses, numbers

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa
    from matplotlib.figure import Figure

    from martian_moments.defs.plots.figures import Numbers

_PETALS: Final = 36

_SLOTS: Final = 72
"""Of the circle, 5 degrees each, of which is counted how many a panorama covers."""

_MOST_FRAMES: Final = 300
"""Of a panorama, in a picture."""


def looking_directions(parts: Mapping[str, pa.Table]) -> Figure | None:
    """A compass rose per rover: the area of a petal shows how many pictures look that way."""
    import numpy as np

    azimuths = {rover: numbers(part, "view_azimuth_deg")[0] for rover, part in parts.items()}
    azimuths = {rover: known for rover, each in azimuths.items() if len(known := each[np.isfinite(each)])}
    if not azimuths:
        return None
    figure, axes = compasses(list(azimuths), [f"pictures: {len(each):,}" for each in azimuths.values()])
    width = 360 / _PETALS
    for ax, each in zip(axes, azimuths.values(), strict=True):
        # Petals lie about their directions, so that the first one is due north.
        counts = np.bincount(np.floor((each % 360 + width / 2) / width).astype(int) % _PETALS, minlength=_PETALS)
        ax.bar(
            np.radians(np.arange(_PETALS) * width),
            np.sqrt(counts),
            np.radians(width),
            color=RUST,
            edgecolor="white",
            linewidth=0.5,
        )
        ax.set_yticks([])
    return figure


def footprints_of_panoramas(parts: Mapping[str, pa.Table]) -> Figure | None:
    """The widest panorama of each rover, the newest of them: its frames by azimuth and elevation."""
    import numpy as np

    columns = ("sol", "view_azimuth_deg", "view_elevation_deg", "fov_h_deg", "fov_v_deg")
    chosen: dict[str, tuple[str, Any]] = {}
    for rover, part in parts.items():
        frames = np.stack(numbers(part, *columns))
        known = np.isfinite(frames).all(axis=0) & (frames[3] > 0) & (frames[4] > 0)
        names = np.asarray(part["panorama_id"].to_numpy(zero_copy_only=False), dtype=str)[known]
        frames = frames[:, known]
        if len(names):
            _, of_which = np.unique(names, return_inverse=True)
            covered = _covered_slots(of_which, frames[1], frames[3])
            best = np.lexsort((frames[0], covered[of_which]))[-1]
            members = frames[:, of_which == of_which[best]]
            degrees = covered[of_which[best]] * 360 // _SLOTS
            label = f"sol {members[0, 0]:.0f}: {members.shape[1]} frames, {degrees}°\ndashed: the horizon"
            chosen[rover] = (label, members[:, :_MOST_FRAMES])
    if not chosen:
        return None
    figure, axes = compasses(list(chosen), [label for label, _ in chosen.values()])
    for ax, (_, (_, azimuths, elevations, widths, heights)) in zip(axes, chosen.values(), strict=True):
        ax.bar(
            np.radians(azimuths), heights, np.radians(widths), elevations - heights / 2,
            color=RUST, edgecolor=INK, linewidth=0.8, alpha=0.35,
        )  # fmt: skip
        ax.plot(np.linspace(0, 2 * np.pi, 180), np.zeros(180), color=INK, linewidth=0.8, linestyle="dashed")
        ax.set_ylim(min(-60, (elevations - heights / 2).min()), max(60, (elevations + heights / 2).max()))
        ax.set_yticks([])
    return figure


def _covered_slots(of_which: npt.NDArray[np.intp], azimuths: Numbers, widths: Numbers) -> npt.NDArray[np.intp]:
    """How many slots of the circle each group of frames covers."""
    import numpy as np

    slot = 360 / _SLOTS
    covered = np.zeros((of_which.max() + 1, _SLOTS), dtype=bool)
    first = np.floor((azimuths - widths / 2) / slot).astype(int)
    slots = np.clip(np.ceil((azimuths + widths / 2) / slot).astype(int) - first, 1, _SLOTS)
    for further in range(_SLOTS):
        reached = slots > further
        covered[of_which[reached], (first[reached] + further) % _SLOTS] = True
    total: npt.NDArray[np.intp] = covered.sum(axis=1)
    return total
