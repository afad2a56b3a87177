"""The replica as a web server on one address: v1 under ``/api/v1``, the raw-image feeds, MMGIS, and its own controls.

Addresses of generated pictures in its responses are its own, by the name under which the client knows it.

Controls: ``GET /truth``, ``/truth/ids?source=s&rover=r``, ``/truth/observations?source=s&rover=r`` and
``/truth/pictures?source=s&rover=r&sol=n``; ``GET`` and ``POST /control/faults``; ``POST /control/late``; ``GET
/control/requests``; ``POST /control/reset-counters``. They are never faulty and never counted.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from martian_moments.domain.errors import InputError
from martian_moments.replica.archive import NOT_FOUND, PhotoQuery, open_archive
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.faults import ELSEWHERE, FaultPlan, FaultStream, spoil
from martian_moments.replica.feeds import a_number
from martian_moments.replica.file_names import PICTURES
from martian_moments.replica.pictures.catalogue import rover_of
from martian_moments.replica.pictures.files import picture_response
from martian_moments.replica.responses import TRANSPORT, Reply, Response
from martian_moments.replica.truth import ids_of, observations_of, pictures_of, truth_of

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request


class Replica:
    """The handlers. Each takes a request and returns the reply."""

    def __init__(self, config: ReplicaConfig) -> None:
        self._seed = config.seed
        self._archive = open_archive(config)
        self._faults = FaultStream(config.faults, config.seed)
        self._requests: Counter[str] = Counter()
        self._faulty: Counter[str] = Counter()

    async def rovers(self, request: Request) -> Reply:
        """``/api/v1/rovers``."""
        return await self._upstream(request, self._archive.rovers())

    async def manifest(self, request: Request) -> Reply:
        """``/api/v1/manifests/<rover>``."""
        return await self._upstream(request, self._archive.manifest(request.path_params["rover"]))

    async def photos(self, request: Request) -> Reply:
        """``/api/v1/rovers/<rover>/photos``."""
        rover, query = request.path_params["rover"], PhotoQuery.parse(request.query_params)
        response = self._archive.photos(rover, query)
        return await self._upstream(request, response, lambda: self._archive.without_photos(rover, query))

    async def m20(self, request: Request) -> Reply:
        """``/rss/api/``."""
        return await self._images(request, "m20")

    async def msl(self, request: Request) -> Reply:
        """``/api/v1/raw_image_items/``."""
        return await self._images(request, "msl")

    async def _images(self, request: Request, source: str) -> Reply:
        archive, query = self._archive, dict(request.query_params)
        return await self._upstream(request, archive.images(source, query), lambda: archive.without_images(source, query))

    async def layer(self, request: Request) -> Reply:
        """``/mmgis-maps/<mission>/Layers/json/<name>``."""
        return await self._upstream(request, self._archive.layer(request.path_params["name"]))

    async def mer_path(self, request: Request) -> Reply:
        """``/mer/<name>``."""
        return await self._upstream(request, self._archive.mer_path(request.path_params["name"]))

    async def index(self, request: Request) -> Reply:
        """``/img/data/mer/<rover>/<volume>/index/<name>``."""
        asked, known = request.path_params, request.headers.get("if-none-match")
        return await self._upstream(request, self._archive.index(asked["rover"], asked["volume"], asked["name"], known))

    async def picture(self, request: Request) -> Reply:
        """The address of a picture, whichever record names it."""
        path = request.scope["path"]
        catalogue = self._archive.catalogues.get(rover_of(path) or "")
        picture = catalogue.find(path) if catalogue else None
        if picture is None:
            return await self._upstream(request, NOT_FOUND, of_picture=True)
        # Drawing takes some milliseconds, in which others are to be served.
        response = await asyncio.to_thread(picture_response, picture, request.headers)
        return await self._upstream(request, response, of_picture=True)

    async def nothing(self, request: Request) -> Reply:
        """Any other address: a web page, as from NASA's servers."""
        return await self._upstream(request, NOT_FOUND)

    async def _upstream(
        self,
        request: Request,
        response: Response,
        without_photos: Callable[[], Response | None] = lambda: None,
        *,
        of_picture: bool = False,
    ) -> Reply:
        path, query = request.scope["path"], request.scope["query_string"].decode()
        self._requests[f"{path}?{query}" if query else path] += 1
        plan, fault = self._faults.plan, self._faults.next(path, of_picture=of_picture)
        if plan.latency_ms:
            await asyncio.sleep(plan.latency_ms / 1000)
        response = _here(request, response)
        if fault is None:
            return response
        self._faulty[fault.value] += 1
        return spoil(fault, response, plan, empty=without_photos(), elsewhere=_elsewhere(request))

    async def truth(self, request: Request) -> Reply:  # noqa: ARG002 - the handler's signature
        """``GET /truth``."""
        return _json(truth_of(self._archive))

    async def ids(self, request: Request) -> Reply:
        """``GET /truth/ids?source=s&rover=r``."""
        query = request.query_params
        return _json(ids_of(self._archive, query.get("source", ""), query.get("rover", "")))

    async def observations(self, request: Request) -> Reply:
        """``GET /truth/observations?source=s&rover=r``."""
        query = request.query_params
        return _json(observations_of(self._archive, query.get("source", ""), query.get("rover", "")))

    async def pictures(self, request: Request) -> Reply:
        """``GET /truth/pictures?source=s&rover=r&sol=n``."""
        query = request.query_params
        truth = pictures_of(self._archive, query.get("source", ""), query.get("rover", ""), a_number(query.get("sol"), -1))
        return _here(request, _json(truth))

    async def faults(self, request: Request) -> Reply:
        """``GET`` the fault plan, or ``POST`` a new one, whose faults start from the seed again."""
        if request.method == "POST":
            try:
                plan = FaultPlan.from_json(orjson.loads(await request.body()))
            except (InputError, orjson.JSONDecodeError) as error:
                return _json({"error": str(error)}, status=400)
            self._faults = FaultStream(plan, self._seed)
        return _json(self._faults.plan.to_json())

    async def late(self, request: Request) -> Reply:
        """``POST /control/late``: ``{"sols": n, "photos": true}``; an empty object releases everything."""
        try:
            wanted = orjson.loads(await request.body() or b"{}")
            sols = None if not wanted else int(wanted.get("sols", 0))
            photos = not wanted or bool(wanted.get("photos", False))
        except (ValueError, TypeError, AttributeError) as error:
            return _json({"error": f"the release is not understood: {error}"}, status=400)
        self._archive = self._archive.released(sols=sols, photos=photos)
        return _json({"newest_sols": {name: h.totals()["max_sol"] for name, h in self._archive.histories.items()}})

    async def requests(self, request: Request) -> Reply:  # noqa: ARG002 - the handler's signature
        """``GET /control/requests``: what was asked of the upstream since the last reset."""
        return _json({"total": self._requests.total(), "paths": dict(self._requests), "faults": dict(self._faulty)})

    async def reset_counters(self, request: Request) -> Reply:  # noqa: ARG002 - the handler's signature
        """``POST /control/reset-counters``."""
        self._requests.clear()
        self._faulty.clear()
        return _json({"total": 0})


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status=status)


