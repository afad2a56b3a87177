"""The raw-image items of Mars Science Laboratory as a replica reports them.

Every photo of the mission is one item here, and most have others beside it: a thumbnail, a downsampled picture, a ChemCam
composite. Types are those of the real server: numbers are numbers, and what is not known is null.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, NamedTuple

import orjson

from martian_moments.domain.rovers import Rover
from martian_moments.replica.feeds import NOTHING, Dialect, Excerpt, Feed, Image, Question, a_number, excerpt, sol_bounds
from martian_moments.replica.file_names import Shot
from martian_moments.replica.mission import Photo
from martian_moments.replica.pictures.published import Part, Published
from martian_moments.replica.pointing import Sight, attitude, centre, exact, model, model_type, text, whole
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
NO_TELEMETRY_UNTIL_SOL: Final = 3
"""Items of the first sols were imported later, without telemetry."""

# By v1 camera and eye: the instrument whose prefix v1's file names carry, its name, its place in the server's order.
_INSTRUMENTS: Final = {
    ("MAST", "L"): ("MAST_LEFT", "Mast Camera (Mastcam): Left", 1),
    ("MAST", "R"): ("MAST_RIGHT", "Mast Camera (Mastcam): Right", 2),
    ("FHAZ", "L"): ("FHAZ_LEFT_B", "Front Hazcam: Left B", 3),
    ("FHAZ", "R"): ("FHAZ_RIGHT_B", "Front Hazcam: Right B", 4),
    ("RHAZ", "L"): ("RHAZ_LEFT_B", "Rear Hazcam: Left B", 5),
    ("RHAZ", "R"): ("RHAZ_RIGHT_B", "Rear Hazcam: Right B", 6),
    ("NAVCAM", "L"): ("NAV_LEFT_B", "Left Navigation Camera", 7),
    ("NAVCAM", "R"): ("NAV_RIGHT_B", "Right Navigation Camera", 8),
    ("CHEMCAM", "N"): ("CHEMCAM_RMI", "Chemistry & Camera (ChemCam)", 9),
    ("MAHLI", "N"): ("MAHLI", "Mars Hand Lens Imager (MAHLI)", 10),
    ("MARDI", "N"): ("MARDI", "Mars Descent Imager (MARDI)", 11),
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


def _count(shot: Shot) -> int:
    return sum(1 for _ in _sample_types(shot.look.camera, shot.number))


def _pictures(shot: Shot) -> int:  # noqa: ARG001 - the signature of every feed
    return 1


def _renditions(photo: Photo) -> Iterator[_Rendition]:
    for place, sample_type in enumerate(_sample_types(photo.camera, photo.shot.number)):
        url = photo.img_src
        for before, after in _FILE_NAMES.get(sample_type, ()):
            url = url.replace(before, after)
        yield _Rendition(photo.id * _RENDITIONS + place, sample_type, url)


_PARTS: Final = {
    "full": Part.WHOLE,
    "subframe": Part.SUBFRAME,
    "downsampled": Part.DOWNSAMPLED,
    "thumbnail": Part.THUMBNAIL,
    "chemcam prc": Part.COMPOSITE,
}
_SIZES_OF_MALIN: Final = {Part.WHOLE: (1344, 1200), Part.SUBFRAME: (1152, 432), Part.THUMBNAIL: (160, 144)}


def published(photo: Photo) -> Iterator[Published]:
    """The pictures of a photo, each at one address."""
    looking = photo.shot.look.sight
    for rendition in _renditions(photo):
        part = _PARTS[rendition.sample_type]
        frame = None if looking is None else whole(looking.optics, _scale(looking, rendition.sample_type))
        size = _SIZES_OF_MALIN[part] if frame is None else frame.delivered
        yield Published(str(rendition.id), part, frame, size, [(rendition.url, None)])


def _scale(looking: Sight, sample_type: str) -> int:
    return {"thumbnail": looking.optics.thumbnail_scale, "downsampled": 2}.get(sample_type, 1)


def _ids(photo: Photo) -> Sequence[str]:
    return [str(rendition.id) for rendition in _renditions(photo)]


def _items(rover: Rover, photo: Photo) -> Sequence[Image]:
    shot, taken = photo.shot, moment_of(photo.shot.clock)
    looking = shot.look.sight if shot.sol >= NO_TELEMETRY_UNTIL_SOL else None
    times = {
        "lmst": None if looking is None else str(rover.mars_time_of(taken)),
        "taken": _zulu(taken),
        "received": _zulu(taken + timedelta(hours=18)),
        "created": _zulu(taken + timedelta(hours=40)),
        "updated": _zulu(taken + timedelta(hours=50)),
    }
    return [_item(photo, looking, times, rendition) for rendition in _renditions(photo)]


class _Shown(NamedTuple):
    """What the server says of the frame of a picture, the same for every picture with this scale and direction."""

    camera_vector: str | None = None
    subframe_rect: str | None = None
    scale_factor: int | None = None
    components: str | None = None
    position: str | None = None
    model_type: str | None = None
    mast_azimuth: str | None = None
    mast_elevation: str | None = None


_UNSEEN: Final = _Shown()


@cache
def _seen(looking: Sight, scale: int) -> _Shown:
    frame = whole(looking.optics, scale)
    turns = looking.optics.fixed is None
    return _Shown(
        exact(centre(looking, frame)),
        # In pixels of the picture, as in the real downsampled ones: (1,1,512,512) at scale 2.
        text((1, 1, *frame.delivered)),
        scale,
        model(looking, frame),
        text(looking.position),
        model_type(looking),
        f"{looking.azimuth_deg % 360:.6g}" if turns else None,
        f"{looking.elevation_deg:.6g}" if turns else None,
    )


def _item(photo: Photo, looking: Sight | None, times: Mapping[str, str | None], rendition: _Rendition) -> Image:
    shot, sample_type = photo.shot, rendition.sample_type
    instrument, name, order = _INSTRUMENTS[photo.camera, shot.look.eye]
    reported = looking is not None
    shown = _UNSEEN if looking is None else _seen(looking, _scale(looking, sample_type))
    return {
        "id": rendition.id,
        "camera_vector": shown.camera_vector,
        "site": shot.site if reported else None,
        "imageid": rendition.url.rpartition("/")[2].rpartition(".")[0],
        "subframe_rect": shown.subframe_rect,
        "sol": shot.sol,
        "scale_factor": shown.scale_factor,
        "camera_model_component_list": shown.components,
        "instrument": instrument,
        "url": rendition.url,
        "spacecraft_clock": shot.clock + 0.148 if reported else None,
        "attitude": attitude(shot.heading_deg) if reported else None,
        "camera_position": shown.position,
        "camera_model_type": shown.model_type,
        "drive": shot.drive if reported else None,
        "xyz": "(1.37636,0.164033,-0.0887201)" if reported else None,
        "created_at": times["created"],
        "updated_at": times["updated"],
        "mission": _MISSION,
        "extended": {
            "lmst": times["lmst"],
            "bucket": "msl-raws",
            "mast_az": shown.mast_azimuth,
            "mast_el": shown.mast_elevation,
            "url_list": rendition.url,
            "contributor": "MSSS" if photo.camera in _MALIN else "Team MSLICE",
            "filter_name": None,
            "sample_type": rendition.sample_type,
        },
        "date_taken": times["taken"],
        "date_received": times["received"],
        "instrument_sort": order,
        "sample_type_sort": _SORT[rendition.sample_type],
        "is_thumbnail": rendition.sample_type == "thumbnail",
        "title": f"Sol {shot.sol}: {name}",
        "description": f"A generated image of Curiosity's {name}, not acquired on Mars (Sol {shot.sol}).",
        "link": f"/raw_images/{rendition.id}",
        "image_credit": "martian-moments replica",
        "https_url": rendition.url,  # the replica speaks no TLS
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


DIALECT: Final = Dialect("msl", "curiosity", "items", "id", _count, _pictures, _ids, _items, response, without_images)
