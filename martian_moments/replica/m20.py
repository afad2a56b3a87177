"""The raw-image feed of Mars 2020 as a replica reports it.

Every photo of the mission is a full frame here; the stereo pairs after drives come in four tiles that overlap by 16 pixels,
and most photos have a thumbnail. Types are those of the real feed: numbers as text, and 'UNK' for what is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, NamedTuple

import orjson

from martian_moments.domain.rovers import Rover
from martian_moments.replica.feeds import NOTHING, Dialect, Excerpt, Feed, Image, Question, a_number, excerpt, sol_bounds
from martian_moments.replica.file_names import Shot
from martian_moments.replica.histories import NotRecordedError
from martian_moments.replica.mission import Photo
from martian_moments.replica.optics import Optics
from martian_moments.replica.pictures.published import Part, Published
from martian_moments.replica.pointing import Frame, Sight, attitude, centre, exact, model, model_type, text, whole
from martian_moments.replica.responses import Response
from martian_moments.replica.spacecraft_clock import moment_of

_PAGE_LIMIT: Final = 100
_MISSION: Final = "mars2020"
_LIST: Final = "mars2020-images-list-1.1"
_UNKNOWN: Final = "UNK"

_NO_THUMBNAIL_EVERY: Final = 6
_ZULU_UNTIL_SOL: Final = 4
"""In its first weeks the feed wrote times with a Z and without milliseconds."""

_TILED: Final = 2
"""A picture in tiles has so many columns and rows of them, and detector pixels per pixel."""

_BORDER: Final = 16
"""Detector pixels at the inner sides of a tile that the next one shows too."""

_WIDTHS: Final = (1200, 800, 320)
"""Of the renditions beside the PNG of a picture, in pixels: large, medium and small."""

_UNSEEN_SIZE: Final = (1056, 1024)
_SAMPLING: Final = re.compile(r"_N(?=\d{7})")
_V1_ENDING: Final = "00_2I4J01_1200.jpg"


def _frames(shot: Shot) -> Sequence[Frame | None]:
    """What of the detector each image of a photo shows: its tiles or all, then a thumbnail; None if unknown."""
    looking = shot.look.sight
    if looking is None:
        return (None,) * _count(shot)
    frames = _tiles(looking.optics) if _is_tiled(shot) else (whole(looking.optics, looking.optics.scale),)
    return (*frames, whole(looking.optics, looking.optics.thumbnail_scale)) if _has_thumbnail(shot.number) else frames


@cache
def _tiles(optics: Optics) -> Sequence[Frame]:
    """The tiles of a picture at half the resolution, in two columns and two rows that overlap by a border."""
    width, height = (side // _TILED for side in optics.size)
    return [
        Frame(1 + column * (width - _BORDER), 1 + row * (height - _BORDER), width + _BORDER, height + _BORDER, _TILED)
        for row in range(_TILED)
        for column in range(_TILED)
    ]


def _is_tiled(shot: Shot) -> bool:
    return shot.observation.kind.tiled


def _has_thumbnail(number: int) -> bool:
    return number % _NO_THUMBNAIL_EVERY != _NO_THUMBNAIL_EVERY - 1


def _count(shot: Shot) -> int:
    return _pictures(shot) + _has_thumbnail(shot.number)


def _pictures(shot: Shot) -> int:
    return _TILED * _TILED if _is_tiled(shot) else 1


def _addresses(photo: Photo) -> list[str]:
    """The images of a photo, as addresses without rendition and extension: full frames in tiles first, then a thumbnail."""
    stem = photo.img_src.removesuffix(_V1_ENDING)
    addresses = [f"{stem}{tile:02}_2I4J01" for tile in range(_pictures(photo.shot))]
    if _has_thumbnail(photo.shot.number):
        addresses.append(_SAMPLING.sub("_T", addresses[0]))
    return addresses


def _image_id(address: str) -> str:
    # The feed leaves out the two digits of the version.
    return address.rpartition("/")[2][:-2]


def _ids(photo: Photo) -> Sequence[str]:
    return [_image_id(address) for address in _addresses(photo)]


def published(photo: Photo) -> Iterator[Published]:
    """The pictures of a photo, and the four addresses of each."""
    frames, count = _frames(photo.shot), _pictures(photo.shot)
    for place, (address, frame) in enumerate(zip(_addresses(photo), frames, strict=True)):
        part = Part.THUMBNAIL if place == count else Part.TILE if count > 1 else Part.WHOLE
        size = _UNSEEN_SIZE if frame is None else frame.delivered
        addresses = [(f"{address}.png", None), *((f"{address}_{width}.jpg", width) for width in _WIDTHS)]
        yield Published(_image_id(address), part, frame, size, addresses)


def _images(rover: Rover, photo: Photo) -> Sequence[Image]:
    shot = photo.shot
    taken = moment_of(shot.clock) + timedelta(milliseconds=shot.milliseconds)
    mars_time = str(rover.mars_time_of(taken))
    camera = rover.cameras[photo.camera].full_name
    of_photo = {
        "sclk": f"{shot.clock}.{shot.milliseconds:03}",
        "xyz": f"({shot.drive * 0.2:.3f},-7.02897,0.0931684)" if shot.drive else "(0.0,0.0,0.0)",
        "attitude": attitude(shot.heading_deg),
        "caption": f"A generated image of Perseverance's {camera}. \n\nIt was not acquired on Mars ({mars_time}).",
        "date_taken_mars": mars_time,
        "date_taken_utc": _utc(taken, shot.sol),
        "drive": str(shot.drive),
        "title": f"Mars Perseverance Sol {shot.sol}: {camera}",
        "date_received": f"{taken + timedelta(hours=5):%Y-%m-%dT%H:%M:%SZ}",
    }
    frames = _frames(shot)
    thumbnail = len(frames) - 1 if _has_thumbnail(shot.number) else None
    return [
        _image(photo, of_photo, address, frame, is_thumbnail=place == thumbnail)
        for place, (address, frame) in enumerate(zip(_addresses(photo), frames, strict=True))
    ]


def _image(photo: Photo, of_photo: Mapping[str, str], address: str, frame: Frame | None, *, is_thumbnail: bool) -> Image:
    shot, image_id, looking = photo.shot, _image_id(address), photo.shot.look.sight
    shown = _UNSEEN if looking is None or frame is None else _seen(photo.camera, looking, frame)
    return {
        "extended": {
            "mastAz": shown.mast_azimuth,
            "mastEl": shown.mast_elevation,
            "sclk": of_photo["sclk"],
            "scaleFactor": shown.scale,
            "xyz": of_photo["xyz"],
            "subframeRect": shown.subframe,
            "dimension": shown.dimension,
        },
        "sol": shot.sol,
        "attitude": of_photo["attitude"],
        "image_files": {
            "medium": f"{address}_{_WIDTHS[1]}.jpg",
            "small": f"{address}_{_WIDTHS[2]}.jpg",
            "full_res": f"{address}.png",
            "large": f"{address}_{_WIDTHS[0]}.jpg",
        },
        "imageid": image_id,
        "camera": shown.camera,
        "caption": of_photo["caption"],
        "sample_type": "Thumbnail" if is_thumbnail else "Full",
        "date_taken_mars": of_photo["date_taken_mars"],
        "credit": "martian-moments replica",
        "date_taken_utc": of_photo["date_taken_utc"],
        "json_link": f"https://mars.nasa.gov/rss/api/?feed=raw_images&category=mars2020&feedtype=json&id={image_id}",
        "link": f"https://mars.nasa.gov/mars2020/multimedia/raw-images/{image_id}",
        "drive": of_photo["drive"],
        "title": of_photo["title"],
        "site": shot.site,
        "date_received": of_photo["date_received"],
    }


class _Shown(NamedTuple):
    """What the feed says of the frame of a picture, the same for every picture with this frame and direction."""

    mast_azimuth: str
    mast_elevation: str
    scale: str
    subframe: str
    dimension: str
    camera: Mapping[str, str]


_UNSEEN: Final = _Shown(
    _UNKNOWN,
    _UNKNOWN,
    _UNKNOWN,
    "(1,1,2048,1024)",
    text(_UNSEEN_SIZE),
    {
        "filter_name": _UNKNOWN,
        "camera_vector": _UNKNOWN,
        "camera_model_component_list": _UNKNOWN,
        "camera_position": _UNKNOWN,
        "instrument": "SKYCAM",
        "camera_model_type": _UNKNOWN,
    },
)
"""Of the one camera whose pictures do not say where they look."""


@cache
def _seen(instrument: str, looking: Sight, frame: Frame) -> _Shown:
    turns = looking.optics.fixed is None
    camera = {
        "filter_name": f"ZCAM_{instrument[4]}0_RGB" if instrument.startswith("MCZ") else _UNKNOWN,
        "camera_vector": exact(centre(looking, frame)),
        "camera_model_component_list": model(looking, frame),
        "camera_position": text(looking.position),
        "instrument": instrument,
        "camera_model_type": model_type(looking),
    }
    return _Shown(
        f"{looking.azimuth_deg:.6g}" if turns else _UNKNOWN,
        f"{looking.elevation_deg:.6g}" if turns else _UNKNOWN,
        str(frame.scale),
        text(frame[:4]),
        text(frame.delivered),
        camera,
    )


def _utc(taken: datetime, sol: int) -> str:
    if sol < _ZULU_UNTIL_SOL:
        return f"{taken:%Y-%m-%dT%H:%M:%SZ}"
    return taken.replace(tzinfo=None).isoformat(timespec="milliseconds")


def _question(query: Mapping[str, str]) -> Question:
    # Conditions count in the slots 2 and 3 only, as with the real feed.
    first, last = sol_bounds(query.get(slot, "") for slot in ("condition_2", "condition_3"))
    return Question(
        first=first,
        last=last,
        page=a_number(query.get("page"), 0),
        size=min(a_number(query.get("num"), _PAGE_LIMIT), _PAGE_LIMIT),
        ascending=query.get("order") == "sol asc",
    )


def response(feed: Feed, query: Mapping[str, str], *, odd: bool) -> Response:
    """The feed's response to a query. Raises NotRecordedError."""
    if query.get("latest") == "true":
        return Response(orjson.dumps(_latest(feed)))
    asked = _question(query)
    page = excerpt(feed, asked, odd=odd)
    return Response(page.recorded or orjson.dumps(_list(page, asked, sum(feed.counts.values()))))


