"""All rovers of a replica, and its responses: the v1 API, the raw-image feeds and the MMGIS files, without a web server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, Final

import orjson

from martian_moments.domain.rovers import ROVERS, Rover
from martian_moments.replica import m20, mer_path, msl
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.feeds import Dialect, Feed, GeneratedFeed, RecordedFeed
from martian_moments.replica.histories import (
    AnyHistory,
    GeneratedHistory,
    History,
    Late,
    NotRecordedError,
    RecordedHistory,
    SolPhotos,
    rover_object,
)
from martian_moments.replica.mission import generated_promises, plan_mission, promises_of
from martian_moments.replica.pds import PDSIndex
from martian_moments.replica.pictures.catalogue import Catalogue
from martian_moments.replica.recorded import Recording, manifest_of
from martian_moments.replica.responses import HTML, Response
from martian_moments.replica.traverse import Traverse

_CACHED_RESPONSES: Final = 640
"""Encoded sols kept: 500 sols of a benchmark and some more, about 100 MB of real sizes."""

_PAGE_SIZE: Final = 25
_MIRROR_PAGE_LIMIT: Final = 100

DIALECTS: Final = {dialect.source: dialect for dialect in (m20.DIALECT, msl.DIALECT)}
"""The raw-image feeds, by source."""

NOT_FOUND: Final = Response(
    b"<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1></body></html>", 404, HTML
)


@dataclass(frozen=True, slots=True)
class PhotoQuery:
    """What a client asks of ``/rovers/<rover>/photos``; None where the query does not say."""

    sol: int | None = None
    earth_date: date | None = None
    camera: str | None = None
    page: int | None = None
    per_page: int | None = None

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> PhotoQuery:
        """The query from its text; numbers that are none count as not given, as the original has it."""
        camera = query.get("camera")
        return cls(
            sol=_whole(query.get("sol")),
            earth_date=_day(query.get("earth_date")),
            camera=camera.upper() if camera else None,
            page=_whole(query.get("page")),
            per_page=_whole(query.get("per_page")),
        )


class Archive:
    """Every response of the replica at one moment. Immutable: :meth:`released` gives the archive of a later moment."""

    def __init__(self, config: ReplicaConfig, histories: Mapping[str, AnyHistory], late: Late) -> None:
        self.config = config
        self.histories = histories
        self._late = late
        self._recording = Recording(config.recorded) if config.recorded else None
        self._cached_photos = lru_cache(maxsize=_CACHED_RESPONSES)(self._photos)
        self._cached_manifest = lru_cache(maxsize=len(ROVERS))(self._manifest)

    def released(self, *, sols: int | None = None, photos: bool = False) -> Archive:
        """The archive after some of what is withheld has appeared.

        Args:
            sols: how many withheld sols appear, the oldest first; None for all of them.
            photos: whether the withheld photos of visible sols appear.
        """
        hidden = 0 if sols is None else max(0, self._late.sols - sols)
        late = Late(hidden, 0.0 if photos else self._late.share)
        histories = {name: history.later(late) for name, history in self.histories.items()}
        return Archive(self.config, histories, late)

    def rovers(self) -> Response:
        """``/rovers``. The listing is put together here, also for recorded rovers, and says so."""
        listing = [rover_object(history.rover, history.totals()) for history in self.histories.values()]
        listing.sort(key=lambda rover: rover["id"])
        return Response(orjson.dumps({"rovers": listing, "synthetic": True}))

    def manifest(self, rover: str) -> Response:
        """``/manifests/<rover>``."""
        return self._cached_manifest(rover.lower())

    def _manifest(self, rover: str) -> Response:
        history = self.histories.get(rover)
        return self._unknown_rover(rover) if history is None else Response(history.manifest())

    def photos(self, rover: str, query: PhotoQuery) -> Response:
        """``/rovers/<rover>/photos``."""
        return self._cached_photos(rover.lower(), query)

    def _photos(self, rover: str, query: PhotoQuery) -> Response:
        history = self.histories.get(rover)
        if history is None:
            return self._unknown_rover(rover)
        sol = _sol_asked(history.rover, query)
        try:
            return self._page(_no_photos(history) if sol is None else history.photos(sol), query)
        except NotRecordedError as error:
            return Response(orjson.dumps({"error": f"not recorded: {error}"}), status=503)

    def without_photos(self, rover: str, query: PhotoQuery) -> Response | None:
        """The well-formed response without photos to the same question; None for an unknown rover."""
        history = self.histories.get(rover.lower())
        return None if history is None else self._page(_no_photos(history), query)

    def _page(self, photos: SolPhotos, query: PhotoQuery) -> Response:
        paginated = self.config.paginated or query.page is not None
        if photos.whole and query.camera is None and not paginated:
            return Response(photos.whole)
        records = list(photos.records)
        if query.camera:
            pairs = zip(photos.records, photos.cameras, strict=True)
            records = [record for record, camera in pairs if camera == query.camera]
        response: dict[str, Any] = {"photos": records}
        if paginated:
            size = max(1, query.per_page or _PAGE_SIZE)
            page = max(1, query.page or 1)
            if self.config.paginated:
                size = min(size, _MIRROR_PAGE_LIMIT)
                response["pagination"] = {
                    "total_count": len(records),
                    "page": page,
                    "per_page": size,
                    "total_pages": -(-len(records) // size),
                }
            response["photos"] = records[(page - 1) * size : page * size]
        if photos.synthetic:
            response["synthetic"] = True
        return Response(orjson.dumps(response))

    def _unknown_rover(self, rover: str) -> Response:
        if self.config.paginated:
            return Response(orjson.dumps({"error": f"Rover '{rover}' not found"}), status=404)
        return Response(b'{"errors":"Invalid Rover Name"}', status=400)

    def images(self, source: str, query: Mapping[str, str]) -> Response:
        """A raw-image feed's response to a query."""
        feed = self.feeds.get(source)
        if feed is None:
            return NOT_FOUND
        try:
            return DIALECTS[source].response(feed, query, odd=self.config.odd_feeds)
        except NotRecordedError as error:
            return Response(orjson.dumps({"error": f"not recorded: {error}"}), status=503)

    def without_images(self, source: str, query: Mapping[str, str]) -> Response | None:
        """The well-formed response without images to the same query; None where there is none."""
        feed = self.feeds.get(source)
        return None if feed is None else DIALECTS[source].without_images(feed, query)

    @cached_property
    def feeds(self) -> Mapping[str, Feed]:
        """The raw-image feeds of the rovers that are served, by source."""
        served = [dialect for dialect in DIALECTS.values() if dialect.rover in self.histories]
        return {dialect.source: self._feed(dialect, self.histories[dialect.rover]) for dialect in served}

    def _feed(self, dialect: Dialect, history: AnyHistory) -> Feed:
        if isinstance(history, GeneratedHistory):
            return GeneratedFeed(dialect, history)
        fill = GeneratedFeed(dialect, GeneratedHistory(history.fill, Late())) if history.fill else None
        refused = history.sols if self.config.unrecorded == "refuse" else ()
        return RecordedFeed(dialect, history.recording.feed(dialect.source), fill, refused)

    def layer(self, name: str) -> Response:
        """``/<mission>/Layers/json/<name>``: the traverse or the waypoints of a rover that is served."""
        content = self.traverse.get(name)
        return NOT_FOUND if content is None else Response(content)

    @cached_property
    def traverse(self) -> Mapping[str, bytes]:
        """The MMGIS files by file name, recorded where the rover is."""
        return {
            f"{history.rover.mmgis}_{kind}.json": content
            for history in self.histories.values()
            if history.rover.mmgis
            for kind, content in zip(("traverse", "waypoints"), self._maps(history), strict=True)
            if content is not None
        }

    def _maps(self, history: AnyHistory) -> tuple[bytes | None, bytes | None]:
        if isinstance(history, GeneratedHistory):
            path, newest = Traverse(history.mission), history.newest_sol
            return orjson.dumps(path.legs(newest)), orjson.dumps(path.waypoints(newest))
        mission = str(history.rover.mmgis).lower()
        return history.recording.traverse(mission), history.recording.waypoints(mission)

    def mer_path(self, name: str) -> Response:
        """The file of the path of Spirit or Opportunity, recorded where the rover is."""
        content = self.mer_paths.get(name)
        return NOT_FOUND if content is None else Response(content, media_type=b"text/csv")

    @cached_property
    def mer_paths(self) -> Mapping[str, bytes]:
        """The path files of Spirit and Opportunity, by name."""
        files: dict[str, bytes] = {}
        for name, rover in mer_path.FILES.items():
            history = self.histories.get(rover)
            if isinstance(history, GeneratedHistory):
                files[name] = mer_path.MERPath(history.mission).file(history.newest_sol)
            elif history is not None and (recorded := history.recording.mer_path(rover)):
                files[name] = recorded
        return files

    def index(self, rover: str, volume: str, name: str, known: str | None) -> Response:
        """``/data/mer/<rover>/<volume>/index/<name>``; ``known`` is the ETag that the client holds."""
        index = self.indexes.get(rover)
        return (index and index.file(volume, name, known)) or NOT_FOUND

    @cached_property
    def indexes(self) -> Mapping[str, PDSIndex]:
        """The PDS indexes of the rovers that are generated, or filled in with what is."""
        return {rover: PDSIndex(history) for rover, history in self._generated.items() if rover in mer_path.FILES.values()}

    @cached_property
    def catalogues(self) -> Mapping[str, Catalogue]:
        """The pictures of the rovers that are generated, or filled in with what is."""
        seed, share = self.config.seed, self.config.bad_pictures
        return {rover: Catalogue(history, seed, share) for rover, history in self._generated.items()}

    @cached_property
    def _generated(self) -> Mapping[str, GeneratedHistory]:
        made = {rover: _made(history) for rover, history in self.histories.items()}
        return {rover: history for rover, history in made.items() if history is not None}


