"""The metadata of published tables: the number of rows, a preview, and a picture where one is drawn.

Of a table's file only what is shown is read: fact_photos has millions of rows, of which a picture needs one column.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from martian_moments.defs.markdown import as_text, plain
from martian_moments.defs.plots.activity import photos_and_light_by_sol, photos_by_camera
from martian_moments.defs.plots.compass import footprints_of_panoramas, looking_directions
from martian_moments.defs.plots.figures import png, warm_up
from martian_moments.defs.plots.paths import path_driven
from martian_moments.domain.rovers import ROVERS
from martian_moments.warehouse.base import PublishedTable

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.figure import Figure

    from martian_moments.warehouse.published import Published

_log = logging.getLogger(__name__)

_ROWS: Final = "dagster/row_count"
_PREVIEW: Final = "preview"
_PICTURE: Final = "picture"
_PARTS: Final = (_ROWS, _PREVIEW, _PICTURE)
"""Of the metadata: what this module makes."""

_PREVIEW_ROWS: Final = 10
_LONGEST: Final = 40
"""Characters of a value in a preview."""


@dataclass(frozen=True)
class Picture:
    """What is drawn of a table.

    Attributes:
        columns: what is read of it, beside its rover.
        draw: makes the figure of the rows of known rovers, by rover; None where nothing can be seen of them.
    """

    columns: tuple[str, ...]
    draw: Callable[[Mapping[str, pa.Table]], Figure | None]


_PICTURES: Final = {
    "camera_summary": Picture(("camera", "photos"), photos_by_camera),
    "daily_activity": Picture(
        ("sol", "photos", "pictures_with_sun", "share_day", "share_golden_hour", "share_twilight", "share_night"),
        photos_and_light_by_sol,
    ),
    "fact_path": Picture(("sol", "geometry"), path_driven),
    "fact_photos": Picture(("view_azimuth_deg",), looking_directions),
    "panorama_frames": Picture(
        ("panorama_id", "sol", "view_azimuth_deg", "view_elevation_deg", "fov_h_deg", "fov_v_deg"),
        footprints_of_panoramas,
    ),
}


def page(published: Published, table: PublishedTable) -> dict[str, Any]:
    """The metadata of a published table; empty where it is not published."""
    manifest = published.manifest()
    files = manifest.tables.get(f"{table.schema}/{table.name}") if manifest else None
    if not files:
        return {}
    metadata: dict[str, Any] = {_ROWS: sum(file.rows for file in files)}
    if preview := _shown(partial(_preview, *_first_rows(published, table))):
        metadata[_PREVIEW] = preview
    if table.name in _PICTURES and (picture := _shown(partial(_picture, published, table))):
        metadata[_PICTURE] = picture
    return metadata


def pages(
    published: Published,
    tables: Iterable[PublishedTable],
    *,
    before: Callable[[PublishedTable], Mapping[str, Any]] = lambda _: {},
) -> dict[dg.AssetKey, dict[str, Any]]:
    """The metadata of published tables, by the asset of each; a table whose page cannot be made has none.

    Args:
        published: where they are.
        tables: of which.
        before: the metadata of a table that has not changed since it was made, which is taken as it is. Empty for any other.
    """
    found: dict[dg.AssetKey, dict[str, Any]] = {}
    for table in tables:
        try:
            held = {name: value for name, value in before(table).items() if name in _PARTS}
            made = held if _is_whole(held) else page(published, table)
        except Exception:  # noqa: BLE001 - the table is published: what shows it must not fail the run
            _log.warning("%s.%s: its page could not be made", table.schema, table.name, exc_info=True)
            made = {}
        found[dg.AssetKey([table.schema, table.name])] = made
    return found


def prepare() -> None:
    """Begin the imports that pictures need, in a thread: about half a second of processor time, which dbt's build hides."""
    threading.Thread(target=warm_up, name="imports of pictures").start()


def _is_whole(metadata: Mapping[str, Any]) -> bool:
    """Whether there is a preview, and nothing that could not be made."""
    shown = [metadata[name] for name in (_PREVIEW, _PICTURE) if name in metadata]
    return _PREVIEW in metadata and all(isinstance(each, dg.MarkdownMetadataValue) for each in shown)


def _shown(make: Callable[[], str | None]) -> dg.MetadataValue[Any] | None:
    """What is made, as Markdown; else why it could not be. The table is published all the same."""
    try:
        made = make()
    except Exception as error:  # noqa: BLE001 - whatever a library makes of a table's values must not fail the run
        _log.warning("the page of a table lacks a part, which could not be made", exc_info=True)
        return dg.MetadataValue.text(f"could not be made: {plain(repr(error), 200)}")
    return None if made is None else dg.MetadataValue.md(made)


def _first_rows(published: Published, table: PublishedTable) -> tuple[list[str], list[Mapping[str, Any]]]:
    """The columns and some rows, of as many files as they are in."""
    names: list[str] = []
    rows: list[Mapping[str, Any]] = []
    for part in published.parts(table.schema, table.name):
        names = names or part.names
        rows += part.first(_PREVIEW_ROWS - len(rows))
        if len(rows) == _PREVIEW_ROWS:
            break
    return names, rows


def _preview(names: list[str], rows: list[Mapping[str, Any]]) -> str:
    """The first rows as a Markdown table; long values are cut."""
    lines = [" | ".join(names), " | ".join("---" for _ in names)]
    lines += [" | ".join(map(_cell, row.values())) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def _cell(value: object) -> str:
    return "" if value is None else as_text(value, _LONGEST)


def _picture(published: Published, table: PublishedTable) -> str | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    picture = _PICTURES[table.name]
    columns = ["rover", *picture.columns]
    rows = pa.concat_tables([part.read(columns) for part in published.parts(table.schema, table.name)])
    # Numbers are compared, not the names of a million photos.
    rovers = rows["rover"].combine_chunks().dictionary_encode()
    names = rovers.dictionary.to_pylist()
    parts = {rover: rows.filter(pc.equal(rovers.indices, names.index(rover))) for rover in ROVERS if rover in names}
    figure = picture.draw(parts) if parts else None
    return f"![{table.name}](data:image/png;base64,{png(figure)})" if figure else None
