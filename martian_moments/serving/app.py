"""The application: every route, and what holds for all of them."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from starlette.middleware import Middleware

from martian_moments.domain.errors import NotReady
from martian_moments.infrastructure.redaction import Redaction
from martian_moments.lake.store import Lake
from martian_moments.serving import docs_page, files
from martian_moments.serving.explorer import router as explorer
from martian_moments.serving.middleware import Builds, CommonHeaders, Compression, Failures, Heads, KnownHosts, Limits
from martian_moments.serving.problems import Errors
from martian_moments.serving.snapshot import Snapshot
from martian_moments.serving.snapshots import Snapshots
from martian_moments.serving.stac import routes as stac_routes
from martian_moments.serving.v1 import routes as v1_routes
from martian_moments.serving.v1.responses import error_response
from martian_moments.serving.v2 import routes as v2_routes
from martian_moments.warehouse.published import Published

ROUTERS: Final[tuple[APIRouter, ...]] = (
    v1_routes.router,
    v2_routes.router,
    stac_routes.router,
    files.router,
    explorer.router,
)
"""The routes, in the order in which they are looked for."""

FILES: Final = ("/published", "/moments/", "/pictures/")
"""The beginnings of paths of files, which are sent as they are, in parts as well."""

OTHERS: Final = (*FILES, "/health", explorer.MOVIES, v2_routes.MOVIES)
"""The beginnings of paths whose responses do not follow from the build alone: routes give them an ETag, or none."""


def create_app(
    snapshots: Snapshots,
    *,
    lake: Lake,
    published: Published,
    hosts: Iterable[str] = (),
    redaction: Redaction | None = None,
) -> FastAPI:
    """The service.

    Args:
        snapshots: the source of its tables; opened when the application starts, and closed when it ends.
        lake: where movies and pictures are.
        published: where the files of the tables are.
        hosts: names that it is called by besides those of loopback.
        redaction: what hides secrets in the log.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with snapshots:
            yield

    errors = Errors(dict.fromkeys(v1_routes.PREFIXES, error_response))
    app = FastAPI(
        title="martian-moments",
        version=version("martian-moments"),
        description="What NASA's four Mars rovers photographed and where they drove.",
        lifespan=lifespan,
        docs_url=None,  # docs_page.py has it
        redoc_url=None,
        middleware=[
            Middleware(CommonHeaders),
            Middleware(Failures, errors, redaction or Redaction(())),
            Middleware(KnownHosts, errors, tuple(hosts)),
            Middleware(Limits, errors),
            Middleware(Heads),
            Middleware(Builds, snapshots, code_digest(), OTHERS),
            Middleware(Compression, FILES),
        ],
    )
    errors.handle(app)
    app.state.lake, app.state.published, app.state.snapshots = lake, published, snapshots
    for router in (_HEALTH, docs_page.router, *ROUTERS):
        app.include_router(router)
    return app


@cache
def code_digest() -> str:
    """A digest of everything that makes responses: of another release, or of a changed file, they are others."""
    digest = hashlib.sha256(version("martian-moments").encode())
    folder = Path(__file__).parent
    for package in (folder, folder.parent / "formats"):
        for file in sorted(each for each in package.rglob("*") if each.is_file() and "__pycache__" not in each.parts):
            digest.update(f"\0{file.relative_to(folder.parent)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


_HEALTH: Final = APIRouter()


@_HEALTH.get("/health", include_in_schema=False)
async def health(request: Request) -> dict[str, Any]:
    """Whether the service has tables, of which build, and what keeps it from a newer one. It responds in any case."""
    held: Snapshot | NotReady = request.state.snapshot
    reason = request.app.state.snapshots.reason
    if isinstance(held, NotReady):
        return {"ready": False, "reason": str(held)}
    return {"ready": True, "build": held.build, "published_at": held.data_through, "reason": reason}
