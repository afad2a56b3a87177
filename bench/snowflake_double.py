"""The double of Snowflake, which notes what it is sent: ``python -m bench.snowflake_double PORT FILE``.

FILE gets a line of JSON for each login, statement and file that is staged: its kind, and of a file its bytes.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOGIN: Final = "login"
FILE: Final = "file"
CREATE_AS: Final = "create table as"

_LOGIN_PATH: Final = "/session/v1/login-request"
_QUERY_PATH: Final = "/queries/v1/query-request"
_CREATE_AS: Final = re.compile(r"create\s+(or\s+replace\s+)?(transient\s+|temporary\s+)?table\s+\S+\s+as\b", re.IGNORECASE)
_COMMENTS: Final = re.compile(r"\s*(/\*.*?\*/\s*|--[^\n]*\n\s*)*", re.DOTALL)


class Noting:
    """Middleware that notes logins and statements on their way to the double."""

    def __init__(self, app: ASGIApp, file: Path) -> None:
        self._app = app
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's way to ask."""
        if scope["type"] != "http" or (scope["method"] != "PUT" and scope["path"] not in (_LOGIN_PATH, _QUERY_PATH)):
            await self._app(scope, receive, send)
            return
        messages: list[Message] = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        body = b"".join(message.get("body", b"") for message in messages)
        if dict(scope["headers"]).get(b"content-encoding") == b"gzip":
            body = gzip.decompress(body)
        if scope["method"] == "PUT":
            self._note({"kind": FILE, "bytes": len(body)})
        else:
            self._note({"kind": LOGIN} if scope["path"] == _LOGIN_PATH else _statement(json.loads(body)["sqlText"]))

        async def again() -> Message:
            return messages.pop(0) if messages else await receive()

        await self._app(scope, again, send)

    def _note(self, what: dict[str, Any]) -> None:
        with self._file.open("a") as file:
            file.write(f"{json.dumps(what)}\n")


def _statement(text: str) -> dict[str, Any]:
    """The first word of a statement; tables that are made by a query are of a kind of their own."""
    bare = text[_COMMENTS.match(text).end() :]  # type: ignore[union-attr] # it matches nothing as well
    return {"kind": CREATE_AS if _CREATE_AS.match(bare) else bare.split(None, 1)[0].lower().strip("(;")}


def main() -> None:
    """Serve, and note."""
    from fakesnow.server import app

    from martian_moments_tests.fakesnow_server import serve

    port, file = sys.argv[1:]
    app.add_middleware(Noting, file=Path(file))
    serve(int(port))


if __name__ == "__main__":
    main()
