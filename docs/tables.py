"""Writes tables.md, what every published table holds, beside this file: ``.venv/bin/python docs/tables.py``.

Descriptions, columns and types are those of the dbt contracts, read from the parsed project (``make setup``). The examples
are in ``queries/<table>.sql``: each begins with a comment, which is the question that it responds to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from martian_moments_dbt import PROJECT

PAGE: Final = Path(__file__).with_name("tables.md")
QUERIES: Final = Path(__file__).with_name("queries")

_HEAD: Final = """\
# Tables

What is published, one Parquet file per table: `published/<schema>/<table>/<table>.parquet` in the home folder or in
`MARS_PUBLISHED_URL`. A file is replaced whole when its rows change. This page is made by `docs/tables.py` from the
contracts of the models, and a test runs every query of it.

To ask as the examples do, give DuckDB a view of each file (here of the demo's home):

```python
import pathlib

import duckdb

for file in pathlib.Path(".mars/demo/published").glob("*/*/*.parquet"):
    schema, table = file.parts[-3:-1]
    duckdb.sql(f"create schema if not exists {schema}; create view {schema}.{table} as from '{file}'")
print(duckdb.sql("select rover, photos from gold.rover_summary"))
```

In pandas a table is `pandas.read_parquet(".mars/demo/published/gold/rover_summary/rover_summary.parquet")`, and what any
of these queries finds is `duckdb.sql(query).df()`.

Angles are degrees, lengths metres, moments UTC with their time zone; null means that no source states it. Longitudes are
positive to the east.
"""


@dataclass(frozen=True)
class Example:
    """A question and the SQL that responds to it."""

    question: str
    sql: str


def models() -> list[Mapping[str, Any]]:
    """The nodes of the published models in dbt's manifest, by schema and name. Raises FileNotFoundError before ``make setup``."""
    nodes = json.loads((PROJECT / "target" / "manifest.json").read_bytes())["nodes"].values()
    published = [node for node in nodes if node["resource_type"] == "model" and "published" in node["config"]["meta"]]
    return sorted(published, key=lambda node: (node["config"]["schema"], node["name"]))


def examples(table: str) -> list[Example]:
    """The examples of a table, in the order of its file; none without one."""
    file = QUERIES / f"{table}.sql"
    text = file.read_text() if file.exists() else ""
    parts = re.split(r"^-- ", text, flags=re.MULTILINE)[1:]
    return [Example(question.strip(), sql.strip()) for question, _, sql in (part.partition("\n") for part in parts)]


def page() -> str:
    """The whole page."""
    found = models()
    listed = "\n".join(f"* [{_name(node)}](#{_anchor(node)}): {_first_sentence(node)}" for node in found)
    return "\n".join([_HEAD, listed, "", *(line for node in found for line in _chapter(node))])


def _chapter(node: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {_name(node)}\n"
    yield f"{_text(node['description'])} In the order of {', '.join(node['config']['meta']['published']['sort_by'])}.\n"
    yield "| column | type | |\n|---|---|---|"
    for column in node["columns"].values():
        yield f"| `{column['name']}` | {column['data_type']} | {_text(column['description']).replace('|', '&#124;')} |"
    yield ""
    for example in examples(node["name"]):
        yield f"{example.question}\n\n```sql\n{example.sql}\n```\n"


def _name(node: Mapping[str, Any]) -> str:
    return f"{node['config']['schema']}.{node['name']}"


def _anchor(node: Mapping[str, Any]) -> str:
    return _name(node).replace(".", "")


def _first_sentence(node: Mapping[str, Any]) -> str:
    return _text(node["description"]).partition(". ")[0].removesuffix(".")


def _text(description: str) -> str:
    return " ".join(description.split())


if __name__ == "__main__":
    PAGE.write_text(page())
