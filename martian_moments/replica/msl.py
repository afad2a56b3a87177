"""The raw-image items of Mars Science Laboratory as a replica reports them.

Every photo of the mission is one item here, and most have others beside it: a thumbnail, a downsampled picture, a ChemCam
composite. Types are those of the real server: numbers are numbers, and what is not known is null.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from martian_moments.domain.rovers import Rover
from martian_moments.replica.feeds import NOTHING, Dialect, Excerpt, Feed, Image, Question, a_number, excerpt, sol_bounds
from martian_moments.replica.mission import Photo
from martian_moments.replica.responses import Response
from martian_moments.replica.spacecraft_clock import moment_of

_PAGE_SIZE: Final = 50
_PAGE_LIMIT: Final = 1_000
_MISSION: Final = "msl"
_RENDITIONS: Final = 4
"""Item ids per photo id."""

_NO_THUMBNAIL_EVERY: Final = 8
_DOWNSAMPLED_EVERY: Final = 5
_COMPOSITE_EVERY: Final = 4
_SUBFRAME_EVERY: Final = 3
_NO_TELEMETRY_UNTIL_SOL: Final = 3
"""Items of the first sols were imported later, without telemetry."""

# By v1 camera: the instrument whose prefix v1's file names carry, its name, its place in the server's order.
_INSTRUMENTS: Final = {
    "FHAZ": ("FHAZ_LEFT_B", "Front Hazcam: Left B", 3),
    "RHAZ": ("RHAZ_LEFT_B", "Rear Hazcam: Left B", 5),
    "NAVCAM": ("NAV_LEFT_B", "Left Navigation Camera", 7),
    "MAST": ("MAST_RIGHT", "Mast Camera (Mastcam): Right", 2),
    "CHEMCAM": ("CHEMCAM_RMI", "Chemistry & Camera (ChemCam)", 9),
    "MAHLI": ("MAHLI", "Mars Hand Lens Imager (MAHLI)", 10),
    "MARDI": ("MARDI", "Mars Descent Imager (MARDI)", 11),
}
_MALIN: Final = frozenset({"MAST", "MAHLI", "MARDI"})
_FILE_NAMES: Final = {
    "thumbnail": (("EDR_F", "EDR_T"), ("E01_DXXX", "I01_DXXX")),
    "downsampled": (("EDR_F", "EDR_D"),),
    "chemcam prc": (("EDR_F", "PRC_F"), (".JPG", ".PNG")),
}
"""How the file name of a rendition differs from the photo's."""

_SORT: Final = {"full": 1, "subframe": 2, "downsampled": 3, "thumbnail": 4, "chemcam prc": 999}


@dataclass(frozen=True, slots=True)
class _Rendition:
    """One item of a photo: its id, its product type, its address."""

    id: int
    sample_type: str
    url: str


def _sample_types(camera: str, number: int) -> Iterator[str]:
    yield "subframe" if camera in _MALIN and number % _SUBFRAME_EVERY == 0 else "full"
    if number % _NO_THUMBNAIL_EVERY != _NO_THUMBNAIL_EVERY - 1:
        yield "thumbnail"
    if camera == "NAVCAM" and number % _DOWNSAMPLED_EVERY == 0:
        yield "downsampled"
    if camera == "CHEMCAM" and number % _COMPOSITE_EVERY == 0:
        yield "chemcam prc"


def _count(camera: str, number: int) -> int:
    return sum(1 for _ in _sample_types(camera, number))


def _renditions(photo: Photo) -> Iterator[_Rendition]:
    for place, sample_type in enumerate(_sample_types(photo.camera, photo.shot.number)):
        url = photo.img_src
        for before, after in _FILE_NAMES.get(sample_type, ()):
            url = url.replace(before, after)
        yield _Rendition(photo.id * _RENDITIONS + place, sample_type, url)


def _ids(photo: Photo) -> Sequence[str]:
    return [str(rendition.id) for rendition in _renditions(photo)]


def _items(rover: Rover, photo: Photo) -> Sequence[Image]:
    return [_item(rover, photo, rendition) for rendition in _renditions(photo)]