def without_images(feed: Feed, query: Mapping[str, str]) -> Response | None:
    """The well-formed response without images to the same query; None where it does not ask for a list."""
    if query.get("latest") == "true":
        return None
    return Response(orjson.dumps(_list(NOTHING, _question(query), sum(feed.counts.values()))))


def _list(page: Excerpt, asked: Question, total_images: int) -> dict[str, Any]:
    nothing = {} if page.images else {"error_message": "No more images."}
    return {
        "images": page.images,
        "per_page": str(asked.size),
        **nothing,
        "total_results": page.total if page.images else 0,
        "type": _LIST,
        "page": asked.page,
        "mission": _MISSION,
        "total_images": total_images,
        **({"synthetic": True} if page.synthetic else {}),
    }


def _latest(feed: Feed) -> dict[str, Any]:
    newest = list(feed.sols[:-3:-1])
    if not newest:
        raise NotRecordedError("no sol of the Mars 2020 feed was recorded")
    images = feed.images(newest[0])
    return {
        "latest": max(image["date_received"] for image in images),
        "new_count": sum(feed.counts[sol] for sol in newest),
        "sol_count": len(images),
        "latest_sols": newest,
        "total": sum(feed.counts.values()),
        "type": "mars2020-latest-images-1.1",
        "latest_sol": newest[0],
        "synthetic": True,
    }


DIALECT: Final = Dialect(
    "m20", "perseverance", "images", "imageid", _count, _pictures, _ids, _images, response, without_images
)
