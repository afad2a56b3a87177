"""What makes a stereo pair, an image sequence or a panorama, and what does not, on records with angles that one can read."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from martian_moments.domain.documents import Kind
from martian_moments.warehouse.base import BronzeObject
from martian_moments_tests.unit.dbt.conftest import Project, bronze_object

FIRST_CLOCK, SOL_SECONDS = 128_270_000, 88_775
"""About noon of Opportunity's first sol, and the length of one."""

Arcs = list[tuple[int, int]]
"""Pictures in the order of taking: azimuth of the centre and width, in whole degrees."""


@dataclass(frozen=True)
class Frame:
    """One product of Opportunity's left navigation camera."""

    second: int
    azimuth: float = 100
    elevation: float = 0
    wide: float = 45
    product: str = "EFF"
    size: int = 1024
    eye: str = "L"
    version: int = 1
    row: int = 1
    column: int = 1

    def line(self, sol: int) -> dict[str, str]:
        """As the archive's index has it."""
        clock = FIRST_CLOCK + sol * SOL_SECONDS + self.second
        return {
            "PRODUCT_ID": f"1N{clock:09}{self.product}0102P1900{self.eye}0M{self.version}",
            "PLANET_DAY_NUMBER": f"{sol}",
            "INSTRUMENT_ID": "NAVCAM_LEFT" if self.eye == "L" else "NAVCAM_RIGHT",
            "IMAGE_TYPE": "THUMBNAIL" if self.product == "ETH" else "REGULAR",
            "SPACECRAFT_CLOCK_START_COUNT": f"{clock}.5",
            "SITE_INSTRUMENT_AZIMUTH": f"{self.azimuth}",
            "SITE_INSTRUMENT_ELEVATION": f"{self.elevation}",
            "AZIMUTH_FOV": f"{self.wide}",
            "ELEVATION_FOV": "20",
            "LINES": f"{self.size}",
            "LINE_SAMPLES": f"{self.size}",
            "FIRST_LINE": f"{self.row}",
            "FIRST_LINE_SAMPLE": f"{self.column}",
            "PIXEL_AVERAGING_HEIGHT": "1",
            "PIXEL_AVERAGING_WIDTH": "1",
        }


def every(seconds: Iterable[int], **more: Any) -> list[Frame]:
    return [Frame(second, **more) for second in seconds]


def corners(*azimuths: float) -> list[Frame]:
    """A frame a minute, of which only the tiles in the corners were received: 50 degrees to the sides and 30 up and down."""
    return [
        Frame(60 * number, azimuth + 50 * right, -30 * down, 20, size=256, version=version, row=row, column=column)
        for number, azimuth in enumerate(azimuths)
        for version, (right, down, row, column) in enumerate(
            ((-1, -1, 1, 1), (1, -1, 1, 769), (-1, 1, 769, 1), (1, 1, 769, 769)), start=1
        )
    ]


def in_turn(*azimuths: float, **more: Any) -> list[Frame]:
    """A frame a minute."""
    return [Frame(60 * number, azimuth, **more) for number, azimuth in enumerate(azimuths)]


