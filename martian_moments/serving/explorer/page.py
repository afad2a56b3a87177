"""The page's own files, and what it shows without JavaScript."""

from __future__ import annotations

from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from martian_moments.serving.explorer.columns import rows

if TYPE_CHECKING:
    import duckdb

INDEX: Final = "index.html"

_PLACE: Final = "<!-- table -->"
_TABLE: Final = """
    select title, landing_date::varchar, coalesce(photos, 0), coalesce(sols_with_photos, 0), last_sol, round(distance_m)
    from silver.dim_rovers left join gold.rover_summary using (rover) order by landing_date desc
"""
_HEADINGS: Final = ("Rover", "Landed", "Photos", "Sols with photos", "Latest sol", "Driven, m")

_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@cache
def page_files() -> dict[str, bytes]:
    """The files of the page by name, the page itself without its table."""
    return {each.name: each.read_bytes() for each in files(__package__).joinpath("page").iterdir() if each.is_file()}


def media_type(name: str) -> str:
    """Of a file of the page."""
    return _MEDIA_TYPES[name[name.rindex(".") :]]


def index(connection: duckdb.DuckDBPyConnection) -> bytes:
    """The page, with a table of the rovers for whoever has no JavaScript."""
    return page_files()[INDEX].replace(_PLACE.encode(), _table(rows(connection, _TABLE)).encode())


def _table(found: list[dict[str, Any]]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in _HEADINGS)
    body = "".join(f"<tr>{''.join(_cell(value) for value in row.values())}</tr>" for row in found)
    note = "<p>The map, the stops and the photos need JavaScript; the published tables do not.</p>"
    return f"<h1>Mars rovers</h1><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"


def _cell(value: object) -> str:
    shown = "unknown" if value is None else f"{value:,.0f}" if isinstance(value, (int, float)) else str(value)
    return f"<td>{escape(shown)}</td>"
