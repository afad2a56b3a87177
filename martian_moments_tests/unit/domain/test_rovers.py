from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from martian_moments.domain.rovers import ROVERS, MarsTime, Rover

MANIFESTS = {
    "curiosity": ("v1_manifest_curiosity_2023-08.json", 3_575),
    "perseverance": ("v1_manifest_perseverance_2024-01.json", 975),
    "opportunity": ("v1_manifest_opportunity_2023-08.json", 4_811),
    "spirit": ("v1_manifest_spirit_2023-08.json", 2_115),
}


@pytest.mark.parametrize(("name", "rows", "tolerance"), [("opportunity", 5_352, 4), ("spirit", 2_209, 3)])
def test_mars_time_agrees_with_the_missions_timetable(real_payloads: Path, name: str, rows: int, tolerance: float) -> None:
    rover = ROVERS[name]
    with (real_payloads / f"mer_{name}_timetable.tsv").open() as table:
        timetable = list(csv.DictReader(table, delimiter="\t"))
    assert len(timetable) == rows
    for row in timetable:
        sol, hours, minutes, seconds = map(int, row["Hybrid Local Solar Time"].split(":"))
        reported = datetime.strptime(row["UTC"], "%Y-%m-%d %H.%M.%S").replace(tzinfo=UTC)
        assert abs(rover.utc_of(sol, hours * 3600 + minutes * 60 + seconds) - reported) < timedelta(seconds=tolerance), row
        assert rover.sol_of(reported) == sol
        clock = rover.mars_time_of(reported)
        assert clock.sol == sol
        assert clock.seconds == pytest.approx(hours * 3600 + minutes * 60 + seconds, abs=tolerance), row


def test_mars_time_agrees_with_what_the_feeds_say_of_their_own_pictures(real_payloads: Path) -> None:
    def reported(file: str, items: str, mars: str, utc: str) -> list[tuple[MarsTime | None, datetime]]:
        pairs = []
        for record in json.loads((real_payloads / file).read_bytes())[items]:
            text = record[mars] if mars in record else record["extended"][mars]
            pairs.append((MarsTime.parse(text), datetime.fromisoformat(record[utc].rstrip("Z")).replace(tzinfo=UTC)))
        return pairs

    mars2020 = [
        pair
        for file in ("m20_feed_page_num3_2026-08-31.json", "m20_feed_sol888_13images_2023.json")
        for pair in reported(file, "images", "date_taken_mars", "date_taken_utc")
    ]
    curiosity = reported("msl_api_sol86_nav_16items.json", "items", "lmst", "date_taken")
    assert (len(mars2020), len(curiosity)) == (16, 16)
    for name, pairs in (("perseverance", mars2020), ("curiosity", curiosity)):
        for clock, utc in pairs:
            assert clock is not None
            assert abs(ROVERS[name].utc_of(clock.sol, clock.seconds) - utc) < timedelta(seconds=4), (clock, utc)
            assert ROVERS[name].mars_time_of(utc).sol == clock.sol


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("Sol-01965M15:28:38.766", MarsTime(1965, 55_718.766)),
        ("Sol-00000M00:00:00.000", MarsTime(0, 0.0)),
        ("Sol-00001M23:59:59.999", MarsTime(1, 86_399.999)),
    ],
)
def test_a_mars_time_reads_and_writes_as_the_feeds_do(text: str, time: MarsTime) -> None:
    assert MarsTime.parse(f" {text} ") == time
    assert str(time) == text


@pytest.mark.parametrize("text", ["", "UNK", "Sol-00001M24:00:00.000", "2026-08-30T20:47:41.638", "Sol-1M1:2:3"])
def test_what_is_no_mars_time_is_none(text: str) -> None:
    assert MarsTime.parse(text) is None


@pytest.mark.parametrize("rover", ROVERS.values(), ids=ROVERS)
def test_the_last_moment_of_a_sol_is_never_written_as_24_hours(rover: Rover) -> None:
    for sol in range(rover.first_sol, 6_000, 7):
        last = rover.utc_of(sol + 1) - timedelta(microseconds=1)
        assert str(rover.mars_time_of(last)) == f"Sol-{sol:05}M23:59:59.999"
        assert rover.utc_of(sol, rover.mars_time_of(last).seconds) == last


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_earth_dates_of_v1_are_reproduced(real_payloads: Path, name: str) -> None:
    file, sols = MANIFESTS[name]
    manifest = json.loads((real_payloads / file).read_bytes())["photo_manifest"]
    assert manifest["landing_date"] == ROVERS[name].landing_date.isoformat()
    assert len(manifest["photos"]) == sols
    reported = {row["sol"]: date.fromisoformat(row["earth_date"]) for row in manifest["photos"]}
    assert {sol: ROVERS[name].v1_earth_date(sol) for sol in reported} == reported


@pytest.mark.parametrize("name", MANIFESTS)
def test_no_camera_of_the_manifests_is_unknown(real_payloads: Path, name: str) -> None:
    manifest = json.loads((real_payloads / MANIFESTS[name][0]).read_bytes())["photo_manifest"]
    assert {camera for row in manifest["photos"] for camera in row["cameras"]} <= set(ROVERS[name].cameras)


@pytest.mark.parametrize("rover", ROVERS.values(), ids=ROVERS)
def test_a_sol_begins_at_its_first_moment_and_ends_before_the_next(rover: Rover) -> None:
    for sol in range(rover.first_sol, 12_000):
        midnight = rover.utc_of(sol)
        assert rover.sol_of(midnight) == sol
        assert rover.sol_of(midnight - timedelta(microseconds=1)) == sol - 1


def test_the_landings_fall_into_the_first_sol() -> None:
    # Touchdown in UTC as NASA's mission pages give it.
    landings = {
        "perseverance": datetime(2021, 2, 18, 20, 55, tzinfo=UTC),
        "curiosity": datetime(2012, 8, 6, 5, 17, 57, tzinfo=UTC),
        "opportunity": datetime(2004, 1, 25, 5, 5, tzinfo=UTC),
        "spirit": datetime(2004, 1, 4, 4, 35, tzinfo=UTC),
    }
    assert {name: ROVERS[name].sol_of(moment) for name, moment in landings.items()} == {
        "perseverance": 0,
        "curiosity": 0,
        "opportunity": 1,
        "spirit": 1,
    }


@pytest.mark.parametrize("name", ["spirit", "opportunity"])
def test_the_pictures_that_v1_takes_for_a_spectrometers_are_the_microscopic_imagers(name: str) -> None:
    camera = ROVERS[name].cameras["MINITES"]
    assert (camera.full_name, camera.role, camera.names) == ("Microscopic Imager", "close_up", ("MI",))
