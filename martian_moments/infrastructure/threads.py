"""Work in a worker thread that whoever is cancelled waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


async def in_thread(call: Callable[_P, _T], *args: _P.args, **named: _P.kwargs) -> _T:
    """``asyncio.to_thread``, but cancelled only when the call has ended: nobody closes or removes what it is working with.

    A thread cannot be cancelled. asyncio leaves it alone, and the caller goes on; anyio waits for it where one of its own
    scopes is cancelled, but not when Ctrl-C cancels a task.
    """
    work = asyncio.ensure_future(asyncio.to_thread(call, *args, **named))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        if not work.done():
            await asyncio.wait([work])
        if not work.cancelled():
            work.exception()  # there is nobody left who could do something about it
        raise
