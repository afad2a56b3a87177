"""What is published follows from the dbt project itself: the meta of its models and their contracts."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from martian_moments.defs.dbt_specs import MANIFEST
from martian_moments.domain.errors import SettingsError
from martian_moments.operations.baking import bake
from martian_moments.warehouse.base import LOADED_OBJECTS
from martian_moments.warehouse.models import find_models, published_models, write_models

Node = dict[str, Any]


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    bake()
    found: dict[str, Any] = json.loads(MANIFEST.read_bytes())
    return found


def node(manifest: dict[str, Any], name: str) -> Node:
    found: Node = manifest["nodes"][f"model.martian_moments.{name}"]
    return found


def test_the_models_that_readers_may_rely_on_are_published_and_what_says_that_all_are_current_comes_last(
    manifest: dict[str, Any],
) -> None:
    names = [(table.schema, table.name) for table in published_models()]
    assert names[-1] == LOADED_OBJECTS
    assert len(set(names)) == len(names)
    relied_on = {("silver", "fact_photos"), ("silver", "fact_path"), ("silver", "dim_waypoints"), ("gold", "photo_gaps")}
    assert relied_on | {("gold", "rover_summary")} < set(names)
    assert published_models() == find_models(MANIFEST)


def test_types_and_order_are_those_of_the_contract(manifest: dict[str, Any]) -> None:
    (path,) = (table for table in published_models() if table.name == "fact_path")
    assert path.order_by == ("rover", "leg")
    assert (path.types["sclk_start"], path.types["length_m"]) == ("integer", "double")
    (summary,) = (table for table in published_models() if table.name == "rover_summary")
    assert (summary.types["photos"], summary.types["last_sol"]) == ("bigint", "integer")


@pytest.mark.parametrize(
    ("spoil", "reported"),
    [
        (lambda summary: summary["config"]["meta"].clear(), r"rover_summary\.sql .*a model of gold is published"),
        (lambda summary: summary["config"]["contract"].update(enforced=False), r"rover_summary\.sql .*has a contract"),
        (
            lambda summary: summary["columns"]["photos"].update(data_type=None),
            r"rover_summary\.sql .*without data_type: photos",
        ),
        (
            lambda summary: summary["columns"]["photos"].update(description=" "),
            r"rover_summary\.sql \(models/gold/_gold\.yml\): columns without description: photos",
        ),
        (
            lambda summary: summary["config"]["meta"].update(published={"sort_by": ["planet"]}),
            r"rover_summary\.sql .*sort_by .*: planet$",
        ),
        (lambda summary: summary["config"]["meta"].update(published={}), r"rover_summary\.sql .*sort_by .*one order only"),
    ],
)
def test_a_gold_model_that_does_not_say_how_it_is_published_is_named_where_the_project_is_parsed(
    manifest: dict[str, Any], tmp_path: Path, spoil: Callable[[Node], object], reported: str
) -> None:
    spoilt = copy.deepcopy(manifest)
    spoil(node(spoilt, "rover_summary"))
    (tmp_path / "manifest.json").write_text(json.dumps(spoilt))
    with pytest.raises(SettingsError, match=reported):
        find_models(tmp_path / "manifest.json")


def test_what_is_kept_is_what_was_found_and_what_is_damaged_says_how_to_make_it_anew(
    manifest: dict[str, Any], tmp_path: Path
) -> None:
    write_models(find_models(MANIFEST), tmp_path / "published.json")
    assert published_models(tmp_path / "published.json") == find_models(MANIFEST)
    for name, content in {"none": None, "empty": "", "list": "[1]", "other": '[{"schema": "gold"}]'}.items():
        if content is not None:
            (tmp_path / name).write_text(content)
        with pytest.raises(SettingsError, match="make setup"):
            published_models(tmp_path / name)
