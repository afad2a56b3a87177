"""Addresses: a path becomes a URL and a URL a path in one place, and what a URL says is checked in one place."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, quote_from_bytes, unquote_to_bytes, urlsplit

_CONTROLS: Final = frozenset(map(chr, (*range(0x20), 0x7F)))
_IN_NO_HOST: Final = re.compile(r"[\s\\^`{|}<>\"]")
_QUOTING: Final = "/ is written %2F, ? %3F, # %23, @ %40, : %3A, [ %5B, ] %5D and % %25"


def url_of(scheme: str, path: Path) -> str:
    """The URL of an absolute path: ``<scheme>:///folder/file``, every character quoted that means something in a URL."""
    return f"{scheme}://{quote_from_bytes(os.fsencode(path))}"


def path_of(url: str) -> Path:
    """The absolute path that the URL of a file names; the inverse of :func:`url_of`.

    Raises:
        ValueError: it is no URL of a file; the message does not repeat it.
    """
    parts = taken_apart(url)
    if parts.netloc or not parts.path.strip("/"):
        raise ValueError("it names no file or folder of this machine: three slashes and an absolute path are needed")
    if {"?", "#"} & set(url):
        raise ValueError("in the address of a file ? is written %3F, # is %23 and % is %25")
    path = unquote_to_bytes(parts.path)
    try:
        path.decode()
    except UnicodeDecodeError:
        raise ValueError("the names of files and folders have to be UTF-8") from None
    if b"\0" in path:
        raise ValueError("no path has a %00")
    return Path(os.fsdecode(path))


def taken_apart(url: str) -> SplitResult:
    """The parts of a URL.

    Raises:
        ValueError: it is none. Unlike that of :mod:`urllib.parse`, the message repeats nothing of it, because the part that
            is wrong is often half of a password.
    """
    if _CONTROLS & set(url):
        # urlsplit leaves line breaks out, and then "a<line break>b" would be "ab".
        raise ValueError("an address has no line breaks and no tabs")
    try:
        return urlsplit(url)
    except ValueError:
        raise ValueError(f"it cannot be taken apart: in a user name or password {_QUOTING}") from None


def server_of(url: str) -> SplitResult:
    """The parts of the URL of one server, whose port can be read.

    Raises:
        ValueError: as for :func:`taken_apart`, or host and port cannot be distinguished from user, password and path.
    """
    parts = taken_apart(url)
    try:
        readable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        readable = False
    elsewhere = parts.path + parts.query + parts.fragment
    if not readable or _IN_NO_HOST.search(parts.netloc) or parts.netloc.count("@") > 1 or "@" in elsewhere:
        raise ValueError(f"its host or port cannot be read: a port is 1 to 65535, and in a user name or password {_QUOTING}")
    return parts
