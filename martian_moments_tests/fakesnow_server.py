"""Snowflake for tests: fakesnow's HTTP server in a process of its own, brought nearer to what Snowflake documents.

fakesnow serves Snowflake's protocol from DuckDB. What is repaired here is where it fails or gives up; nothing of ours is
changed for its sake. ``python -m martian_moments_tests.fakesnow_server PORT`` serves until its standard input ends.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from string import Template
from typing import Any, cast

from sqlglot import exp

_transactions = threading.Lock()


_ELEMENTS = Template("""
create or replace macro ${catalog}._fs_flatten(input) as
    list_transform(cast(to_json(input) as json[]), lambda each, place: struct_pack(index := place - 1, value := each))
""")


def _without_temporary(node: exp.Expr) -> exp.Expr:
    """DuckDB keeps temporary tables in a catalog of their own, where their qualified names mean nothing."""
    if isinstance(node, exp.Create) and (properties := node.args.get("properties")):
        kept = [each for each in properties.expressions if not isinstance(each, exp.TemporaryProperty)]
        properties.set("expressions", kept)
    return node


def _hashed(node: exp.Expr) -> exp.Expr:
    """HASH_AGG, which fakesnow does not know: of whole rows, in any order."""
    if isinstance(node, exp.HashAgg):
        # Without the last bit: Snowflake's numbers of 64 bits have a sign.
        half = exp.BitwiseRightShift(this=exp.func("hash", exp.column("held")), expression=exp.Literal.number(1))
        return exp.func("bit_xor", half)
    return node


def _without_comments(statement: exp.Expr) -> exp.Expr:
    """fakesnow keeps those of tables in a table, whose writers wait for each other forever, and refuses those of columns."""
    is_of_columns = isinstance(statement, exp.Command) and "COMMENT $$" in str(statement.expression)
    if is_of_columns or isinstance(statement, exp.Comment):
        return exp.select(exp.Literal.string("Statement executed successfully.").as_("status"))
    return statement


def _unnested(node: exp.Expr) -> exp.Expr:
    """FLATTEN in the select list of a subquery: a lateral join hashes whole documents (4 GB for the four manifests)."""
    if not isinstance(node, exp.Select):
        return node
    for join in list(node.args.get("joins") or []):
        if isinstance(join.this, exp.Lateral) and isinstance(join.this.this, exp.Explode):
            elements = exp.func("unnest", exp.func("_fs_flatten", join.this.this.this.expression))
            source = exp.select("*", exp.alias_(elements, join.this.alias)).from_(node.args["from_"].this)
            node.set("from_", exp.From(this=source.subquery("flattened")))
            join.pop()
    return node


class _InPlace:
    """A statement that changes where it is: copied by each of fakesnow's 80 steps, it took them ten times as long."""

    def __init__(self, tree: exp.Expr) -> None:
        self.tree = tree

    def transform(self, step: Callable[..., exp.Expr], *args: Any, **more: Any) -> _InPlace:
        return _InPlace(self.tree.transform(step, *args, copy=False, **more))


def _repair() -> None:
    import fakesnow.arrow
    import fakesnow.macros
    import fakesnow.transforms
    import pyarrow as pa
    import sqlglot
    from fakesnow.cursor import FakeSnowflakeCursor

    transform = FakeSnowflakeCursor._transform
    execute = FakeSnowflakeCursor._execute
    as_struct = fakesnow.arrow.timestamp_to_sf_struct

    def prepared(cursor: FakeSnowflakeCursor, expression: exp.Expr, params: Any) -> exp.Expr:
        # What fakesnow takes for a tree is asked for nothing but transform().
        ours = _InPlace(_without_comments(expression)).transform(_without_temporary).transform(_unnested).transform(_hashed)
        done = cast("_InPlace", transform(cursor, cast("exp.Expr", ours), params))
        return done.tree

    def in_turn(cursor: FakeSnowflakeCursor, transformed: exp.Expr, params: Any = None) -> None:
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

    def with_nulls(moments: pa.ChunkedArray) -> pa.StructArray:
        """Of a timestamp that is null, fakesnow sends the parts: the connector takes them for 1970."""
        reported = as_struct(moments.fill_null(0))
        return pa.StructArray.from_arrays(
            reported.flatten(), fields=list(reported.type), mask=moments.combine_chunks().is_null()
        )

    # fakesnow takes MERGE apart into statements on a temporary table, which no transaction allows; DuckDB has MERGE.
    replaced: list[tuple[Any, str, Any]] = [
        (fakesnow.transforms, "merge", lambda merge: [merge]),
        (fakesnow.macros, "FS_FLATTEN", _ELEMENTS),
        (fakesnow.arrow, "timestamp_to_sf_struct", with_nulls),
        (FakeSnowflakeCursor, "_transform", prepared),
        (FakeSnowflakeCursor, "_execute", in_turn),
    ]
    for owner, name, ours in replaced:
        setattr(owner, name, ours)


def serve(port: int) -> None:
    """Serve on a port of 127.0.0.1 until standard input ends, then end this process."""
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
    serve(int(sys.argv[1]))
