"""One photo with everything that is known of it."""
# ruff: noqa: S608 - all SQL is of this package; values are bound.

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import orjson
from pydantic import BaseModel, Field, create_model

from martian_moments.serving.problems import Problem
from martian_moments.serving.query import rows
from martian_moments.serving.snapshot import Snapshot
from martian_moments.serving.v2.collection import as_json, columns_of
from martian_moments.serving.v2.models import row_model
from martian_moments.serving.v2.pages import Request, json_page
from martian_moments.serving.v2.photos import PHOTOS


@dataclass(frozen=True, slots=True)
class _Related:
    """Rows of another table that belong to a photo; the tables stand in the order of rover and sol, or of the picture."""

    name: str
    title: str
    table: tuple[str, str]
    condition: str
    description: str

    @property
    def listed(self) -> str:
        """An expression of the list of rows, as JSON."""
        types = {name: column.type for name, column in columns_of(*self.table).items()}
        return f"(select coalesce(to_json(list({as_json(types)})), '[]') from {'.'.join(self.table)} where {self.condition})"

    @property
    def model(self) -> type[BaseModel]:
        """The model of one of the rows."""
        return row_model(self.title, self.description, columns_of(*self.table))


_OF_SOL: Final = "rover = $rover and sol = $sol"
_OF_PHOTO: Final = f"{_OF_SOL} and photo_key = $photo_key"

_RELATED: Final = (
    _Related(
        *("ids", "IdOfPhoto", ("gold", "photo_ids"), _OF_PHOTO),
        "A number that leads to the photo in the v1 API.",
    ),
    _Related(
        *("provenance", "Provenance", ("gold", "photo_provenance")),
        "rover = $rover and product_identity = $product_identity",
        "A source that reports the picture.",
    ),
    _Related(
        *("changes", "LastChange", ("gold", "photo_changes"), _OF_PHOTO),
        "What happened to the photo last.",
    ),
    _Related(
        *("pictures", "HeldPicture", ("silver", "fact_images"), _OF_PHOTO),
        "The picture in the lake, under /pictures/, or why it is not held.",
    ),
    _Related(
        *("stereo_pairs", "PairOfPhoto", ("gold", "stereo_pairs")),
        f"{_OF_SOL} and $photo_key in (left_photo_key, right_photo_key)",
        "A pair of which it is one eye.",
    ),
    _Related(
        *("panoramas", "PanoramaOfPhoto", ("gold", "panoramas")),
        f"{_OF_SOL} and panorama_id in (select panorama_id from gold.panorama_frames where {_OF_PHOTO})",
        "A panorama of which it is a frame.",
    ),
    _Related(
        *("image_sequences", "SequenceOfPhoto", ("gold", "image_sequences")),
        f"{_OF_SOL} and image_sequence_id in (select image_sequence_id from gold.image_sequence_frames where {_OF_PHOTO})",
        "A series of which it is a frame.",
    ),
)

_SELECT: Final = "select " + ", ".join(f"cast({each.listed} as varchar)" for each in _RELATED)

_FIELDS: Final[dict[str, Any]] = {
    "photo": (row_model("WholePhoto", PHOTOS.description, PHOTOS.columns), Field(description="The photo.")),
    **{each.name: (list[each.model], Field(description=each.description)) for each in _RELATED},  # type: ignore[name-defined]
}

PhotoDetail: Final = create_model("PhotoDetail", __doc__="A photo with everything that is known of it.", **_FIELDS)


async def photo_detail(snapshot: Snapshot, photo_key: str) -> bytes:
    """A photo with everything that is known of it, as JSON.

    Raises:
        Problem: there is no such photo.
    """
    page = await json_page(snapshot, Request(PHOTOS, {"photo_key": (photo_key,)}))
    if not page.rows:
        raise Problem(404, f"no photo has the key {photo_key!r}; /api/v2/photos lists those that there are")
    (photo,) = page.rows
    found = orjson.loads(photo)
    bound = {name: found[name] for name in ("rover", "sol", "photo_key", "product_identity")}
    (lists,) = await rows(snapshot, _SELECT, bound)
    parts = [f'"photo":{photo}', *(f'"{each.name}":{text}' for each, text in zip(_RELATED, lists, strict=True))]
    return f"{{{','.join(parts)}}}".encode()
