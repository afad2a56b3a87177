"""Writes tables.md, what every published table holds, beside this file: ``.venv/bin/python docs/tables.py``.

Descriptions, columns and types are those of the dbt contracts, read from the parsed project (``make setup``). The examples
are in ``queries/<table>.sql``: each begins with a comment, which is the question that it responds to.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from martian_moments.formats.datapackage import unit_of
from martian_moments.warehouse.blocks import SOLS_OF_BLOCK
from martian_moments_dbt import PROJECT

PAGE: Final = Path(__file__).with_name("tables.md")
QUERIES: Final = Path(__file__).with_name("queries")
MANIFEST: Final = PROJECT / "target" / "manifest.json"

_WIDTH: Final = 100

_HEAD: Final = """\
# Tables

What is published: a folder per table, `published/<schema>/<table>/` in the home folder or in
`MARS_PUBLISHED_URL`. Most have one Parquet file, `<table>.parquet`. Those that grow with the history
have many, `rover=<rover>/<first sol>.parquet`, without the column `rover`, which is in the name of
the folder; their chapters say so. A file is replaced whole when its rows change, so that it can be
read at any moment. This page is made by `docs/tables.py` from the contracts of the models and from
`docs/queries`, and a test runs each of its queries on NASA's own records.

To ask as the examples do, give DuckDB a view of each table, here of the demonstration:

```python
import pathlib

import duckdb

published = pathlib.Path(".mars/demo/published")
for schema in ("silver", "gold"):
    duckdb.sql(f"create schema if not exists {schema}")
    for table in (published / schema).iterdir():
        files = f"read_parquet('{table}/**/*.parquet', hive_partitioning = true)"
        duckdb.sql(f"create or replace view {schema}.{table.name} as from {files}")

print(duckdb.sql("select rover, photos from gold.rover_summary"))
```

With **pandas**, a table is its folder, and what a query finds is a frame:

```python
import pandas

daily = pandas.read_parquet(published / "gold/daily_activity")
weeks = daily.assign(week=daily["sol"] // 7).pivot_table("photos", "week", "rover", aggfunc="sum")
print(weeks.rolling(4, min_periods=1).mean().idxmax())

light = duckdb.sql("select rover, sun_elevation_deg from silver.fact_photos").df()
print(light.groupby("rover")["sun_elevation_deg"].describe())
```

Angles are degrees (°), lengths metres, times seconds, pictures pixels; longitudes and latitudes are
planetocentric, positive to the east. Azimuths and headings are counted from true north over east.
Moments are UTC with their time zone. Null means that no source states it, never 0 or none.
"""


_MAPS: Final = """\
## Maps: published/geo

