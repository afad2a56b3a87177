"""Which models of dbt are published, in which order their rows stand, and what their columns are.

The dbt project says so itself: ``config.meta.published`` of a model (``sort_by``, and ``in_blocks`` where it grows with the
history), and its contract. It is read once, when the project is parsed (operations/baking.py), and kept in a small file
beside dbt's manifest, which has a megabyte.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, Final

from martian_moments.domain.errors import SettingsError
from martian_moments.warehouse.base import LOADED_OBJECTS, PublishedTable
from martian_moments_dbt import PROJECT

PUBLISHED: Final = PROJECT / "target" / "published.json"

_ALWAYS: Final = "gold"
"""The schema whose models are made for readers: one that is not published would be of no use to anybody."""


def find_models(manifest: Path) -> tuple[PublishedTable, ...]:
    """The models that a parsed project publishes, LOADED_OBJECTS last.

    Last, because it says that everything before it is current, also when a process is killed between two tables.

    Raises:
        SettingsError: a model of gold is not published, or one that is published does not say what it takes.
    """
    nodes = json.loads(manifest.read_bytes())["nodes"].values()
    models = [node for node in nodes if node["resource_type"] == "model"]
    if faults := [fault for node in models for fault in _faults(node)]:
        raise SettingsError("; ".join(faults))
    tables = [_table(node) for node in models if "published" in node["config"]["meta"]]
    tables.sort(key=lambda table: ((table.schema, table.name) == LOADED_OBJECTS, table.schema, table.name))
    return tuple(tables)


def write_models(tables: Iterable[PublishedTable], file: Path) -> None:
    """Keep what is published in a file."""
    file.write_text(json.dumps([asdict(table) for table in tables]))


@cache
def published_models(file: Path = PUBLISHED) -> tuple[PublishedTable, ...]:
    """The models that are published after each dbt build, in this order.

    Raises:
        SettingsError: the dbt project has not been parsed yet.
    """
    try:
        kept = json.loads(file.read_bytes())
        return tuple(PublishedTable(**each | {"order_by": tuple(each["order_by"])}) for each in kept)
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}; run `make setup`, which parses the dbt project") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{file} is damaged ({type(error).__name__}); delete it and run `make setup`") from error


def _faults(node: Mapping[str, Any]) -> Iterator[str]:
    config, yml = node["config"], (node["patch_path"] or "without a yml").rpartition("://")[2]
    where = f"{node['original_file_path']} ({yml})"
    if "published" not in config["meta"]:
        if config["schema"] == _ALWAYS:
            yield f"{where}: a model of {_ALWAYS} is published; add config.meta.published.sort_by to its yml"
        return
    if not config["contract"]["enforced"]:
        yield f"{where}: what is published has a contract; set config.contract.enforced in its yml"
    columns = node["columns"]
    if untyped := [name for name, column in columns.items() if not column["data_type"]]:
        yield f"{where}: columns without data_type: {', '.join(untyped)}"
    if bare := [name for name, column in columns.items() if not column["description"].strip()]:
        yield f"{where}: columns without description: {', '.join(bare)}"
    sort_by = config["meta"]["published"].get("sort_by") or []
    if not sort_by:
        yield f"{where}: config.meta.published.sort_by names columns that put the rows into one order only"
    if unknown := [name for name in sort_by if name not in columns]:
        yield f"{where}: config.meta.published.sort_by names what is no column of its yml: {', '.join(unknown)}"
    if config["meta"]["published"].get("in_blocks") and not {"rover", "sol"} <= columns.keys():
        yield f"{where}: config.meta.published.in_blocks takes the columns rover and sol"


def _table(node: Mapping[str, Any]) -> PublishedTable:
    config = node["config"]
    columns = node["columns"].items()
    return PublishedTable(
        config["schema"],
        node["name"],
        tuple(config["meta"]["published"]["sort_by"]),
        {name: column["data_type"] for name, column in columns},
        " ".join(node["description"].split()),
        {name: " ".join(column["description"].split()) for name, column in columns},
        bool(config["meta"]["published"].get("in_blocks")),
    )
