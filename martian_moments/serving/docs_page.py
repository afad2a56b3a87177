"""``/docs``: what ``/openapi.json`` says, for people, by Swagger UI, whose files come with a package and from this host."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from martian_moments.serving.problems import Problem

_PACKAGE: Final = "fastapi_offline"
"""It has the files of Swagger UI. Its own page runs a script inside the page, which our policy forbids."""

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>martian-moments: the API</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
  <div id="page"></div>
  <script src="/docs/swagger-ui-bundle.js"></script>
  <script src="/docs/start.js"></script>
</body>
</html>
"""

_START: Final = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
  validatorUrl: null,
});
"""

_TYPES: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

router = APIRouter(prefix="/docs", include_in_schema=False)


@router.get("")
async def page() -> Response:
    """The page."""
    return Response(_PAGE, media_type="text/html; charset=utf-8")


@router.get("/{name}")
async def file(name: str) -> Response:
    """A file of the page."""
    held = _files()
    if name not in held:
        raise Problem(404, "the page has no such file")
    return Response(held[name], media_type=_TYPES[name[name.rindex(".") :]])


@cache
def _files() -> dict[str, bytes]:
    static = files(_PACKAGE) / "static"
    held = {name: (static / name).read_bytes() for name in ("swagger-ui-bundle.js", "swagger-ui.css")}
    return held | {"start.js": _START.encode()}
