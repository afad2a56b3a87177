"""A home, a lake, a log, a warehouse may have any name: their files lie there, and nowhere else."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from martian_moments.dagster_runtime.storage import BatchingSqliteEventLogStorage
from martian_moments.domain.errors import SettingsError
from martian_moments.events.log import UPLOADS, Message
from martian_moments.infrastructure.addresses import path_of, url_of
from martian_moments.nasa.pds import PDS
from martian_moments.operations.instance import INSTANCE_CONFIG, prepare_instance
from martian_moments.resources import Resources
from martian_moments.settings import Settings
from martian_moments.warehouse.base import LEDGER
from martian_moments_tests.contract.test_warehouse_contract import photos as bronze_photos
from martian_moments_tests.odd_paths import ODD, homes, names
from martian_moments_tests.platforms import photos_of

pytestmark = pytest.mark.usefixtures("no_settings")
few = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
count = itertools.count()


@given(st.lists(names, min_size=1, max_size=3))
def test_a_path_becomes_a_url_and_the_url_that_path(parts: list[str]) -> None:
    path = Path("/", *parts)
    for scheme in ("file", "sqlite", "duckdb"):
        assert path_of(url_of(scheme, path)) == path


@few
@given(homes)
def test_everything_of_a_home_lies_in_it_and_is_read_again_by_another_process(tmp_path: Path, name: str) -> None:
    outside = tmp_path / str(next(count))
    home = outside / name
    use(Settings.load(home=home))
    assert list(outside.iterdir()) == [home]
    assert {"lake", "events.db", "warehouse.duckdb", "published", "scratch"} <= {each.name for each in home.iterdir()}


@few
@given(names, names, names)
def test_lake_log_and_warehouse_lie_where_their_addresses_say(tmp_path: Path, lake: str, log: str, file: str) -> None:
    outside = tmp_path / str(next(count))
    places = [outside / "1" / lake, outside / "2" / log, outside / "3" / file]
    urls = {"lake_url": url_of("file", places[0]), "events_url": url_of("sqlite", places[1])}
    use(Settings.load(home=outside / "home", warehouse_url=url_of("duckdb", places[2]), **urls))
    assert [place.is_dir() for place in places] == [True, False, False]
    assert all(place.exists() for place in places)
    assert not {"lake", "events.db", "warehouse.duckdb"} & {each.name for each in (outside / "home").iterdir()}


def use(loaded: Settings) -> None:
    """Write everywhere, and read it as a process does that has only the settings."""
    resources = Resources(loaded)
    asyncio.run(resources.lake.put_if_changed(photos_of("spirit", 7)))
    resources.event_log.publish(UPLOADS, [Message("key", b"value")])
    resources.warehouse.ensure()
    resources.warehouse.load([bronze_photos(7)])
    resources.warehouse.publish(resources.published, [LEDGER])
    (pds,) = [each for each in resources.nasa.photo_sources(None, "spirit") if isinstance(each, PDS)]  # type: ignore[arg-type]
    pds._scratch.mkdir(parents=True)
    resources.event_log.close()
    again = Resources(loaded)
    assert len(again.lake.list()) == 1
    assert len(again.event_log.read(UPLOADS, {}, limit=10)) == 2, "the lake's announcement, and ours"
    assert again.warehouse.ledger().num_rows == 1
    ledger = again.published.read("bronze", "ledger")
    assert ledger is not None
    assert ledger.num_rows == 1
    again.event_log.close()


@pytest.mark.parametrize(
    "name", ["mars.2026.duckdb", "temp.duckdb", "main.duckdb", "system.duckdb", "memory.duckdb", "bronze.duckdb", "silver"]
)
def test_a_warehouse_may_be_called_like_something_of_duckdbs_own(tmp_path: Path, name: str) -> None:
    use(Settings.load(home=tmp_path / "home", warehouse_url=url_of("duckdb", tmp_path / name)))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("home", "/tmp/what?"),
        ("home", "/tmp/mars [old]"),
        ("dagster_home", "/tmp/*"),
        ("warehouse_url", "duckdb:///tmp/what%3F/mars.duckdb"),
        ("warehouse_url", "duckdb:///tmp/a#b.duckdb"),
        ("lake_url", "file:///tmp/a?b"),
        ("events_url", "sqlite:///tmp/a#"),
        ("events_url", "sqlite:///tmp/%00"),
        ("lake_url", "file:///tmp/%FF"),
        ("home", "/tmp/\udcff"),
        ("home", "~nobody-of-this-name/mars"),
    ],
)
def test_what_cannot_be_a_place_is_one_line_that_names_the_setting(setting: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.load(**{setting: value})
    assert str(refused.value).startswith(f"MARS_{setting.upper()}")
    assert "\n" not in str(refused.value)


@dg.job
def nothing() -> None: ...


def test_the_databases_of_dagster_lie_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    folder = tmp_path / "outside" / ODD / "dagster"
    with prepare_instance(folder, instance_config=INSTANCE_CONFIG, pools={"nasa": 2}) as instance:
        instance.add_dynamic_partitions("spirit_sols", ["00001"])
        run = instance.create_run_for_job(nothing)
        instance.report_engine_event("something", run)
        assert isinstance(instance.event_log_storage, BatchingSqliteEventLogStorage), "as dagster.yaml says"
        instance.upgrade()
    with prepare_instance(folder, instance_config=INSTANCE_CONFIG, pools={}) as instance:
        assert instance.get_dynamic_partitions("spirit_sols") == ["00001"]
        assert len(instance.all_logs(run.run_id)) == 1
    assert [each.name for each in (tmp_path / "outside").iterdir()] == [ODD]