def build_app(config: ReplicaConfig) -> Starlette:
    """The web application of a replica."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    replica = Replica(config)
    return Starlette(
        routes=[
            Route("/api/v1/rovers/{rover}/photos", replica.photos),  # first: nearly every request asks for photos
            Route("/api/v1/manifests/{rover}", replica.manifest),
            Route("/api/v1/rovers", replica.rovers),
            Route("/rss/api/", replica.m20),
            Route("/api/v1/raw_image_items/", replica.msl),
            Route("/mmgis-maps/{mission}/Layers/json/{name}", replica.layer),
            Route("/mer/{name}", replica.mer_path),
            Route("/img/data/mer/{rover}/{volume}/index/{name}", replica.index),
            Route("/img/data/mer/{rover}/{volume}/browse/{path:path}", replica.picture),
            Route("/mars2020-raw-images/{path:path}", replica.picture),
            Route("/msl-raw-images/{path:path}", replica.picture),
            Route("/mer/gallery/{path:path}", replica.picture),
            Route("/truth", replica.truth),
            Route("/truth/ids", replica.ids),
            Route("/truth/observations", replica.observations),
            Route("/truth/pictures", replica.pictures),
            Route("/control/faults", replica.faults, methods=["GET", "POST"]),
            Route("/control/late", replica.late, methods=["POST"]),
            Route("/control/requests", replica.requests),
            Route("/control/reset-counters", replica.reset_counters, methods=["POST"]),
            Route("/{path:path}", replica.nothing),
        ],
    )


def _here(request: Request, response: Response) -> Response:
    """A response whose pictures are at the address at which the client found the replica."""
    if (begin := PICTURES.encode()) not in response.body:
        return response
    return replace(response, body=response.body.replace(begin, f"http://{request.headers['host']}".encode()))


def _elsewhere(request: Request) -> str:
    """The same picture at another host, which is the replica too, so that it counts who goes there."""
    host, _, port = request.headers["host"].partition(":")
    other = "localhost" if host == "127.0.0.1" else "127.0.0.1"
    return f"http://{other}:{port}{ELSEWHERE}{request.scope['path']}"


def build_server(config: ReplicaConfig, on_ready: Callable[[], None]) -> uvicorn.Server:
    """A uvicorn server of a replica, which calls ``on_ready`` as soon as it responds."""
    import uvicorn
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    class Protocol(HttpToolsProtocol):
        """Shows each request the transport of its connection, so that a fault can cut it."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            self.app_state = {**self.app_state, TRANSPORT: transport}
            super().connection_made(transport)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            on_ready()

    app = build_app(config)
    return Server(
        uvicorn.Config(
            app, http=Protocol, lifespan="off", log_level="warning", access_log=False, timeout_graceful_shutdown=5
        )
    )


def listen(host: str, port: int) -> tuple[socket.socket, str]:
    """A listening socket (port 0 picks a free one) and the base URL it stands for."""
    sock = socket.create_server((host, port), backlog=512)
    return sock, f"http://{host}:{sock.getsockname()[1]}"


def serve(config: ReplicaConfig, host: str = "127.0.0.1", port: int = 0, on_ready: Callable[[str], None] = print) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        config: what to serve.
        host: the address to listen on.
        port: the port; 0 picks a free one.
        on_ready: called with the base URL as soon as the replica responds.

    Raises:
        InputError: the address cannot be listened on.
    """
    try:
        sock, base_url = listen(host, port)
    except OSError as error:
        raise InputError(f"cannot listen on {host} port {port} ({error}); use another --port, 0 picks a free one") from error
    with sock, suppress(KeyboardInterrupt):
        build_server(config, lambda: on_ready(base_url)).run(sockets=[sock])
