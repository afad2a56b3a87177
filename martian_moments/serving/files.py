"""Files as they are: published tables and open formats, movies, pictures. Clients may ask for parts of them."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Mapping
from email.utils import format_datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response, StreamingResponse

from martian_moments.infrastructure.object_store import bare
from martian_moments.serving.dependencies import TheLake, ThePublished, current_snapshot
from martian_moments.serving.negotiation import field_of
from martian_moments.serving.problems import Problem
from martian_moments.serving.ranges import Unsatisfiable, has_changed, is_held, part_of
from martian_moments.warehouse.manifest import KEY

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

_log = logging.getLogger(__name__)

router = APIRouter(include_in_schema=False)

TYPES: Final[Mapping[str, str]] = {
    ".gif": "image/gif",
    ".gpkg": "application/geopackage+sqlite3",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".mp4": "video/mp4",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".tif": "image/tiff",
    ".txt": "text/plain; charset=utf-8",
    ".vtt": "text/vtt; charset=utf-8",
    ".webm": "video/webm",
    ".webp": "image/webp",
}
"""By the end of a file's name, in small letters. Anything else is bytes, which no browser shows or runs."""

_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+-]*(?:/[A-Za-z0-9][A-Za-z0-9._=+-]*){1,4}")
"""How the keys of movies and pictures look: no part of one begins with a dot."""

_CHUNK: Final = 256 * 1024
_ATTEMPTS: Final = 3
"""A file may be replaced between two looks at it."""


@router.get("/published")
@router.get("/published/")
async def published_files() -> Response:
    """What there is, is in the manifest."""
    return RedirectResponse(f"/published/{KEY}")


@router.get("/published/{key:path}")
async def published_file(key: str, request: Request, published: ThePublished) -> Response:
    """A published table or open format, or the manifest of all of them, as they are now."""
    manifest = await run_in_threadpool(published.manifest)
    if manifest is None:
        # Nothing was published yet: raises NotReady, as where tables are asked for.
        current_snapshot(request)
    if key != KEY and (manifest is None or key not in {file.key for _, file in manifest.files()}):
        raise Problem(404, f"/published/{KEY} names no such file")
    return await _file(request, published.store, key)


def _lake_key(request: Request) -> str:
    key = request.scope["path"].lstrip("/")
    if not _KEY.fullmatch(key):
        raise Problem(404, "the lake has no such file")
    return str(key)


LakeKey = Annotated[str, Depends(_lake_key)]


@router.get("/moments/{name}/{file}")
async def movie_file(key: LakeKey, request: Request, lake: TheLake) -> Response:
    """A movie, or what belongs to it."""
    return await _file(request, lake.store, key)


@router.get("/pictures/{rover}/{sol}/{file}")
async def picture(key: LakeKey, request: Request, lake: TheLake) -> Response:
    """The file of a photo, as it came."""
    return await _file(request, lake.store, key)


async def _file(request: Request, store: ObjectStore, key: str) -> Response:
    """The file, or the part of it, that is asked for."""
    from obstore.exceptions import BaseError, PreconditionError

    for _ in range(_ATTEMPTS):
        try:
            return await _response(request, store, key)
        except PreconditionError:
            continue
        except (FileNotFoundError, ValueError):
            raise Problem(404, "there is no such file") from None
        except (BaseError, OSError) as error:
            _log.warning("%s: %s", key, str(error).partition("\n")[0])
            break
    raise Problem(503, "the file cannot be read now", headers={"Retry-After": "2"})


async def _response(request: Request, store: ObjectStore, key: str) -> Response:
    meta = await store.head_async(key)
    headers = _headers(key, meta)
    etag, size, asked = headers["ETag"], meta["size"], request.headers
    if has_changed(etag, field_of(asked, "if-match")):
        raise Problem(412, "the file is another one than If-Match names", headers={"ETag": etag})
    if is_held(etag, field_of(asked, "if-none-match")):
        return Response(status_code=304, headers=headers)
    wanted = asked.get("range") if asked.get("if-range") in (None, etag) else None
    try:
        part = part_of(wanted, size)
    except Unsatisfiable:
        shown = {"Content-Range": f"bytes */{size}", "ETag": etag}
        raise Problem(416, f"the file has {size} bytes", headers=shown) from None
    start, end = part or (0, size)
    headers["Content-Length"] = str(end - start)
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return StreamingResponse(await _bytes(store, key, meta, start, end), 206 if part else 200, headers)


def _headers(key: str, meta: ObjectMeta) -> dict[str, str]:
    return {
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-cache",
        "Content-Type": TYPES.get(PurePosixPath(key).suffix.lower(), "application/octet-stream"),
        "ETag": f'"{bare(meta["e_tag"])}"',
        "Last-Modified": format_datetime(meta["last_modified"], usegmt=True),
    }


async def _bytes(store: ObjectStore, key: str, meta: ObjectMeta, start: int, end: int) -> AsyncIterator[bytes]:
    """Of the state that was looked at; raises PreconditionError, before any byte, when it is not there any more."""
    if start == end:
        return _nothing()
    found = await store.get_async(key, options={"if_match": meta["e_tag"], "range": (start, end)})

    async def chunks() -> AsyncIterator[bytes]:
        async for chunk in found.stream(min_chunk_size=_CHUNK):
            yield bytes(chunk)

    return chunks()


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