def open_archive(config: ReplicaConfig) -> Archive:
    """The archive at the start, with everything late still withheld.

    Raises:
        InputError: a recorded manifest is not readable.
    """
    late = Late(config.late_sols, config.late_share)
    return Archive(config, {name: _history(config, ROVERS[name], late) for name in config.rovers}, late)


def _history(config: ReplicaConfig, rover: Rover, late: Late) -> AnyHistory:
    if config.recorded:
        recording = Recording(config.recorded)
        if response := recording.manifest(rover.name):
            return RecordedHistory(rover, recording, response, config.unrecorded, config.seed)
    source = Recording(config.counts).manifest(rover.name) if config.counts else None
    promises = promises_of(manifest_of(source)) if source else list(generated_promises(rover, config.seed))
    return GeneratedHistory(plan_mission(rover, config.seed, promises[: config.sols], scale=config.scale), late)


def _made(history: AnyHistory) -> GeneratedHistory | None:
    if isinstance(history, GeneratedHistory):
        return history
    return GeneratedHistory(history.fill, Late()) if history.fill else None


def _no_photos(history: History) -> SolPhotos:
    return SolPhotos((), (), synthetic=history.synthetic)


def _sol_asked(rover: Rover, query: PhotoQuery) -> int | None:
    if query.sol is not None or query.earth_date is None:
        return query.sol
    days = (query.earth_date - rover.landing_date).days
    near: Iterable[int] = range(max(0, days * 97 // 100 - 1), max(0, days) + 1)
    return next((sol for sol in near if rover.v1_earth_date(sol) == query.earth_date), None)


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.lstrip("-").isdecimal() else None


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