def _item(rover: Rover, photo: Photo, rendition: _Rendition) -> Image:
    shot, taken = photo.shot, moment_of(photo.shot.clock)
    instrument, name, order = _INSTRUMENTS[photo.camera]
    reported = photo.camera not in _MALIN and shot.sol >= _NO_TELEMETRY_UNTIL_SOL
    on_mast = reported and photo.camera in {"NAVCAM", "CHEMCAM"}
    return {
        "id": rendition.id,
        "camera_vector": "(-0.799679,0.109951,-0.590275)" if reported else None,
        "site": shot.site if reported else None,
        "imageid": rendition.url.rpartition("/")[2].rpartition(".")[0],
        "subframe_rect": "(1,1,1024,1024)" if reported else None,
        "sol": shot.sol,
        "scale_factor": 1 if reported else None,
        "camera_model_component_list": "(0.795873,0.777822,-2.04002);(-0.796054,0.116464,-0.5939)" if reported else None,
        "instrument": instrument,
        "url": rendition.url,
        "spacecraft_clock": shot.clock + 0.148 if reported else None,
        "attitude": "(0.746473,-0.0212997,0.0353686,-0.664133)" if reported else None,
        "camera_position": "(0.795873,0.777822,-2.04002)" if reported else None,
        "camera_model_type": "CAHVOR" if reported else None,
        "drive": shot.drive if reported else None,
        "xyz": "(1.37636,0.164033,-0.0887201)" if reported else None,
        "created_at": _zulu(taken + timedelta(hours=40)),
        "updated_at": _zulu(taken + timedelta(hours=50)),
        "mission": _MISSION,
        "extended": {
            "lmst": str(rover.mars_time_of(taken)) if reported else None,
            "bucket": "msl-raws",
            "mast_az": "172.142" if on_mast else None,
            "mast_el": "36.2001" if on_mast else None,
            "url_list": rendition.url,
            "contributor": "MSSS" if photo.camera in _MALIN else "Team MSLICE",
            "filter_name": None,
            "sample_type": rendition.sample_type,
        },
        "date_taken": _zulu(taken),
        "date_received": _zulu(taken + timedelta(hours=18)),
        "instrument_sort": order,
        "sample_type_sort": _SORT[rendition.sample_type],
        "is_thumbnail": rendition.sample_type == "thumbnail",
        "title": f"Sol {shot.sol}: {name}",
        "description": f"A generated image of Curiosity's {name}, not acquired on Mars (Sol {shot.sol}).",
        "link": f"/raw_images/{rendition.id}",
        "image_credit": "martian-moments replica",
        "https_url": rendition.url.replace("http:", "https:", 1),
    }


def _zulu(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"


def _question(query: Mapping[str, str]) -> Question:
    first, last = sol_bounds(query.get(slot, "") for slot in ("condition_2", "condition_3"))
    return Question(
        first=first,
        last=last,
        page=a_number(query.get("page"), 0),
        size=min(a_number(query.get("per_page"), _PAGE_SIZE), _PAGE_LIMIT),
        ascending=query.get("order", "").startswith("sol asc"),
    )


def response(feed: Feed, query: Mapping[str, str], *, odd: bool) -> Response:
    """The server's response to a query. Raises NotRecordedError."""
    asked = _question(query)
    page = excerpt(feed, asked, odd=odd)
    return Response(page.recorded or orjson.dumps(_list(page, asked)))


def without_images(feed: Feed, query: Mapping[str, str]) -> Response:  # noqa: ARG001 - the signature of every feed
    """The well-formed response without items to the same query."""
    return Response(orjson.dumps(_list(NOTHING, _question(query))))


def _list(page: Excerpt, asked: Question) -> dict[str, Any]:
    mark = {"synthetic": True} if page.synthetic else {}
    return {
        "items": page.images,
        "more": page.more,
        "total": page.total,
        "page": asked.page,
        "per_page": asked.size,
        **mark,
    }


DIALECT: Final = Dialect("msl", "curiosity", "items", "id", _count, _ids, _items, response, without_images)
