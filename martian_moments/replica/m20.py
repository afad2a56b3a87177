"""The raw-image feed of Mars 2020 as a replica reports it.

Every photo of the mission is a full frame here; some of the navigation cameras' come in tiles of one exposure, and most have
a thumbnail. Types are those of the real feed: numbers as text, and 'UNK' for what is not known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from martian_moments.domain.rovers import Rover
from martian_moments.replica.feeds import NOTHING, Dialect, Excerpt, Feed, Image, Question, a_number, excerpt, sol_bounds
from martian_moments.replica.histories import NotRecordedError
from martian_moments.replica.mission import Photo
from martian_moments.replica.responses import Response
from martian_moments.replica.spacecraft_clock import moment_of

_PAGE_LIMIT: Final = 100
_MISSION: Final = "mars2020"
_LIST: Final = "mars2020-images-list-1.1"
_UNKNOWN: Final = "UNK"

_TILES: Final = 3
_TILED_EVERY: Final = 5
_NO_THUMBNAIL_EVERY: Final = 6
_ZULU_UNTIL_SOL: Final = 4
"""In its first weeks the feed wrote times with a Z and without milliseconds."""

_SAMPLING: Final = re.compile(r"_N(?=\d{7})")
_V1_ENDING: Final = "00_2I4J01_1200.jpg"


def _tiles(camera: str, number: int) -> int:
    return _TILES if camera.startswith("NAVCAM") and number % _TILED_EVERY == 0 else 1


def _has_thumbnail(number: int) -> bool:
    return number % _NO_THUMBNAIL_EVERY != _NO_THUMBNAIL_EVERY - 1


def _count(camera: str, number: int) -> int:
    return _tiles(camera, number) + _has_thumbnail(number)


def _addresses(photo: Photo) -> list[str]:
    """The images of a photo, as addresses without rendition and extension: full frames in tiles first, then a thumbnail."""
    stem = photo.img_src.removesuffix(_V1_ENDING)
    addresses = [f"{stem}{tile:02}_2I4J01" for tile in range(_tiles(photo.camera, photo.shot.number))]
    if _has_thumbnail(photo.shot.number):
        addresses.append(_SAMPLING.sub("_T", addresses[0]))
    return addresses


def _image_id(address: str) -> str:
    # The feed leaves out the two digits of the version.
    return address.rpartition("/")[2][:-2]


def _ids(photo: Photo) -> Sequence[str]:
    return [_image_id(address) for address in _addresses(photo)]


def _images(rover: Rover, photo: Photo) -> Sequence[Image]:
    return [_image(rover, photo, address, tile) for tile, address in enumerate(_addresses(photo))]


def _image(rover: Rover, photo: Photo, address: str, tile: int) -> Image:
    shot, image_id = photo.shot, _image_id(address)
    thumbnail = "_T" in image_id
    milliseconds = shot.number % 1000
    taken = moment_of(shot.clock) + timedelta(milliseconds=milliseconds)
    mars_time = str(rover.mars_time_of(taken))
    camera = rover.cameras[photo.camera].full_name
    return {
        "extended": {
            **_pointing(photo),
            "sclk": f"{shot.clock}.{milliseconds:03}",
            "scaleFactor": _UNKNOWN if photo.camera == "SKYCAM" else "1",
            "xyz": f"({shot.drive * 0.2:.3f},-7.02897,0.0931684)" if shot.drive else "(0.0,0.0,0.0)",
            "subframeRect": f"({1 + tile * 1264},1,1288,968)",
            "dimension": "(64,48)" if thumbnail else "(1288,968)",
        },
        "sol": shot.sol,
        "attitude": "(0.616904,-0.0945242,0.0479905,-0.779867)",
        "image_files": {
            "medium": f"{address}_800.jpg",
            "small": f"{address}_320.jpg",
            "full_res": f"{address}.png",
            "large": f"{address}_1200.jpg",
        },
        "imageid": image_id,
        "camera": _camera(photo.camera),
        "caption": f"A generated image of Perseverance's {camera}. \n\nIt was not acquired on Mars ({mars_time}).",
        "sample_type": "Thumbnail" if thumbnail else "Full",
        "date_taken_mars": mars_time,
        "credit": "martian-moments replica",
        "date_taken_utc": _utc(taken, shot.sol),
        "json_link": f"https://mars.nasa.gov/rss/api/?feed=raw_images&category=mars2020&feedtype=json&id={image_id}",
        "link": f"https://mars.nasa.gov/mars2020/multimedia/raw-images/{image_id}",
        "drive": str(shot.drive),
        "title": f"Mars Perseverance Sol {shot.sol}: {camera}",
        "site": shot.site,
        "date_received": f"{taken + timedelta(hours=5):%Y-%m-%dT%H:%M:%SZ}",
    }


def _pointing(photo: Photo) -> dict[str, str]:
    on_mast = photo.camera.startswith(("NAVCAM", "MCZ", "SUPERCAM"))
    if not on_mast:
        return {"mastAz": _UNKNOWN, "mastEl": _UNKNOWN}
    return {"mastAz": f"{photo.shot.number * 7 % 360 - 180}.984", "mastEl": "-21.2951"}


def _camera(instrument: str) -> dict[str, str]:
    known = instrument != "SKYCAM"
    return {
        "filter_name": "ZCAM_L0_RGB" if instrument.startswith("MCZ") else _UNKNOWN,
        "camera_vector": "(0.626437,-0.776511,-0.067883)" if known else _UNKNOWN,
        "camera_model_component_list": "(1.01041,0.70639,-1.92531);(0.868858,-0.326305,0.372326);2.0;0.0"
        if known
        else _UNKNOWN,
        "camera_position": "(1.01041,0.70639,-1.92531)" if known else _UNKNOWN,
        "instrument": instrument,
        "camera_model_type": "CAHVORE" if known else _UNKNOWN,
    }


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


DIALECT: Final = Dialect("m20", "perseverance", "images", "imageid", _count, _ids, _images, response, without_images)
