"""The two topics that are for other programs: asking for sols, and hearing what was loaded. JSON, schema 1.

``ingestion-scheduling`` takes two shapes::

    {"schema": 1, "rover": "curiosity", "first_sol": 100, "last_sol": 120, "refetch": false}
    {"schema": 1, "refresh": ["curiosity", "spirit"], "young": true}

The first asks for sols (``refetch``: also for those that the lake holds whole). The second asks again for the manifests and
traverse maps of rovers and, with ``young``, for every sol that may still get photos.

``warehouse-load-complete`` reports a load::

    {"schema": 1, "asset": "bronze/curiosity/photos", "loaded_at": "2026-04-01T12:00:00Z", "objects": ["photos/…"],
     "records": 856}

``docs/schemas`` has the JSON Schema of both, made from the models here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from martian_moments.domain.documents import MAX_SOL
from martian_moments.domain.errors import EventUnreadable
from martian_moments.domain.rovers import ROVERS
from martian_moments.events.log import INGESTION_REQUESTS, LOADS_COMPLETE, Message


def _known(rover: str) -> str:
    if rover not in ROVERS:
        raise ValueError(f"there is no rover {rover[:40]!r}; use one of {', '.join(ROVERS)}")
    return rover


RoverName = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(ROVERS)})]
Sol = Annotated[int, Field(ge=0, le=MAX_SOL)]


class SolsRequest(BaseModel):
    """Ask for the sols from ``first_sol`` to ``last_sol``, which is not below it; ``refetch``: also for whole ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = Field(alias="schema")
    rover: RoverName
    first_sol: Sol
    last_sol: Sol
    refetch: bool = False

    @model_validator(mode="after")
    def _rising(self) -> SolsRequest:
        if self.first_sol > self.last_sol:
            raise ValueError("first_sol is above last_sol")
        return self


class RefreshRequest(BaseModel):
    """Ask again for the manifests and traverse maps of rovers and, with ``young``, for their recent sols."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = Field(alias="schema")
    refresh: tuple[RoverName, ...] = Field(min_length=1)
    young: bool = True


def _shape(message: object) -> str:
    return "refresh" if isinstance(message, dict) and "refresh" in message else "sols"


# With the shape decided first, an error names the field that is wrong and not one that only the other shape has.
Request = Annotated[Annotated[SolsRequest, Tag("sols")] | Annotated[RefreshRequest, Tag("refresh")], Discriminator(_shape)]
_REQUEST: TypeAdapter[SolsRequest | RefreshRequest] = TypeAdapter(Request)


class LoadComplete(BaseModel):
    """Objects of the lake were loaded into bronze; ``records`` counts what is in them: photos, sols, waypoints."""

    model_config = ConfigDict(frozen=True)

    schema_version: Literal[1] = Field(alias="schema")
    asset: str
    loaded_at: AwareDatetime
    objects: tuple[str, ...]
    records: Annotated[int, Field(ge=0)]


_MODELS: Final[dict[str, TypeAdapter[Any]]] = {INGESTION_REQUESTS: _REQUEST, LOADS_COMPLETE: TypeAdapter(LoadComplete)}


def json_schemas() -> dict[str, dict[str, Any]]:
    """The JSON Schema of each topic's messages."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {topic: {**dialect, **model.json_schema(), "title": topic} for topic, model in _MODELS.items()}


def parse_request(value: bytes | None) -> SolsRequest | RefreshRequest:
    """What a message of ``ingestion-scheduling`` asks for. Raises EventUnreadable with the reason."""
    try:
        return _REQUEST.validate_json((value or b"").removeprefix(b"\xef\xbb\xbf"))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise EventUnreadable(f"not an ingestion request ({where or 'message'}: {first['msg']})") from error


def refresh_request(rovers: Sequence[str], *, young: bool) -> Message:
    """The message that asks for a refresh."""
    return Message("refresh", orjson.dumps({"schema": 1, "refresh": rovers, "young": young}))


def sols_request(rover: str, sols: Sequence[int], *, refetch: bool) -> Message:
    """The message that asks for the sols from the first to the last one given."""
    body = {"schema": 1, "rover": rover, "first_sol": min(sols), "last_sol": max(sols), "refetch": refetch}
    return Message(rover, orjson.dumps(body))


def load_complete(asset: str, loaded_at: datetime, objects: Collection[str], records: int) -> Message:
    """The message that reports a load."""
    load = LoadComplete(schema=1, asset=asset, loaded_at=loaded_at, objects=tuple(sorted(objects)), records=records)
    return Message(asset, load.model_dump_json(by_alias=True).encode())