GeoParquet and a GeoPackage made of the tables, in the coordinates of Mars; the columns are those of
the tables ([maps and catalogues](operations.md#maps-and-catalogues) has more). With **geopandas**:

How long is each rover's path, measured on the sphere of Mars, beside what the table states?

```python
import geopandas

path = geopandas.read_parquet(published / "geo/path.parquet")
mars = path.crs.get_geod()
path["measured_m"] = [mars.geometry_length(line) if line else None for line in path.geometry]
print(path.groupby("rover")[["measured_m", "length_m", "distance_m"]].sum().round(1))
```

Which photos were taken within 200 metres of a point, here of Perseverance's first waypoint, and in
which direction from it? Only what lies in the box is read.

```python
waypoints = geopandas.read_parquet(published / "geo/waypoints.parquet")
landing = waypoints[waypoints["rover"] == "perseverance"].iloc[0]
lon, lat = landing["longitude"], landing["latitude"]

box = (lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01)
near = geopandas.read_parquet(published / "geo/photos.parquet", bbox=box)
lines = [mars.inv(lon, lat, point.x, point.y) for point in near.geometry]
near = near.assign(metres=[line[2] for line in lines], direction=[line[0] % 360 for line in lines])
print(near[near["metres"] <= 200].sort_values("metres")[["photo_key", "metres", "direction"]])
```

Where did Perseverance come back to, within 20 metres and 50 sols or more later? Metres need a plane
of Mars, here one that is true at its latitude:

```python
plane = "+proj=eqc +lat_ts=18.4 +R=3396190 +units=m"
stops = waypoints[waypoints["rover"] == "perseverance"].to_crs(plane)
pairs = stops.sjoin(stops, predicate="dwithin", distance=20, lsuffix="first", rsuffix="again")
back = pairs[pairs["sol_again"] - pairs["sol_first"] >= 50]
print(back[["site_first", "drive_first", "sol_first", "sol_again"]].drop_duplicates())
```

A map of every drive, coloured by sol:

```python
for rover, legs in path.dropna(subset=["geometry", "sol"]).groupby("rover"):
    axes = legs.plot(column="sol", cmap="copper_r", legend=True, legend_kwds={"label": "sol"})
    axes.set(title=rover, xlabel="degrees east", ylabel="degrees north")
    axes.figure.savefig(f"{rover}.png")
```

From where are most photos? The stops, their places and how many photos each has:

```python
stops = geopandas.read_parquet(published / "geo/stops.parquet").dropna(subset="geometry")
print(stops.nlargest(5, "photos")[["stop_id", "photos", "geometry"]])
```

The same layers for programs that do not read Parquet:

```python
legs = geopandas.read_file(published / "geo/mars.gpkg", layer="path")
print(legs.crs.name, legs.groupby("rover")["distance_m"].sum())
```
"""


@dataclass(frozen=True)
class Example:
    """A question and the SQL that responds to it."""

    question: str
    sql: str


def models(manifest: Path = MANIFEST) -> list[Mapping[str, Any]]:
    """The nodes of the published models of dbt's manifest, by schema and name. FileNotFoundError before ``make setup``."""
    nodes = json.loads(manifest.read_bytes())["nodes"].values()
    published = [node for node in nodes if node["resource_type"] == "model" and "published" in node["config"]["meta"]]
    return sorted(published, key=lambda node: (node["config"]["schema"], node["name"]))


def examples(table: str, queries: Path = QUERIES) -> list[Example]:
    """The examples of a table, in the order of its file; none without one."""
    file = queries / f"{table}.sql"
    text = file.read_text() if file.exists() else ""
    parts = re.split(r"^-- ", text, flags=re.MULTILINE)[1:]
    return [Example(question.strip(), sql.strip()) for question, _, sql in (part.partition("\n") for part in parts)]


def page(manifest: Path = MANIFEST, queries: Path = QUERIES) -> str:
    """The whole page."""
    found = models(manifest)
    listed = "\n".join(f"* [{_name(node)}](#{_anchor(node)}): {_first_sentence(node)}" for node in found)
    return "\n".join([_HEAD, listed, "", *(line for node in found for line in _chapter(node, queries)), _MAPS])


def _chapter(node: Mapping[str, Any], queries: Path) -> Iterator[str]:
    yield f"## {_name(node)}\n"
    published = node["config"]["meta"]["published"]
    files = f" A file for each {SOLS_OF_BLOCK} sols of a rover." if published.get("in_blocks") else ""
    yield _wrapped(f"{node['description']} In the order of {', '.join(published['sort_by'])}.{files}\n")
    yield "\n| column | type | unit | what it is |\n|---|---|---|---|"
    for column in node["columns"].values():
        yield f"| `{column['name']}` | {column['data_type']} | {unit_of(column['name'])} | {_cell(column['description'])} |"
    yield ""
    for example in examples(node["name"], queries):
        yield f"{_wrapped(example.question)}\n\n```sql\n{example.sql}\n```\n"


def _name(node: Mapping[str, Any]) -> str:
    return f"{node['config']['schema']}.{node['name']}"


def _anchor(node: Mapping[str, Any]) -> str:
    return _name(node).replace(".", "")


def _first_sentence(node: Mapping[str, Any]) -> str:
    return _text(node["description"]).partition(". ")[0].removesuffix(".")


def _text(description: str) -> str:
    return " ".join(description.split())


def _cell(description: str) -> str:
    return _text(description).replace("|", "&#124;")


def _wrapped(text: str) -> str:
    """Lines of prose. None begins with a dash, with which Markdown would begin a list."""
    kept = _text(text).replace(" - ", "\0-\0")
    lines = textwrap.wrap(kept, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace("\0", " ")


if __name__ == "__main__":
    PAGE.write_text(page())
