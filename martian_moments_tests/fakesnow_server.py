"""Snowflake for tests: fakesnow's HTTP server in a process of its own, brought nearer to what Snowflake documents.

fakesnow answers Snowflake's protocol from DuckDB. What is repaired here is where it fails or gives up; nothing of ours is
changed for its sake. ``python -m martian_moments_tests.fakesnow_server PORT`` serves until its standard input ends.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

_transactions = threading.Lock()


def _repair() -> None:
    import fakesnow.transforms
    import sqlglot
    from fakesnow.cursor import FakeSnowflakeCursor
    from sqlglot import exp

    transform = FakeSnowflakeCursor._transform
    execute = FakeSnowflakeCursor._execute

    def without_temporary(cursor: FakeSnowflakeCursor, expression: exp.Expression, params: Any) -> exp.Expression:
        """DuckDB keeps temporary tables in a catalog of their own, where their qualified names mean nothing."""
        if isinstance(expression, exp.Create) and (properties := expression.args.get("properties")):
            kept = [each for each in properties.expressions if not isinstance(each, exp.TemporaryProperty)]
            properties.set("expressions", kept)
        return transform(cursor, expression, params)

    def in_turn(cursor: FakeSnowflakeCursor, transformed: exp.Expression, params: Any = None) -> None:
        """A second writer waits for the lock of the first one, as in Snowflake; DuckDB would fail it for the conflict."""
        if isinstance(transformed, exp.Transaction):
            _transactions.acquire()
        try:
            execute(cursor, transformed, params)
            if isinstance(transformed, exp.Merge):
                execute(cursor, sqlglot.parse_one('select 1 as "number of rows inserted"'))
        finally:
            if isinstance(transformed, exp.Commit | exp.Rollback) and _transactions.locked():
                _transactions.release()

    # fakesnow takes MERGE apart into statements on a temporary table, which no transaction allows; DuckDB has MERGE.
    fakesnow.transforms.merge = lambda merge: [merge]
    FakeSnowflakeCursor._transform = without_temporary
    FakeSnowflakeCursor._execute = in_turn


def _serve(port: int) -> None:
    import uvicorn
    from fakesnow.server import app

    _repair()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while thread.is_alive() and not server.started:
        thread.join(0.05)
    print("serving" if server.started else "not started", flush=True)
    sys.stdin.read()
    # In-memory databases of every test go at once: an orderly end would wait for connections that clients keep alive.
    os._exit(0)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
