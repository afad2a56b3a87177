"""The dbt assets in a real run over real payloads, against counts that are known from elsewhere."""

from __future__ import annotations

import base64
import io
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from martian_moments.defs.assets import models
from martian_moments.defs.assets.models import sound_tables
from martian_moments.defs.dbt_command import start_build
from martian_moments.defs.plots import pages
from martian_moments.domain.documents import FOLDERS
from martian_moments.nasa.upstream import Upstream
from martian_moments.operations.baking import bake
from martian_moments.pipelines.differences import silver_lags, unloaded
from martian_moments.pipelines.load import load
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.running import running
from martian_moments.resources import Resources
from martian_moments.settings import Settings
from martian_moments.warehouse.models import published_models
from martian_moments_tests.platforms import ROVERS, Platform, build, failure_of, follow, load_all
from martian_moments_tests.unit.warehouse.test_damaged import overwrite_blocks

Built = tuple[Platform, dg.ExecuteInProcessResult]

SOLS = {"curiosity": [1_000], "perseverance": [0, 367], "opportunity": [1], "spirit": [1]}


@pytest.fixture(scope="module")
def built(real_payloads: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A platform that has ingested the recorded sols and built every model, and the run that did."""
    bake()
    with running(ReplicaConfig(recorded=real_payloads)) as replica:
        settings = Settings.load(
            home=tmp_path_factory.mktemp("real"),
            upstream=Upstream(v1_url=replica.v1_url, mmgis_url=replica.mmgis_url, mer_traverse_url=replica.mer_traverse_url),
            requests_per_minute=100_000,
        )
        platform = Platform(settings, Resources(settings))
        for rover in ROVERS:
            assert platform.run("lake/manifests", rover).success
            for sol in SOLS[rover]:
                assert platform.run(f"lake/{rover}/photos", f"{sol:05d}").success
        assert platform.run("lake/traverse", "perseverance").success
    for request in platform.tick("upload_events").run_requests or ():
        assert platform.execute(request).success
    return platform, build(platform)


def table(platform: Platform, schema: str, name: str) -> list[dict[str, Any]]:
    found = platform.resources.published.read(schema, name)
    assert found is not None
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def test_the_build_succeeds_and_every_model_is_published(built: Built) -> None:
    platform, result = built
    assert result.success
    for model in published_models():
        assert platform.resources.published.read(model.schema, model.name) is not None, model.name
    assert not silver_lags(platform.resources.published, platform.settings.sources)


def test_the_published_photos_are_exactly_the_real_records(built: Built) -> None:
    platform, _ = built
    photos = table(platform, "silver", "fact_photos")
    counts: dict[tuple[str, int], int] = {}
    for photo in photos:
        counts[photo["rover"], photo["sol"]] = counts.get((photo["rover"], photo["sol"]), 0) + 1
    assert counts == {
        ("perseverance", 0): 54, ("perseverance", 367): 162, ("curiosity", 1_000): 856, ("opportunity", 1): 95,
        ("spirit", 1): 77,
    }  # fmt: skip
    assert len({photo["photo_key"] for photo in photos}) == len(photos) == 1_244
    ledger = table(platform, "bronze", "ledger")
    assert sum(row["record_count"] for row in ledger if row["kind"] == "photos") == 1_244


def test_the_manifests_promise_what_nasa_promised(built: Built) -> None:
    platform, _ = built
    promised = table(platform, "silver", "manifest_sols")
    assert len(promised) == 11_476
    assert sum(row["photos_promised"] for row in promised) == 1_192_103


def test_the_distance_driven_counts_overlapping_legs_once(built: Built) -> None:
    platform, _ = built
    legs = table(platform, "silver", "fact_path")
    assert len(legs) == 522
    assert sum(leg["distance_m"] for leg in legs) / 1_000 == pytest.approx(41.74, abs=0.005)
    (perseverance,) = (row for row in table(platform, "gold", "rover_summary") if row["rover"] == "perseverance")
    assert perseverance["distance_m"] / 1_000 == pytest.approx(41.74, abs=0.005)
    assert perseverance["photos"] == 54 + 162


def test_gold_reports_what_is_missing_and_all_four_rovers(built: Built) -> None:
    platform, _ = built
    gaps = table(platform, "gold", "photo_gaps")
    assert sum(gap["reason"] == "missing" for gap in gaps) == 11_476 - 5
    assert {gap["reason"] for gap in gaps} == {"missing", "expected_gap"}
    assert {row["rover"] for row in table(platform, "gold", "rover_summary")} == set(ROVERS)


def test_an_assets_page_shows_a_preview_and_a_picture(built: Built) -> None:
    from matplotlib.image import imread

    _, result = built
    shown = metadata_of(result)
    assert len(shown) >= 13
    assert "| rover | leg |" in str(shown[dg.AssetKey(["silver", "fact_path"])]["preview"].value)
    assert shown[dg.AssetKey(["silver", "fact_photos"])]["dagster/row_count"].value == 1_244
    for name in (["silver", "fact_path"], ["gold", "daily_activity"], ["gold", "camera_summary"]):
        picture = str(shown[dg.AssetKey(name)]["picture"].value)
        encoded = picture.partition("base64,")[2].removesuffix(")")
        pixels = imread(io.BytesIO(base64.b64decode(encoded, validate=True)), format="png")
        assert pixels.shape[0] > 100
        assert pixels.shape[1] > 400
        assert pixels.std() > 0, "an empty picture"


def test_data_tests_are_asset_checks_that_passed(built: Built) -> None:
    _, result = built
    checks = result.get_asset_check_evaluations()
    assert len(checks) > 20
    errors = [each for each in checks if not each.passed and each.severity is dg.AssetCheckSeverity.ERROR]
    assert errors == []


def test_a_model_that_is_made_alone_is_checked_by_what_bronze_has_now(built: Built) -> None:
    """Also in a home of the release before, which sampled no records."""
    platform, _ = built

    def made_with_other_name(field: str, name: str) -> dg.ExecuteInProcessResult:
        with duckdb_of(platform) as connection:
            connection.execute("drop table silver.sampled_records")
            renamed = f"""replace(document::varchar, '"{field}"', '"{name}"')"""
            connection.execute(f"update bronze.raw_photos set document = {renamed}")
        return platform.run("silver/stg_v1__photos")

    alone = made_with_other_name("earth_date", "earthdate")
    again = made_with_other_name("earthdate", "earth_date")
    assert [result.success for result in (alone, again)] == [True, True]
    assert [materialized(result) for result in (alone, again)] == [{"stg_v1__photos"}] * 2
    assert [_passed(result, "v1_fields_are_known") for result in (alone, again)] == [False, True]


def _passed(result: dg.ExecuteInProcessResult, check: str) -> bool:
    (found,) = (each for each in result.get_asset_check_evaluations() if each.check_name == check)
    return found.passed


def test_photos_that_another_release_has_read_are_read_again(built: Built) -> None:
    """v1_photos is incremental: what the release before took for undisputed would stay so for ever."""
    import duckdb

    platform, _ = built
    resources, settings = platform.resources, platform.settings
    before = table(platform, "silver", "fact_photos")
    with duckdb.connect(settings.home / "warehouse.duckdb") as connection:
        connection.execute("alter table silver.loaded_objects drop column photo_rules")
        connection.execute("update silver.v1_photos set taken_at_utc = '2003-01-01', is_time_disputed = false")
        # A release that joins a column.
        connection.execute("alter table silver.v1_photos drop column earth_date_method")
    resources.warehouse.publish(resources.published, [published_models()[-1]])
    assert silver_lags(resources.published, settings.sources), "so that reconcile builds it, although nothing arrives"
    assert build(platform).success
    assert table(platform, "silver", "fact_photos") == before
    assert not silver_lags(resources.published, settings.sources)


def test_a_second_build_changes_no_published_table_and_keeps_their_pages(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform, _ = built
    before, shown = contents(platform), metadata_of(build(platform))
    drawn: list[str] = []
    monkeypatch.setattr(pages, "page", lambda _, table: drawn.append(table.name))
    second = build(platform)
    assert second.success
    assert contents(platform) == before
    assert drawn == []
    parts = ("dagster/row_count", "preview", "picture")
    again = metadata_of(second)
    assert {key: [each.get(part) for part in parts] for key, each in again.items()} == {
        key: [each.get(part) for part in parts] for key, each in shown.items()
    }
    assert "picture" in again[dg.AssetKey(["silver", "fact_path"])]


def test_a_build_that_nobody_asked_for_and_nothing_calls_for_does_not_start_dbt(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform, _ = built
    published, settings = platform.resources.published, platform.settings
    assert build(platform).success
    before, log_of_dbt = contents(platform), (settings.home / "dbt" / "dbt.log").read_bytes()
    assert log_of_dbt
    following = follow(platform)
    assert following.success
    assert materialized(following) == set()
    assert contents(platform) == before
    assert (settings.home / "dbt" / "dbt.log").read_bytes() == log_of_dbt

    def current(*, archive: str = "") -> bool:
        upstream = settings.upstream.model_copy(update={"pds_url": archive} if archive else {})
        changed = settings.model_copy(update={"upstream": upstream})
        return models._is_current(platform.instance, changed, platform.resources.warehouse, published)

    assert current()
    assert not current(archive="https://another.example")
    monkeypatch.setattr(models, "model_rules", lambda: "those of another release")
    assert not current()
    monkeypatch.undo()
    table = settings.home / "published" / "gold" / "photo_summary" / "photo_summary.parquet"
    kept = table.read_bytes()
    table.unlink()
    assert not current(), "a published table is gone"
    table.write_bytes(kept)
    assert build(platform).success
    assert current()
    with duckdb_of(platform) as connection:
        connection.execute(
            "delete from bronze.raw_photos where object_key = (select min(object_key) from bronze.raw_photos)"
        )
    assert not current(), "bronze has lost a document since its last load"
    load_all(platform)
    assert current()


def duckdb_of(platform: Platform) -> Any:
    import duckdb

    return duckdb.connect(platform.settings.home / "warehouse.duckdb")


def metadata_of(result: dg.ExecuteInProcessResult) -> dict[dg.AssetKey, Mapping[str, Any]]:
    return {
        event.asset_key: event.step_materialization_data.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }


def contents(platform: Platform) -> dict[str, dict[str, tuple[int, bytes]]]:
    """The files of each published table, with the times of their writing."""
    folders = (platform.settings.home / "published").glob("*/*/")
    return {
        folder.name: {str(file): (file.stat().st_mtime_ns, file.read_bytes()) for file in folder.rglob("*.parquet")}
        for folder in folders
    }


def materialized(result: dg.ExecuteInProcessResult) -> set[str]:
    return {event.asset_key.path[-1] for event in result.get_asset_materialization_events() if event.asset_key}


def test_a_model_that_fails_keeps_only_what_follows_from_it_from_being_published(built: Built) -> None:
    """The manifests cannot be read any more, while two photos have come."""
    import duckdb

    platform, _ = built
    platform.photos("curiosity", [1_001], count=2, promised=2)
    assert platform.run("bronze/curiosity/photos", "01001").success
    with duckdb.connect(platform.settings.home / "warehouse.duckdb") as connection:
        connection.execute("alter table bronze.raw_manifests rename column document to hidden")
    before = contents(platform)

    result = build(platform)

    assert not result.success
    assert len(table(platform, "silver", "fact_photos")) == 1_244 + 2
    changed = {name for name, content in contents(platform).items() if content != before[name]}
    assert {"fact_photos", "rover_summary", "photo_summary", "daily_activity"} <= changed
    stale = {"manifest_sols", "photo_gaps", "source_differences", "loaded_objects"}
    assert not changed & stale
    assert not materialized(result) & (stale - {"loaded_objects"})
    assert {"fact_photos", "fact_path", "rover_summary"} <= materialized(result)
    assert silver_lags(platform.resources.published, platform.settings.sources), "so that reconcile repeats it"

    with duckdb.connect(platform.settings.home / "warehouse.duckdb") as connection:
        connection.execute("alter table bronze.raw_manifests rename column hidden to document")
    assert build(platform).success
    assert not silver_lags(platform.resources.published, platform.settings.sources)


def test_a_build_whose_output_cannot_be_read_ends_dbt(built: Built) -> None:
    platform, _ = built
    started: list[Any] = []

    def start(*arguments: Any, **options: Any) -> Any:
        started.append(start_build(*arguments, **options))
        return started[-1]

    def unreadable(_context: Any, events: Iterator[Any]) -> Iterator[Any]:
        yield next(events)
        raise RuntimeError("not what dbt is known to write")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(models, "start_build", start)
        patched.setattr(models, "_of_assets", unreadable)
        result = build(platform)

    assert "not what dbt is known to write" in failure_of(result)
    assert [dbt.returncode for dbt in started] == [-signal.SIGTERM]
    assert build(platform).success


def test_a_build_that_fails_for_a_damaged_file_leads_to_a_new_one_and_takes_nothing_back(built: Built) -> None:
    platform, _ = built
    resources, file = platform.resources, platform.settings.home / "warehouse.duckdb"
    before = {photo["photo_key"]: photo for photo in table(platform, "silver", "fact_photos")}
    overwrite_blocks(file, "silver.v1_photos", "silver.photo_positions")
    with pytest.MonkeyPatch.context() as patched:
        # As when it is damaged between these looks and dbt. A file that ends in free blocks is read through when looked at.
        patched.setattr(resources.warehouse, "ensure", lambda published: False)
        patched.setattr(resources.warehouse, "exists", lambda: True)
        first = build(platform)
    assert "kept as warehouse.duckdb.damaged-" in failure_of(first)
    assert not file.exists()
    manifest = resources.published.manifest()
    assert manifest is not None

    def build_waits() -> None:
        waiting = build(platform)
        assert waiting.success, "so that nobody is alarmed"
        assert not waiting.get_asset_materialization_events()
        now = resources.published.manifest()
        assert now is not None
        assert {**manifest.tables, "bronze/ledger": ()} == {**now.tables, "bronze/ledger": ()}, "tables stay as they were"

    build_waits()
    lacking = unloaded(resources.lake, resources.warehouse, resources.published, platform.settings.rovers)
    assert len(lacking) == sum(len(resources.lake.list(folder)) for folder in FOLDERS)
    load(resources.lake, resources.warehouse, lacking[::2], resources.published)
    # Nobody has published the ledger of what was loaded: the build reports it.
    build_waits()
    assert unloaded(resources.lake, resources.warehouse, resources.published, platform.settings.rovers) == lacking[1::2]
    load(resources.lake, resources.warehouse, lacking, resources.published)
    assert build(platform).success
    assert not silver_lags(resources.published, platform.settings.sources)
    assert {photo["photo_key"]: photo for photo in table(platform, "silver", "fact_photos")} == before


def test_a_table_that_was_not_built_or_that_its_own_test_refuses_is_not_published() -> None:
    context = SimpleNamespace(asset_key_for_output=lambda name: dg.AssetKey(name.split("__")))
    built = [dg.Output(None, f"silver__{name}") for name in ("dim_rovers", "dim_cameras", "fact_path", "loaded_objects")]
    error, warning = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN

    def check(name: str, severity: dg.AssetCheckSeverity, *, passed: bool) -> dg.AssetCheckResult:
        return dg.AssetCheckResult(
            asset_key=["silver", name], check_name=f"{name}_{severity.name}", severity=severity, passed=passed
        )

    checks = [check("dim_rovers", error, passed=True), check("dim_cameras", error, passed=False)]
    checks += [check("dim_cameras", error, passed=True), check("fact_path", warning, passed=False)]
    tables = sound_tables(context, [*built, *checks])  # type: ignore[arg-type] # a context that knows the outputs' names
    assert [each.name for each in tables] == ["dim_rovers", "fact_path"]