MOVIES: dict[str, tuple[list[Frame], list[tuple[int, int]]]] = {
    "four frames in equal steps": (every(range(0, 100, 25)), [(4, 0)]),
    "three are too few": (every(range(0, 75, 25)), []),
    "steps of 121 s are too long": (every(range(0, 605, 121)), []),
    "steps of 120 s are not": (every(range(0, 600, 120)), [(5, 0)]),
    "steps that differ by a fifth": (every((0, 50, 110, 160, 220)), [(5, 0)]),
    "steps that differ by more": (every((0, 10, 50, 65, 98, 110)), []),
    "two runs with a pause between them": (every((0, 25, 50, 75, 700, 713, 726, 739, 752)), [(4, 0), (5, 0)]),
    "a frame that is missing": (every((0, 25, 75, 100, 125)), [(5, 1)]),
    "a stray frame before them": (every((0, 3, 28, 53, 78)), [(4, 0)]),
    "across north": ([Frame(25 * n, azimuth) for n, azimuth in enumerate((359.98, 0.02, 359.99, 0.01))], [(4, 0)]),
    "at the zenith, where every azimuth is the same": (
        [Frame(25 * n, azimuth, 89.99) for n, azimuth in enumerate((10, 100, 190, 280))],
        [(4, 0)],
    ),
    "a camera that turns a little with each": ([Frame(25 * n, 100 + 0.04 * n) for n in range(5)], []),
    "two views in turn": ([Frame(25 * n, 100 + 30 * (n % 2)) for n in range(10)], []),
    "two views, one after the other": ([Frame(25 * n, 100 + 30 * (n // 4)) for n in range(8)], [(4, 0), (4, 0)]),
    "two sizes": ([Frame(25 * n, size=1024 if n < 3 else 512) for n in range(6)], []),
    "a size that no camera has, and so none": (every(range(0, 100, 25), size=2_000_000_000), [(4, 0)]),
    "thumbnails": (every(range(0, 100, 25), product="ETH"), []),
    "two versions of each frame": (
        [frame for version in (1, 2) for frame in every(range(0, 100, 25), version=version)],
        [(4, 0)],
    ),
    "both eyes, three frames each": ([f for eye in "LR" for f in every(range(0, 75, 25), eye=eye)], []),
}
"""Frames of one sequence, and the series that they are: frames, and how many are missing between them."""

VIEWS: dict[str, tuple[list[Frame], list[tuple[int, float, float, float]]]] = {
    "three that overlap": (in_turn(100, 140, 180), [(3, 77.5, 202.5, 125)]),
    "a view across north": (in_turn(320, 0, 40), [(3, 297.5, 62.5, 125)]),
    "footprints that touch": (in_turn(100, 145, 190), [(3, 77.5, 212.5, 135)]),
    "two are too few": (in_turn(100, 140), []),
    "the same view again": (in_turn(100, 100, 100, 101), []),
    "the whole circle": (in_turn(*range(10, 370, 40)), [(9, 0, 360, 360)]),
    "with a gap": (in_turn(0, 40, 80, 180, 220, 260), [(3, 157.5, 282.5, 125), (3, 337.5, 102.5, 125)]),
    "another row that joins": (in_turn(100, 140, 180) + every((300,), azimuth=150, elevation=18), [(4, 77.5, 202.5, 125)]),
    "another row that does not": (
        in_turn(100, 140, 180) + every((300,), azimuth=210, elevation=30),
        [(3, 77.5, 202.5, 125)],
    ),
    "one of the zenith": (in_turn(100, 140, 180) + every((300,), azimuth=210, elevation=85), [(3, 77.5, 202.5, 125)]),
    "more than two hours later": (in_turn(100, 140, 180) + every((7_400,), azimuth=220), [(3, 77.5, 202.5, 125)]),
    "within two hours": (in_turn(100, 140, 180) + every((7_200,), azimuth=220), [(4, 77.5, 242.5, 165)]),
    "two eyes": (in_turn(100, 140) + in_turn(180, 220, eye="R"), []),
    "renditions of one exposure": (
        [f for product in ("EFF", "EDN", "ETH") for f in in_turn(100, 140, 180, product=product)],
        [(3, 77.5, 202.5, 125)],
    ),
    "the corners of three frames, which begin at one time": (
        corners(100, 118, 136),
        [(3, 40, 96, 56), (3, 40, 96, 56), (3, 140, 196, 56), (3, 140, 196, 56)],
    ),
}
"""Frames of one sequence, and the panoramas that they are: frames, left and right edge, width."""

PAIRS: dict[str, tuple[list[Frame], int]] = {
    "both eyes": ([Frame(0), Frame(0, eye="R")], 1),
    "one eye": ([Frame(0), Frame(1)], 0),
    "another second": ([Frame(0), Frame(1, eye="R")], 0),
    "another size": ([Frame(0), Frame(0, eye="R", size=512)], 0),
    "thumbnails of both eyes": ([Frame(0, product="ETH"), Frame(0, eye="R", product="ETH")], 0),
    "versions": ([Frame(0), Frame(0, version=2), Frame(0, eye="R")], 1),
}
"""Products of one sequence, and how many pairs they are."""


def random_views(seed: int) -> Iterator[Arcs]:
    chance = random.Random(seed)
    for _ in range(250):
        around = chance.choice((60, 180, 360))
        first = chance.randrange(360)
        yield [
            ((first + chance.randrange(around)) % 360, chance.choice((10, 40, 80, 120)))
            for _ in range(chance.randrange(2, 12))
        ]


def pieces_of(arcs: Arcs) -> Iterator[tuple[int, int, Arcs]]:
    """The stretches of the circle that the arcs cover, degree by degree: where each begins, how long it is, and its arcs."""
    covered = {(azimuth - wide // 2 + n) % 360 for azimuth, wide in arcs for n in range(wide)}
    if len(covered) == 360:
        yield 0, 360, arcs
        return
    for begin in sorted(degree for degree in covered if (degree - 1) % 360 not in covered):
        length = next(n for n in range(360) if (begin + n) % 360 not in covered)
        yield begin, length, [arc for arc in arcs if (arc[0] - begin) % 360 < length]


def panoramas_of(arcs: Arcs) -> list[tuple[int, int, int]]:
    """By the rule in words: three frames or more, of which one looks half a width or more away from the first."""
    found = []
    for begin, length, members in pieces_of(arcs):
        turns = [abs((azimuth - members[0][0] + 180) % 360 - 180) for azimuth, _ in members]
        if len(members) >= 3 and max(turns) >= max(wide for _, wide in members) / 2:
            found.append((len(members), begin, length))
    return sorted(found)


HUGE = {
    "imageid": "NLF_0001_0667035657_000ECM_N0010052NCAM00501_01_295J",
    "sol": 1,
    "camera": {"instrument": "NAVCAM_LEFT"},
    "extended": {"dimension": "(100000,100000)", "subframeRect": "(90000,90000,100000,100000)", "scaleFactor": "1"},
}
"""The largest numbers of pixels that are read at all."""

RANDOM = dict(enumerate(random_views(seed=5)))

SOL_OF = {case: sol for sol, case in enumerate([*MOVIES, *VIEWS, *PAIRS, *RANDOM], start=1)}
"""A sol of its own for each."""


def document(case: str | int, frames: Iterable[Frame], hours: float = 0) -> BronzeObject:
    sol = SOL_OF[case]
    lines = [frame.line(sol) for frame in frames]
    body, count = json.dumps({"lines": lines}).encode(), len(lines)
    return bronze_object(Kind.PHOTOS, "opportunity", body, source="pds", sol=sol, count=count, promised=count, hours=hours)


def build(built: Project) -> None:
    built.build("--select", "+stereo_pairs", "+image_sequences", "+panoramas", "--exclude", "resource_type:unit_test")


@pytest.fixture(scope="module")
def built(project: Callable[[], Project]) -> Project:
    made = project()
    cases = {case: frames for case, (frames, _) in (*MOVIES.items(), *VIEWS.items(), *PAIRS.items())}
    made.warehouse.load(document(case, frames) for case, frames in cases.items())
    made.warehouse.load(
        document(case, [Frame(60 * n, azimuth, wide=wide) for n, (azimuth, wide) in enumerate(arcs)])
        for case, arcs in RANDOM.items()
    )
    body = json.dumps({"images": [HUGE]}).encode()
    made.warehouse.load([bronze_object(Kind.PHOTOS, "perseverance", body, source="m20", sol=1, count=1, promised=1)])
    build(made)
    return made


def found(built: Project, table: str, columns: str) -> dict[int, list[tuple[Any, ...]]]:
    rows = defaultdict(list)
    for sol, *values in built.query(f"select sol, {columns} from gold.{table} order by all"):
        rows[sol].append(tuple(values))
    return rows


def test_a_series_is_of_one_view_and_one_size_in_equal_steps(built: Project) -> None:
    rows = found(built, "image_sequences", "frames, missing_frames")
    assert {case: rows[SOL_OF[case]] for case in MOVIES} == {case: runs for case, (_, runs) in MOVIES.items()}


def test_a_panorama_joins_along_the_horizon_and_is_wider_than_a_frame(built: Project) -> None:
    rows = found(built, "panoramas", "frames, azimuth_from_deg, azimuth_to_deg, coverage_deg")
    assert {case: rows[SOL_OF[case]] for case in VIEWS} == {case: views for case, (_, views) in VIEWS.items()}


def test_a_pair_is_of_both_eyes_of_one_camera_at_one_time(built: Project) -> None:
    rows = found(built, "stereo_pairs", "left_photo_key")
    assert {case: len(rows[SOL_OF[case]]) for case in PAIRS} == {case: pairs for case, (_, pairs) in PAIRS.items()}
    ((newest,),) = rows[SOL_OF["versions"]]
    assert newest.endswith("M2")


def test_the_largest_numbers_of_pixels_break_no_build(built: Project) -> None:
    columns = "width_px, subframe_y, subframe_height, exposure_id is null"
    assert built.query(f"select {columns} from silver.photo_records where source = 'm20'") == [
        (100_000, 90_000, 100_000, False)
    ]


def test_the_circle_is_covered_as_it_is_degree_by_degree(built: Project) -> None:
    rows = found(built, "panoramas", "frames, azimuth_from_deg, coverage_deg")
    expected = {case: panoramas_of(arcs) for case, arcs in RANDOM.items()}
    assert {case: rows[SOL_OF[case]] for case in RANDOM} == expected
    widths = [width for panoramas in expected.values() for _, _, width in panoramas]
    assert len(widths) > 80
    assert {width == 360 for width in widths} == {True, False}
    assert sum(len(panoramas) > 1 for panoramas in expected.values()) > 5


def test_frames_that_come_late_or_leave_renumber_none_of_several_series_and_panoramas(built: Project) -> None:
    """After the others, because it changes the warehouse that they share."""
    pause, gap = "two runs with a pause between them", "with a gap"

    def ids() -> list[tuple[Any, ...]]:
        series = found(built, "image_sequences", "image_sequence_id")[SOL_OF[pause]]
        return series + found(built, "panoramas", "panorama_id")[SOL_OF[gap]]

    before = ids()
    assert len(set(before)) == 4
    series = [*MOVIES[pause][0], Frame(-25), Frame(687)]
    views = [*(frame for frame in VIEWS[gap][0] if frame.azimuth not in (0, 180)), Frame(-60, 20), Frame(360, 300)]
    built.warehouse.load([document(pause, series, hours=1), document(gap, views, hours=1)])
    build(built)
    assert found(built, "image_sequences", "frames")[SOL_OF[pause]] == [(5,), (6,)]
    assert found(built, "panoramas", "frames, coverage_deg")[SOL_OF[gap]] == [(3, 105), (3, 125)]
    assert ids() == before
