"""Whether a code server is up, by the client that Dagster's daemon uses for it and does not export."""

from __future__ import annotations

from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._grpc.client import DagsterGrpcClient


def is_serving(port: int) -> bool:
    """Whether the code server on this port of 127.0.0.1 has loaded its definitions and responds to a ping."""
    try:
        DagsterGrpcClient(host="127.0.0.1", port=port).ping("")
    except DagsterUserCodeUnreachableError:
        return False
    return True
