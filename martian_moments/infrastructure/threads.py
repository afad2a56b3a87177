"""Work in a worker thread that whoever is cancelled waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


async def in_thread(call: Callable[_P, _T], *args: _P.args, **named: _P.kwargs) -> _T:
    """``asyncio.to_thread``, but cancelled only when the call has ended: nobody closes or removes what it is working with.

    A thread cannot be cancelled, and asyncio lets the caller go on meanwhile. However often the caller is cancelled, also by
    the end of the event loop, here it goes on when the thread has ended.
    """
    # A future and no task, which the end of the event loop would cancel under its thread.
    work = asyncio.get_running_loop().run_in_executor(None, partial(copy_context().run, partial(call, *args, **named)))
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        work.exception()  # there is nobody left who could do something about it
        raise cancelled
    return work.result()
