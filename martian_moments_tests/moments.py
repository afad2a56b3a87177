"""A moment of a few generated pictures: photos that are published, and a server that has their pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from martian_moments.domain.errors import MartianError, NoPicture
from martian_moments.domain.moments import Moment, MomentKind, Sols
from martian_moments.domain.pictures import Fault, Picture, held
from martian_moments.lake.store import Lake
from martian_moments.media.choosing import Candidate
from martian_moments.media.quality import measure
from martian_moments.pipelines.images import Outcome, PictureResult, Wanted
from martian_moments.warehouse.published import Published
from martian_moments_tests.published_tables import publish_rows
from martian_moments_tests.unit.media.pictures import encoded, textured

NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)
WIDTH, HEIGHT = 320, 240

DRIVE = Moment(
    name="drive",
    title="A drive",
    rover="perseverance",
    cameras=("FRONT_HAZCAM_LEFT_A",),
    kind=MomentKind.DRIVE,
    sols=Sols(),
    fps=10,
)


def photo(number: int, stop: int | None = None, **columns: Any) -> dict[str, Any]:
    """A row of silver.fact_photos, by default of a stop of its own."""
    return {
        "photo_key": f"perseverance|m20|{number:04}",
        "rover": "perseverance",
        "sol": 100 + number // 10,
        "source": "m20",
        "source_id": f"FLF_{number:04}",
        "camera": "FRONT_HAZCAM_LEFT_A",
        "source_camera": "FRONT_HAZCAM_LEFT_A",
        "taken_at_utc": NOON + timedelta(minutes=number),
        "lmst": f"Sol-{100 + number // 10:05}M{10 + number % 10:02}:30:00.000",
        "site": 4,
        "drive": number if stop is None else stop,
        "exposure_id": f"perseverance|FL|{number}",
        "color_kind": "rgb",
        "product_type": "full",
        "is_thumbnail": False,
        "width_px": WIDTH,
        "height_px": HEIGHT,
        "credit": "NASA/JPL-Caltech",
        "image_url": f"https://mars.example/{number}.jpg",
        "image_url_full": f"https://mars.example/{number}.png",
        "fetched_at": NOON,
        **columns,
    }


def publish_photos(published: Published, rows: Sequence[Mapping[str, Any]]) -> None:
    """Publish silver.fact_photos with these rows."""
    publish_rows(published, {"silver/fact_photos": rows})


@dataclass
class Pictures:
    """A server of the pictures of :func:`photo`.

    Attributes:
        means: how bright some of them are; the others are 110 or a little more.
        faults: what some addresses give instead.
        asked: the numbers that were asked for, in order.
    """

    lake: Lake
    means: dict[int, float] = field(default_factory=dict)
    faults: dict[int, Fault] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)

    def body(self, number: int) -> bytes:
        """The file."""
        pixels = textured(WIDTH, HEIGHT, seed=number, mean=self.means.get(number, 110 + number % 5))
        return encoded(pixels[..., None].repeat(3, axis=2), "JPEG", quality=85)

    def result(self, each: Candidate) -> PictureResult:
        """What becomes of one that is wanted; what arrives is kept in the lake."""
        number = int(each.photo_key[-4:])
        self.asked.append(number)
        assert each.address is not None
        wanted = Wanted(each.photo_key, each.address)
        if fault := self.faults.get(number):
            error: MartianError = NoPicture(f"{each.address}: {fault}", fault=fault)
            record = Picture(each.photo_key, each.address, NOON, error=fault)
            return PictureResult(each.sol, wanted, Outcome.FAILED, record, error)
        key, body = f"pictures/rover={each.rover}/sol={each.sol:05}/{number}.jpg", self.body(number)
        self.lake.put_bytes(key, body)
        record = replace(held(each.photo_key, each.address, key, body, measure(body)), fetched_at=NOON)
        return PictureResult(each.sol, wanted, Outcome.FETCHED, record)

    async def ask(self, wanted: Sequence[Candidate]) -> Sequence[PictureResult]:
        """Have pictures fetched, as pipelines.moments wants it."""
        return [self.result(each) for each in wanted]


def opened(folder: Path) -> tuple[Lake, Published]:
    """A lake and published tables in a folder."""
    return Lake((folder / "lake").as_uri()), Published((folder / "published").as_uri())
