"""``python -m bench.bare FOLDER``: Starlette and nothing else, with the responses of a folder in memory; prints its address.

The file ``targets.json`` says under which address the response of which file is sent.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.measuring import free_port


def main() -> None:
    """Serve until SIGTERM."""
    folder = Path(sys.argv[1])
    held = {
        target: (folder / name).read_bytes() for target, name in json.loads((folder / "targets.json").read_text()).items()
    }

    async def respond(request: Request) -> Response:
        query = request.scope["query_string"].decode()
        target = f"{request.scope['path']}?{query}" if query else request.scope["path"]
        return Response(held[target], media_type="application/json")

    port = free_port()
    print(f"http://127.0.0.1:{port}", flush=True)
    # The parser that the service has.
    uvicorn.run(
        Starlette(routes=[Route("/{path:path}", respond)]), port=port, http="h11", log_level="error", access_log=False
    )


if __name__ == "__main__":
    main()
